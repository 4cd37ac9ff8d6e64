//! What it is: power control: access to the backup domain, stop and standby, the wake-up pin, and the backup registers.
//! Source: RM0008 sections 5.4 (PWR) and 6.4 (BKP).
//! Does not model: the supply (the voltage detector never fires), the tamper pin, the RTC's output pin and calibration.
//! Tested by: `registers_conform`, `firmware-images/tests/wakeups`, `resets`, `rtc_alarm`.

use super::system::Ctx;
use super::{Peripheral, Register, Registers};

const CR: u32 = 0x0;
const CSR: u32 = 0x4;

const REGISTERS: &[Register] =
    &[Register::new(CR, "CR", 0, 0x1f3).not_modelled(0xf0), Register::new(CSR, "CSR", 0, 0x100).volatile(0x7)];
/// CR: regulator in low power in stop; standby instead of stop; clear WUF; clear SBF; the backup domain can be written.
const LPDS: u32 = 1 << 0;
const PDDS: u32 = 1 << 1;
const CWUF: u32 = 1 << 2;
const CSBF: u32 = 1 << 3;
const DBP: u32 = 1 << 8;
/// CSR: woken up; was in standby; the wake-up pin is enabled.
const WUF: u32 = 1 << 0;
const SBF: u32 = 1 << 1;
const EWUP: u32 = 1 << 8;
/// The inputs: the wake-up pin, the RTC's alarm.
const WAKE_UP_PIN: usize = 0;

/// The device.
#[derive(Clone)]
pub struct Pwr {
    registers: Registers,
}

impl Default for Pwr {
    fn default() -> Self {
        Self { registers: Registers::new(REGISTERS) }
    }
}

impl Peripheral for Pwr {
    fn registers(&self) -> &Registers {
        &self.registers
    }

    fn registers_mut(&mut self) -> &mut Registers {
        &mut self.registers
    }

    fn outputs(&self) -> &'static [&'static str] {
        &["PVD"]
    }

    fn write(&mut self, offset: u32, value: u32, ctx: &mut Ctx<'_>) {
        self.registers.store(offset, value);
        if offset == CR {
            self.registers.set_bits(CSR, WUF, self.registers.get(CSR) & WUF != 0 && value & CWUF == 0);
            self.registers.set_bits(CSR, SBF, self.registers.get(CSR) & SBF != 0 && value & CSBF == 0);
            ctx.system.backup_access = value & DBP != 0;
            ctx.system.deep_sleep.standby = value & PDDS != 0;
            ctx.system.deep_sleep.low_power = value & LPDS != 0;
        }
    }

    fn input(&mut self, input: usize, high: bool, ctx: &mut Ctx<'_>) {
        if high && (input != WAKE_UP_PIN || self.registers.get(CSR) & EWUP != 0) {
            self.registers.set_bits(CSR, WUF, true);
            ctx.system.wake_up = true;
        }
    }

    fn works_in_stop(&self) -> bool {
        true
    }

    fn restart(&mut self, fresh: bool, ctx: &mut Ctx<'_>) -> bool {
        // What the wake-up flags say outlasts the reset that ends standby.
        if fresh && std::mem::take(&mut ctx.system.woken_from_standby) {
            self.registers.set_bits(CSR, SBF | WUF, true);
        }
        fresh
    }
}

/// DR1 to DR10 lie at 0x04, DR11 to DR42 (high and XL density) at 0x40.
const BACKUP: &[Register] = &[
    Register::new(0x04, "DR", 0, 0xffff).array(10),
    Register::new(0x2c, "RTCCR", 0, 0x3ff).not_modelled(0x3ff),
    Register::new(0x30, "CR", 0, 0x3).not_modelled(0x3),
    Register::new(0x34, "CSR", 0, 0x4).not_modelled(0x4),
    Register::new(0x40, "DR11_", 0, 0xffff).array(32),
];

/// The backup registers.
#[derive(Clone)]
pub struct Bkp {
    registers: Registers,
}

impl Default for Bkp {
    fn default() -> Self {
        Self { registers: Registers::new(BACKUP) }
    }
}

impl Peripheral for Bkp {
    fn registers(&self) -> &Registers {
        &self.registers
    }

    fn registers_mut(&mut self) -> &mut Registers {
        &mut self.registers
    }

    fn write(&mut self, offset: u32, value: u32, ctx: &mut Ctx<'_>) {
        if ctx.system.backup_access {
            self.registers.store(offset, value);
        } else {
            ctx.system.note(format!("{}.DR", ctx.name), "written while PWR_CR.DBP is 0: lost");
        }
    }

    /// A backup domain reset (RCC_BDCR.BDRST).
    fn input(&mut self, _input: usize, high: bool, _ctx: &mut Ctx<'_>) {
        if high {
            self.registers = Registers::new(BACKUP);
        }
    }

    /// It outlasts every reset but that of its domain.
    fn restart(&mut self, _fresh: bool, _ctx: &mut Ctx<'_>) -> bool {
        true
    }
}
