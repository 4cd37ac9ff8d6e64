//! The timers' behaviour where the manual gives numbers.

use super::*;
use crate::peripherals::System;
use crate::peripherals::system::Domain;
use crate::units::Hz;

fn run_to(timer: &mut Timer, ctx: &mut Ctx<'_>, tick: u64) {
    while ctx.system.next_due() <= Tick(tick) {
        ctx.system.now = ctx.system.next_due();
        let (_, _, event) = ctx.system.take_due().expect("due");
        timer.due(event, ctx);
    }
    ctx.system.now = Tick(tick);
}

/// What became of an output: when it rose.
fn rises(timer: &mut Timer, ctx: &mut Ctx<'_>, output: usize, until: u64) -> Vec<u64> {
    let mut seen = Vec::new();
    while ctx.system.next_due() <= Tick(until) {
        ctx.system.now = ctx.system.next_due();
        let (_, _, event) = ctx.system.take_due().expect("due");
        timer.due(event, ctx);
        let now = ctx.system.now.0;
        seen.extend(ctx.system.signals.drain(..).filter(|s| s.output == output && s.high).map(|_| now));
    }
    seen
}

macro_rules! timer {
    ($timer:ident, $ctx:ident, $make:expr) => {
        let mut system = System::new(Hz(8_000_000));
        let mut $ctx = Ctx { system: &mut system, device: 0, name: "TIM2", lines: &[44], domain: Domain::Apb1 };
        let mut $timer = $make;
        $timer.restart(true, &mut $ctx);
    };
}

#[test]
fn updates_come_every_psc_plus_one_times_arr_plus_one_clocks() {
    // RM0008, 15.3.1 and 15.3.2; the first counts from one clock after CEN.
    timer!(timer, ctx, Timer::general());
    timer.write(PSC, 9, &mut ctx);
    timer.write(ARR, 99, &mut ctx);
    timer.write(EGR, 1, &mut ctx);
    assert_eq!(timer.read(SR, &mut ctx), UIF);
    timer.write(SR, 0, &mut ctx);
    timer.write(DIER, UIF, &mut ctx);
    timer.write(CR1, CEN, &mut ctx);
    for period in 1..4 {
        assert_eq!(ctx.system.next_due(), Tick(1 + period * 1000));
        run_to(&mut timer, &mut ctx, 1 + period * 1000);
        assert!(ctx.system.exceptions.is_pending(44));
        timer.write(SR, 0, &mut ctx);
        ctx.system.exceptions.set_pending(44, false);
    }
    run_to(&mut timer, &mut ctx, 1 + 3000 + 555);
    assert_eq!(timer.read(CNT, &mut ctx), 55);
}

#[test]
fn a_timer_that_nobody_asks_schedules_nothing_and_still_is_right_an_hour_later() {
    timer!(timer, ctx, Timer::general());
    timer.write(ARR, 99, &mut ctx);
    timer.write(CR1, CEN, &mut ctx);
    assert_eq!(ctx.system.next_due(), Tick::NEVER);
    let hour = 3600 * 8_000_000u64;
    ctx.system.now = Tick(1 + hour + 42);
    assert_eq!(timer.read(CNT, &mut ctx), ((hour + 42) % 100) as u32);
    assert_eq!(timer.read(SR, &mut ctx) & UIF, UIF);
}

#[test]
fn the_prescaler_takes_effect_at_the_update() {
    // RM0008, figure 105: the new division begins with the next period.
    timer!(timer, ctx, Timer::general());
    timer.write(ARR, 9, &mut ctx);
    timer.write(DIER, UIF, &mut ctx);
    timer.write(CR1, CEN, &mut ctx);
    timer.write(PSC, 1, &mut ctx);
    assert_eq!(ctx.system.next_due(), Tick(11));
    run_to(&mut timer, &mut ctx, 11);
    assert_eq!(ctx.system.next_due(), Tick(31));
}

#[test]
fn pwm_drives_the_trigger_output_and_compare_sets_its_flag() {
    // RM0008, 15.3.9: in mode 1 the reference is active while CNT < CCR; here CCR 4 of 10.
    timer!(timer, ctx, Timer::general());
    timer.write(ARR, 9, &mut ctx);
    timer.write(CCR1 + 4, 4, &mut ctx);
    timer.write(CCMR1, 7 << 12, &mut ctx); // mode 2: active from the match on
    timer.write(CR2, 5 << 4, &mut ctx);
    timer.listened(TRGO, true, &mut ctx);
    timer.write(CR1, CEN, &mut ctx);
    ctx.system.signals.clear();
    assert_eq!(rises(&mut timer, &mut ctx, TRGO, 40), [5, 15, 25, 35]);
    assert_eq!(timer.read(SR, &mut ctx) & CC1IF << 1, CC1IF << 1);
}

#[test]
fn one_pulse_mode_stops_at_the_update() {
    // RM0008, 15.3.10.
    timer!(timer, ctx, Timer::general());
    timer.write(ARR, 9, &mut ctx);
    timer.write(DIER, UIF, &mut ctx);
    timer.write(CR1, CEN | OPM, &mut ctx);
    run_to(&mut timer, &mut ctx, 100);
    assert_eq!(timer.read(CR1, &mut ctx) & CEN, 0);
    assert_eq!((timer.read(CNT, &mut ctx), ctx.system.next_due()), (0, Tick::NEVER));
}

#[test]
fn repetitions_thin_out_the_updates() {
    // RM0008, 14.3.3: RCR 2 makes every third overflow an update.
    timer!(timer, ctx, Timer::advanced());
    timer.write(ARR, 9, &mut ctx);
    timer.write(RCR, 2, &mut ctx);
    timer.write(EGR, 1, &mut ctx);
    timer.write(SR, 0, &mut ctx);
    timer.write(DIER, UIF << 8, &mut ctx);
    timer.write(CR1, CEN, &mut ctx);
    ctx.system.signals.clear();
    assert_eq!(rises(&mut timer, &mut ctx, UP, 65), [31, 61]);
}

#[test]
fn a_capture_keeps_the_count_and_an_unread_one_overcaptures() {
    // RM0008, 15.3.5.
    timer!(timer, ctx, Timer::general());
    timer.write(CCMR1, 1, &mut ctx);
    timer.write(CCER, 1, &mut ctx);
    timer.write(CR1, CEN, &mut ctx);
    ctx.system.now = Tick(101);
    timer.input(PINS, true, &mut ctx);
    assert_eq!(timer.read(SR, &mut ctx) & CC1IF, CC1IF);
    ctx.system.now = Tick(151);
    timer.input(PINS, false, &mut ctx);
    ctx.system.now = Tick(201);
    timer.input(PINS, true, &mut ctx);
    assert_eq!(timer.read(SR, &mut ctx) & (CC1IF | CC1OF), CC1IF | CC1OF);
    assert_eq!(timer.read(CCR1, &mut ctx), 200);
    assert_eq!(timer.read(SR, &mut ctx) & CC1IF, 0);
}

#[test]
fn the_encoder_counts_as_the_manuals_table_says() {
    // RM0008, table 85 (counting on both inputs): TI1 leads TI2: up; four counts a period.
    timer!(timer, ctx, Timer::general());
    timer.write(CCMR1, 0x0101, &mut ctx);
    timer.write(SMCR, 3, &mut ctx);
    timer.write(CR1, CEN, &mut ctx);
    let mut steps = |first: usize, second: usize| {
        for (input, level) in [(first, true), (second, true), (first, false), (second, false)] {
            timer.input(PINS + input, level, &mut ctx);
        }
        timer.read(CNT, &mut ctx)
    };
    assert_eq!(steps(0, 1), 4);
    assert_eq!(steps(0, 1), 8);
    assert_eq!(steps(1, 0), 4);
}

#[test]
fn a_slave_counts_its_masters_triggers() {
    // RM0008, 15.3.15, "using one timer as prescaler for another".
    timer!(timer, ctx, Timer::general());
    timer.write(SMCR, 1 << 4 | 7, &mut ctx);
    timer.write(CR1, CEN, &mut ctx);
    for _ in 0..5 {
        timer.input(1, true, &mut ctx);
        timer.input(1, false, &mut ctx);
        timer.input(2, true, &mut ctx);
        timer.input(2, false, &mut ctx);
    }
    ctx.system.now = Tick(10_000);
    assert_eq!(timer.read(CNT, &mut ctx), 5);
}

#[test]
fn an_apb_timer_runs_at_twice_a_divided_bus_clock() {
    // RM0008, figure 8.
    timer!(timer, ctx, Timer::general());
    ctx.system.clocks.hclk = Hz(72_000_000);
    ctx.system.clocks.pclk1 = Hz(36_000_000);
    timer.clocks_changed(&mut ctx);
    timer.write(CR1, CEN, &mut ctx);
    ctx.system.now = Tick(1001);
    assert_eq!(timer.read(CNT, &mut ctx), 1000);
    ctx.system.clocks.pclk1 = Hz(18_000_000);
    timer.clocks_changed(&mut ctx);
    ctx.system.now = Tick(2001);
    assert_eq!(timer.read(CNT, &mut ctx), 1500);
}
