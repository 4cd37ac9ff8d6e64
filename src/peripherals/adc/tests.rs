//! The converter's behaviour where the manual gives numbers.

use super::*;
use crate::peripherals::System;
use crate::peripherals::analog::Source;
use crate::peripherals::system::Domain;
use crate::units::Tick;

fn run_to(adc: &mut Adc, ctx: &mut Ctx<'_>, tick: u64) {
    ctx.system.now = Tick(tick);
    while let Some((at, _, event)) = ctx.system.take_due() {
        ctx.system.now = at;
        adc.due(event, ctx);
        ctx.system.now = Tick(tick);
    }
}

#[test]
fn a_conversion_takes_its_sample_time_and_twelve_and_a_half_cycles() {
    // RM0008, 11.6: TCONV = sampling time + 12.5 cycles; with 1.5 cycles 14 in all. ADCCLK is PCLK2 / 2 here.
    let mut system = System::new(Hz(8_000_000));
    system.analog.connect(3, Source::Constant(1234));
    let mut ctx = Ctx { system: &mut system, device: 0, name: "ADC1", lines: &[34], domain: Domain::Apb2 };
    let mut adc = Adc::alone();
    adc.write(SQR3, 3, &mut ctx);
    adc.write(CR1, EOCIE, &mut ctx);
    adc.write(CR2, ADON, &mut ctx);
    adc.write(CR2, ADON | EXTTRIG | 7 << 17, &mut ctx);
    adc.write(CR2, ADON | EXTTRIG | 7 << 17 | SWSTART, &mut ctx);
    run_to(&mut adc, &mut ctx, 27);
    assert_eq!(adc.peek(SR), STRT);
    run_to(&mut adc, &mut ctx, 28);
    assert_eq!(adc.peek(SR), STRT | EOC);
    assert!(ctx.system.exceptions.is_pending(34));
    assert_eq!(adc.read(DR, &mut ctx), 1234);
    assert_eq!(adc.peek(SR), STRT);
}

#[test]
fn injected_channels_interrupt_and_subtract_their_offset() {
    // RM0008, 11.3.9 and 11.12.5; a lone injected channel is in JSQ4.
    let mut system = System::new(Hz(8_000_000));
    system.analog.connect(1, Source::Constant(100));
    system.analog.connect(2, Source::Constant(50));
    let mut ctx = Ctx { system: &mut system, device: 0, name: "ADC1", lines: &[34], domain: Domain::Apb2 };
    let mut adc = Adc::alone();
    adc.write(SQR3, 1, &mut ctx);
    adc.write(JSQR, 2 << 15, &mut ctx);
    adc.write(JOFR1, 60, &mut ctx);
    let on = ADON | EXTTRIG | 7 << 17 | JEXTTRIG | 7 << 12;
    adc.write(CR2, on, &mut ctx);
    adc.write(CR2, on | SWSTART, &mut ctx);
    ctx.system.now = Tick(10);
    adc.write(CR2, on | JSWSTART, &mut ctx);
    run_to(&mut adc, &mut ctx, 38);
    assert_eq!((adc.peek(SR) & JEOC, adc.peek(JDR1)), (JEOC, 0xfff6));
    assert_eq!(adc.peek(DR), 0);
    run_to(&mut adc, &mut ctx, 66);
    assert_eq!(adc.peek(DR), 100);
}
