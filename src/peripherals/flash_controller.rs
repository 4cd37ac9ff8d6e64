//! What it is: the flash interface: wait states and prefetch, unlocking, erasing, programming, option bytes, with the times that they take.
//! Source: PM0075 sections 2.3 (programming and erasing), 2.5 (option bytes), 3 (registers); PM0068 for the second bank of XL density.
//! Does not model: the half-cycle access; that read protection keeps debuggers and code in SRAM out.
//! Tested by: `registers_conform`, the unit tests below, `firmware-images/tests/flash_program`, `flash_protect`, and the images that set their clock.

use super::system::{Clocks, Ctx, Wish};
use super::{Peripheral, Register, Registers};

const ACR: u32 = 0x00;
const KEYR: u32 = 0x04;
const OPTKEYR: u32 = 0x08;
const SR: u32 = 0x0c;
const CR: u32 = 0x10;
const AR: u32 = 0x14;
const OBR: u32 = 0x1c;
const WRPR: u32 = 0x20;
/// XL density: the second bank's registers stand so much higher.
const BANK: u32 = 0x40;
/// How far into the flash it begins.
const BANK_START: u32 = 0x8_0000;

const REGISTERS: &[Register] = &[
    Register::new(ACR, "ACR", 0x30, 0x1f).volatile(0x20).not_modelled(0x08),
    Register::new(KEYR, "KEYR", 0, 0),
    Register::new(OPTKEYR, "OPTKEYR", 0, 0),
    Register::new(SR, "SR", 0, 0).clear_by_one(0x34).volatile(0x1),
    Register::new(CR, "CR", 0x80, 0x1637).volatile(0x2c0),
    Register::new(AR, "AR", 0, u32::MAX),
    Register::new(OBR, "OBR", 0x03ff_fffc, 0).volatile(u32::MAX),
    Register::new(WRPR, "WRPR", u32::MAX, 0).volatile(u32::MAX),
    Register::new(KEYR + BANK, "KEYR2", 0, 0),
    Register::new(SR + BANK, "SR2", 0, 0).clear_by_one(0x34).volatile(0x1),
    Register::new(CR + BANK, "CR2", 0x80, 0x1407).volatile(0xc0),
    Register::new(AR + BANK, "AR2", 0, u32::MAX),
];

/// The keys, in their order.
const KEYS: [u32; 2] = [0x4567_0123, 0xcdef_89ab];
/// SR: busy; programming error; write protection error; end of operation.
const BSY: u32 = 1 << 0;
const PGERR: u32 = 1 << 2;
const WRPRTERR: u32 = 1 << 4;
const EOP: u32 = 1 << 5;
/// CR: program; erase a page; everything; program and erase option bytes; start; locked; option bytes unlocked; interrupt enables.
const PG: u32 = 1 << 0;
const PER: u32 = 1 << 1;
const MER: u32 = 1 << 2;
const OPTPG: u32 = 1 << 4;
const OPTER: u32 = 1 << 5;
const STRT: u32 = 1 << 6;
const LOCK: u32 = 1 << 7;
const OPTWRE: u32 = 1 << 9;
const ERRIE: u32 = 1 << 10;
const EOPIE: u32 = 1 << 12;
/// OBR: read protection is on; and the option byte that takes it off.
const RDPRT: u32 = 1 << 1;
const RDPRT_KEY: u8 = 0xa5;

/// The device.
#[derive(Clone)]
pub struct FlashController {
    registers: Registers,
    /// How many keys have been right, for each bank and for the option bytes.
    keys: [usize; 3],
    /// A wrong key has locked it until the next reset.
    refused: bool,
}

impl Default for FlashController {
    fn default() -> Self {
        Self { registers: Registers::new(REGISTERS), keys: [0; 3], refused: false }
    }
}

impl FlashController {
    fn has(&self, offset: u32, bits: u32) -> bool {
        self.registers.get(offset) & bits != 0
    }

    /// One more key; whether the sequence is complete.
    fn key(&mut self, which: usize, value: u32) -> bool {
        if self.refused {
            return false;
        }
        if KEYS.get(self.keys[which]) == Some(&value) {
            self.keys[which] += 1;
            return self.keys[which] == KEYS.len();
        }
        // Locked until the next reset (2.3.2).
        self.refused = true;
        false
    }

    fn busy(&mut self, bank: u32, nanos: u64, ctx: &mut Ctx<'_>) {
        let duration = ctx.system.cycles_of_nanos(nanos);
        self.registers.set_bits(SR + bank, BSY, true);
        ctx.schedule(bank, duration);
        ctx.system.stalled_until = Some(ctx.now() + duration);
        ctx.system.attention = true;
    }

    /// Whether WRPR protects the byte that far into the flash: a bit for every 4 KiB, the last for all that follows (PM0075, 2.5.1). Read
    /// protection protects the first 4 KiB, too (2.4.1).
    fn is_protected(&self, offset: u32) -> bool {
        let unit = (offset >> 12).min(31);
        self.registers.get(WRPR) >> unit & 1 == 0 || (unit == 0 && self.has(OBR, RDPRT))
    }

    /// An operation on something that is protected.
    fn refuse(&mut self, bank: u32) {
        self.registers.set_bits(SR + bank, WRPRTERR, true);
    }

    fn start(&mut self, bank: u32, ctx: &mut Ctx<'_>) {
        let control = self.registers.get(CR + bank);
        let facts = ctx.system.chip.flash_programming;
        let (base, length) = (ctx.system.chip.flash.base.0, ctx.system.chip.flash.size.0 as u32);
        let micros = if control & MER != 0 {
            let two_banks = length > BANK_START;
            let (offset, size) = match (two_banks, bank) {
                (false, _) => (0, length),
                (true, 0) => (0, BANK_START),
                (true, _) => (BANK_START, length - BANK_START),
            };
            // Anything that is protected keeps all of it.
            if (offset..offset + size).step_by(0x1000).any(|offset| self.registers.get(WRPR) >> (offset >> 12).min(31) & 1 == 0) {
                return self.refuse(bank);
            }
            ctx.system.wishes.push_back(Wish::EraseFlash { offset, size });
            facts.mass_erase_us
        } else if control & PER != 0 {
            let page = facts.page.0 as u32;
            let offset = self.registers.get(AR + bank).wrapping_sub(base);
            if offset >= length {
                return;
            }
            if self.is_protected(offset) {
                return self.refuse(bank);
            }
            ctx.system.wishes.push_back(Wish::EraseFlash { offset: offset / page.max(1) * page, size: page });
            facts.page_erase_us
        } else if control & OPTER != 0 && control & OPTWRE != 0 {
            ctx.system.option_bytes = [0xff; 16];
            facts.page_erase_us
        } else {
            return;
        };
        self.registers.set_bits(CR + bank, STRT, true);
        self.busy(bank, u64::from(micros) * 1000, ctx);
    }

    fn refresh(&mut self, ctx: &mut Ctx<'_>) {
        let asks = |bank: u32| {
            let (flags, enabled) = (self.registers.get(SR + bank), self.registers.get(CR + bank));
            (enabled & EOPIE != 0 && flags & EOP != 0) || (enabled & ERRIE != 0 && flags & (PGERR | WRPRTERR) != 0)
        };
        let (first, second) = (self.registers.get(CR), self.registers.get(CR + BANK));
        ctx.system.flash_writable = [first, second].iter().any(|control| control & PG != 0 && control & LOCK == 0);
        ctx.system.options_writable = first & OPTPG != 0 && first & OPTWRE != 0;
        ctx.set_line(0, asks(0) || asks(BANK));
    }
}

impl Peripheral for FlashController {
    fn registers(&self) -> &Registers {
        &self.registers
    }

    fn registers_mut(&mut self) -> &mut Registers {
        &mut self.registers
    }

    fn write(&mut self, offset: u32, value: u32, ctx: &mut Ctx<'_>) {
        let bank = if offset >= BANK { BANK } else { 0 };
        match offset - bank {
            ACR => {
                let stored = self.registers.store(ACR, value);
                let prefetch = stored & 1 << 4 != 0;
                self.registers.set_bits(ACR, 1 << 5, prefetch);
                ctx.set_clocks(Clocks { wait_states: (stored & 7).min(2) as u8, prefetch, ..ctx.system.clocks });
            }
            KEYR => {
                if self.key(usize::from(bank != 0), value) {
                    self.registers.set_bits(CR + bank, LOCK, false);
                }
            }
            OPTKEYR => {
                if self.key(2, value) {
                    self.registers.set_bits(CR, OPTWRE, true);
                    self.keys[2] = 0;
                }
            }
            CR => {
                if self.has(CR + bank, LOCK) {
                    return;
                }
                let keeps_options = self.has(CR, OPTWRE) && value & OPTWRE != 0;
                self.registers.store(CR + bank, value);
                if bank == 0 {
                    self.registers.set_bits(CR, OPTWRE, keeps_options);
                }
                if value & LOCK != 0 {
                    self.registers.set_bits(CR + bank, LOCK, true);
                    self.keys[usize::from(bank != 0)] = 0;
                } else if value & STRT != 0 && !self.has(SR + bank, BSY) {
                    self.start(bank, ctx);
                }
            }
            _ => {
                self.registers.store(offset, value);
            }
        }
        self.refresh(ctx);
    }

    fn due(&mut self, event: u32, ctx: &mut Ctx<'_>) {
        let bank = event;
        self.registers.set_bits(SR + bank, BSY, false);
        self.registers.set_bits(CR + bank, STRT, false);
        self.registers.set_bits(SR + bank, EOP, true);
        self.refresh(ctx);
    }

    /// A half-word of the option bytes is being programmed.
    fn input(&mut self, _input: usize, high: bool, ctx: &mut Ctx<'_>) {
        if high {
            let facts = ctx.system.chip.flash_programming;
            let mut nanos = u64::from(facts.program_ns);
            // Read protection that is taken off takes all of the flash with it (2.4.1).
            if self.has(OBR, RDPRT) && ctx.system.option_bytes.first() == Some(&RDPRT_KEY) {
                let size = ctx.system.chip.flash.size.0 as u32;
                ctx.system.wishes.push_back(Wish::EraseFlash { offset: 0, size });
                nanos += u64::from(facts.mass_erase_us) * 1000;
            }
            self.busy(0, nanos, ctx);
        }
    }

    /// A half-word is programmed if it is erased, or to zero (2.3.3); another width, or a store while PG is 0, is a bus error.
    fn guarded_store(&mut self, address: u32, size: u32, value: u32, old: u32, ctx: &mut Ctx<'_>) -> Option<u32> {
        let bank = if address.wrapping_sub(ctx.system.chip.flash.base.0) >= BANK_START { BANK } else { 0 };
        let control = self.registers.get(CR + bank);
        if size != 2 || control & PG == 0 || control & LOCK != 0 {
            return None;
        }
        let value = value & 0xffff;
        if self.is_protected(address.wrapping_sub(ctx.system.chip.flash.base.0)) {
            self.refuse(bank);
            self.refresh(ctx);
            return Some(old);
        }
        if old != 0xffff && value != 0 {
            self.registers.set_bits(SR + bank, PGERR, true);
            self.refresh(ctx);
            return Some(old);
        }
        let nanos = u64::from(ctx.system.chip.flash_programming.program_ns);
        self.busy(bank, nanos, ctx);
        Some(value)
    }

    fn works_in_stop(&self) -> bool {
        true
    }

    /// The option bytes are loaded at reset (2.5.1).
    fn restart(&mut self, fresh: bool, ctx: &mut Ctx<'_>) -> bool {
        let byte = |i: usize| u32::from(ctx.system.option_bytes.get(i).copied().unwrap_or(0xff));
        let protected = byte(0) != u32::from(RDPRT_KEY);
        let options = u32::from(protected) << 1 | (byte(2) & 7) << 2 | 0x3e0 | byte(4) << 10 | byte(6) << 18;
        let protection = byte(8) | byte(10) << 8 | byte(12) << 16 | byte(14) << 24;
        self.registers.set(OBR, options);
        self.registers.set(WRPR, protection);
        fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peripherals::System;
    use crate::peripherals::system::Domain;
    use crate::units::{Hz, Tick};

    #[test]
    fn programming_needs_both_keys_pg_and_an_erased_half_word() {
        // PM0075, 2.3.2 and 2.3.3; DS5319 table 28: 52.5 us typically.
        let mut system = System::new(Hz(8_000_000));
        let mut ctx = Ctx { system: &mut system, device: 0, name: "FLASH", lines: &[20], domain: Domain::Core };
        let mut flash = FlashController::default();
        flash.write(CR, PG, &mut ctx);
        assert_eq!(flash.peek(CR), LOCK, "locked");
        flash.write(KEYR, KEYS[0], &mut ctx);
        flash.write(KEYR, KEYS[1], &mut ctx);
        assert_eq!(flash.guarded_store(0x0800_4000, 2, 0x1234, 0xffff, &mut ctx), None, "PG is 0");
        flash.write(CR, PG, &mut ctx);
        assert_eq!(flash.guarded_store(0x0800_4000, 4, 0x1234, 0xffff, &mut ctx), None, "a word");
        assert_eq!(flash.guarded_store(0x0800_4000, 2, 0x1234, 0xffff, &mut ctx), Some(0x1234));
        assert_eq!((flash.peek(SR), ctx.system.next_due()), (BSY, Tick(420)));
        flash.due(0, &mut ctx);
        assert_eq!(flash.peek(SR), EOP);
        assert_eq!(flash.guarded_store(0x0800_4000, 2, 0x0234, 0x1234, &mut ctx), Some(0x1234));
        assert_eq!(flash.peek(SR), EOP | PGERR);
        flash.write(SR, EOP | PGERR, &mut ctx);
        assert_eq!(flash.peek(SR), 0);
    }

    #[test]
    fn a_wrong_key_locks_until_reset() {
        // PM0075, 2.3.2.
        let mut system = System::new(Hz(8_000_000));
        let mut ctx = Ctx { system: &mut system, device: 0, name: "FLASH", lines: &[20], domain: Domain::Core };
        let mut flash = FlashController::default();
        flash.write(KEYR, 1, &mut ctx);
        flash.write(KEYR, KEYS[0], &mut ctx);
        flash.write(KEYR, KEYS[1], &mut ctx);
        assert_eq!(flash.peek(CR), LOCK);
    }
}
