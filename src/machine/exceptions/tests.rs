//! The exception model on a core made of plain variables. Expectations are the architecture manual's (DDI 0403), by section.

use super::*;
use std::collections::BTreeMap;

/// A core that is nothing but its architectural state.
struct FakeCore {
    r: [u32; 16],
    msp: u32,
    psp: u32,
    xpsr: u32,
    spsel: bool,
    masks: Masks,
    memory: BTreeMap<u32, u32>,
}

impl FakeCore {
    fn new() -> Self {
        let mut memory = BTreeMap::new();
        for word in (0x2000_0000..0x2000_1000).step_by(4) {
            memory.insert(word, 0xdead_beef);
        }
        for n in 0..64 {
            memory.insert(n * 4, 0x0800_1001 + n * 0x10);
        }
        let mut r = [0; 16];
        r[15] = 0x0800_0100;
        Self { r, msp: 0x2000_1000, psp: 0x2000_0800, xpsr: 1 << 24, spsel: false, masks: Masks::default(), memory }
    }

    fn sp(&mut self) -> &mut u32 {
        if self.xpsr & 0x1ff == 0 && self.spsel { &mut self.psp } else { &mut self.msp }
    }
}

impl CoreAccess for FakeCore {
    fn reg(&self, index: u8) -> u32 {
        match index {
            13 if self.xpsr & 0x1ff == 0 && self.spsel => self.psp,
            13 => self.msp,
            n => self.r[n as usize],
        }
    }
    fn set_reg(&mut self, index: u8, value: u32) {
        match index {
            13 => *self.sp() = value,
            n => self.r[n as usize] = value,
        }
    }
    fn xpsr(&self) -> u32 {
        self.xpsr
    }
    fn set_xpsr(&mut self, value: u32) {
        self.xpsr = value;
    }
    fn thread_uses_psp(&self) -> bool {
        self.spsel
    }
    fn set_thread_uses_psp(&mut self, psp: bool) {
        self.spsel = psp;
    }
    fn masks(&self) -> Masks {
        self.masks
    }
    fn clear_faultmask(&mut self) {
        self.masks.faultmask = false;
    }
    fn load(&self, address: u32) -> Option<u32> {
        self.memory.get(&address).copied()
    }
    fn store(&mut self, address: u32, value: u32) -> Option<()> {
        self.memory.get_mut(&address).map(|word| *word = value)
    }
}

fn pend(exceptions: &mut Exceptions, n: Number, priority: u8) {
    exceptions.set_priority(n, priority);
    exceptions.set_enabled(n, true);
    exceptions.set_pending(n, true);
}

#[test]
fn entry_stacks_eight_words_and_exit_restores_them() {
    // B1.5.6: R0-R3, R12, LR, return address, xPSR, lowest address first; LR gets EXC_RETURN 0xfffffff9 from thread mode on MSP.
    let (mut core, mut exceptions) = (FakeCore::new(), Exceptions::default());
    for i in 0..13 {
        core.set_reg(i, 100 + u32::from(i));
    }
    core.set_reg(14, 0x0800_0201);
    core.xpsr |= 0x6000_0000;
    exceptions.enter(&mut core, 16).expect("no lock-up");
    assert_eq!(core.msp, 0x2000_1000 - 0x20);
    let frame: Vec<u32> = (0..8).map(|i| core.memory[&(core.msp + i * 4)]).collect();
    assert_eq!(frame, [100, 101, 102, 103, 112, 0x0800_0201, 0x0800_0100, 0x6100_0000]);
    assert_eq!((core.r[14], core.r[15], core.xpsr & 0x1ff), (0xffff_fff9, 0x0800_1100, 16));
    for i in 0..4 {
        core.set_reg(i, 0);
    }
    assert_eq!(exceptions.exit(&mut core, 0xffff_fff9), Ok(Return::Done));
    assert_eq!((core.r[0], core.r[3], core.r[15], core.msp, core.xpsr), (100, 103, 0x0800_0100, 0x2000_1000, 0x6100_0000));
}

#[test]
fn a_misaligned_stack_is_aligned_to_eight_and_restored() {
    // B1.5.7: with CCR.STKALIGN set, bit 9 of the stacked xPSR says that four bytes were skipped.
    let (mut core, mut exceptions) = (FakeCore::new(), Exceptions::default());
    core.msp = 0x2000_0ffc;
    exceptions.enter(&mut core, 16).expect("no lock-up");
    assert_eq!(core.msp, 0x2000_0fd8);
    assert_ne!(core.memory[&(core.msp + 28)] & (1 << 9), 0);
    assert_eq!(exceptions.exit(&mut core, 0xffff_fff9), Ok(Return::Done));
    assert_eq!(core.msp, 0x2000_0ffc);
}

#[test]
fn a_more_urgent_interrupt_nests_and_a_less_urgent_one_waits() {
    let (mut core, mut exceptions) = (FakeCore::new(), Exceptions::default());
    pend(&mut exceptions, 20, 0x40);
    assert_eq!(exceptions.takeable(core.masks), Some(20));
    exceptions.enter(&mut core, 20).expect("no lock-up");
    pend(&mut exceptions, 21, 0x40);
    assert_eq!(exceptions.takeable(core.masks), None, "equal priority does not preempt");
    pend(&mut exceptions, 22, 0x30);
    assert_eq!(exceptions.takeable(core.masks), Some(22));
    exceptions.enter(&mut core, 22).expect("no lock-up");
    assert_eq!(core.r[14], 0xffff_fff1);
    assert_eq!(exceptions.exit(&mut core, 0xffff_fff1), Ok(Return::Done));
    assert_eq!(core.xpsr & 0x1ff, 20);
    assert_eq!(exceptions.exit(&mut core, 0xffff_fff9), Ok(Return::TailChained(21)), "B1.5.12");
    assert_eq!(exceptions.exit(&mut core, 0xffff_fff9), Ok(Return::Done));
    assert_eq!(core.msp, 0x2000_1000);
}

#[test]
fn a_more_urgent_interrupt_that_arrives_during_entry_goes_first_on_the_same_frame() {
    // B1.5.11 and DDI 0337E, 5.6: no second frame, the other exception pending and not active, then tail-chained.
    let (mut core, mut exceptions) = (FakeCore::new(), Exceptions::default());
    pend(&mut exceptions, 20, 0x40);
    exceptions.enter(&mut core, 20).expect("no lock-up");
    assert_eq!(exceptions.late_arrival(&mut core, 20), Ok(None));
    pend(&mut exceptions, 21, 0x40);
    assert_eq!(exceptions.late_arrival(&mut core, 20), Ok(None), "equal priority does not overtake");
    pend(&mut exceptions, 22, 0x30);
    assert_eq!(exceptions.late_arrival(&mut core, 20), Ok(Some(22)));
    assert_eq!((core.r[14], core.r[15], core.xpsr & 0x1ff, core.msp), (0xffff_fff9, 0x0800_1160, 22, 0x2000_1000 - 0x20));
    assert_eq!([20, 22].map(|n| (exceptions.is_active(n), exceptions.is_pending(n))), [(false, true), (true, false)]);
    assert_eq!(exceptions.exit(&mut core, 0xffff_fff9), Ok(Return::TailChained(20)));
    assert_eq!(exceptions.exit(&mut core, 0xffff_fff9), Ok(Return::TailChained(21)));
    assert_eq!(exceptions.exit(&mut core, 0xffff_fff9), Ok(Return::Done));
    assert_eq!((core.r[15], core.msp), (0x0800_0100, 0x2000_1000));
}

#[test]
fn subpriority_decides_order_but_not_preemption() {
    // B3.2.6: PRIGROUP 5 leaves bits 7:6 for the group.
    let mut exceptions = Exceptions { priority_group: 5, ..Exceptions::default() };
    let mut core = FakeCore::new();
    pend(&mut exceptions, 20, 0x50);
    pend(&mut exceptions, 21, 0x40);
    assert_eq!(exceptions.takeable(core.masks), Some(21));
    exceptions.enter(&mut core, 20).expect("no lock-up");
    assert_eq!(exceptions.takeable(core.masks), None);
}

#[test]
fn primask_basepri_and_faultmask_hold_interrupts_back() {
    let mut exceptions = Exceptions::default();
    pend(&mut exceptions, 20, 0x40);
    for masks in [
        Masks { primask: true, ..Masks::default() },
        Masks { faultmask: true, ..Masks::default() },
        Masks { basepri: 0x40, ..Masks::default() },
    ] {
        assert_eq!(exceptions.takeable(masks), None, "{masks:?}");
    }
    assert_eq!(exceptions.takeable(Masks { basepri: 0x50, ..Masks::default() }), Some(20));
    assert!(exceptions.wakes(Masks { primask: true, ..Masks::default() }), "WFI ignores PRIMASK (B1.5.19)");
    exceptions.set_pending(number::NMI, true);
    assert_eq!(exceptions.takeable(Masks { primask: true, basepri: 0x10, faultmask: true }), Some(number::NMI));
}

#[test]
fn a_line_that_stays_high_pends_again_on_return() {
    let (mut core, mut exceptions) = (FakeCore::new(), Exceptions::default());
    exceptions.set_enabled(20, true);
    exceptions.set_level(20, true);
    assert_eq!(exceptions.takeable(core.masks), Some(20));
    exceptions.enter(&mut core, 20).expect("no lock-up");
    assert_eq!(exceptions.exit(&mut core, 0xffff_fff9), Ok(Return::TailChained(20)));
    exceptions.set_level(20, false);
    assert_eq!(exceptions.exit(&mut core, 0xffff_fff9), Ok(Return::Done));
}

#[test]
fn returning_with_exc_return_fd_switches_to_the_process_stack() {
    // B1.5.8; this is how an operating system starts its first thread.
    let (mut core, mut exceptions) = (FakeCore::new(), Exceptions::default());
    exceptions.enter(&mut core, number::SV_CALL).expect("no lock-up");
    for (i, word) in [0, 1, 2, 3, 12, 0xffff_ffff, 0x0800_0400, 1 << 24].into_iter().enumerate() {
        core.memory.insert(core.psp + i as u32 * 4, word);
    }
    assert_eq!(exceptions.exit(&mut core, 0xffff_fffd), Ok(Return::Done));
    assert_eq!((core.r[15], core.spsel, core.psp), (0x0800_0400, true, 0x2000_0820));
}

#[test]
fn illegal_returns_are_invpc_usage_faults() {
    for (exc_return, nested) in [(0xffff_fff1u32, false), (0xffff_fff5, false), (0xffff_fff9, true)] {
        let (mut core, mut exceptions) = (FakeCore::new(), Exceptions::default());
        exceptions.set_priority(20, 0x40);
        exceptions.enter(&mut core, 20).expect("no lock-up");
        if nested {
            exceptions.enter(&mut core, 16).expect("no lock-up");
        }
        exceptions.set_enabled(number::USAGE_FAULT, true);
        assert_eq!(exceptions.exit(&mut core, exc_return), Ok(Return::Faulted(Fault::InvalidReturn)), "{exc_return:#x}");
        assert_ne!(exceptions.fault_status & (1 << 18), 0);
    }
}

#[test]
fn a_disabled_fault_escalates_and_a_fault_in_hard_fault_locks_up() {
    // B1.5.13 and B1.5.15.
    let (mut core, mut exceptions) = (FakeCore::new(), Exceptions::default());
    assert_eq!(exceptions.raise(Fault::Undefined, core.masks), Ok(number::HARD_FAULT));
    assert_eq!((exceptions.hard_fault_status, exceptions.fault_status), (1 << 30, 1 << 16));
    exceptions.enter(&mut core, number::HARD_FAULT).expect("no lock-up");
    assert_eq!(exceptions.raise(Fault::Undefined, core.masks), Err(Lockup));
    let mut enabled = Exceptions::default();
    enabled.set_enabled(number::USAGE_FAULT, true);
    assert_eq!(enabled.raise(Fault::DivideByZero, Masks::default()), Ok(number::USAGE_FAULT));
}

#[test]
fn an_entry_that_cannot_push_takes_a_bus_fault_instead() {
    let (mut core, mut exceptions) = (FakeCore::new(), Exceptions::default());
    exceptions.set_enabled(number::BUS_FAULT, true);
    exceptions.set_priority(20, 0x40);
    core.msp = 0x1000_0000;
    pend(&mut exceptions, 20, 0x40);
    exceptions.enter(&mut core, 20).expect("no lock-up");
    assert_eq!(core.xpsr & 0x1ff, u32::from(number::BUS_FAULT));
    assert!(exceptions.is_pending(20), "the exception that was displaced is still to come");
    assert_ne!(exceptions.fault_status & (1 << 12), 0);
}
