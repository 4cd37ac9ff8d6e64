//! What it is: one function of an image called over and over from a few instructions of our own, on the bare engine or on a `Machine`, with
//! nothing else of the firmware around it.
//! Source: AAPCS (arguments in R0 and R1); DDI 0403 A7.7 for the encodings.
//! Does not model: interrupts, devices, start-up code; initialised data are put where the linker wants them.
//! Tested by: `tests/operands.rs` and `benches/speed.rs` compare what the function leaves behind on both.
#![allow(dead_code)] // Every user has its own part of it.

use stm32sim::chip::{Chip, Placement};
use stm32sim::firmware::Image;
use stm32sim::machine::{Machine, Settings};
use stm32sim::units::Addr;
use unicorn_engine::unicorn_const::{Arch, MemType, Mode, Prot, TlbEntry, TlbType};
use unicorn_engine::{ArmCpuModel, RegisterARM, Unicorn};

pub const FLASH: u32 = 0x0800_0000;
pub const FLASH_SIZE: u32 = 0x1_0000;
pub const SRAM: u32 = 0x2000_0000;
pub const SRAM_SIZE: u32 = 0x5000;
/// Where the instructions that call stand: the end of flash.
const STUB: u32 = FLASH + FLASH_SIZE - 0x100;

/// A program that calls a function and then waits for an interrupt for ever.
pub struct Call {
    /// All of flash.
    pub flash: Vec<u8>,
    /// All of SRAM.
    pub sram: Vec<u8>,
    /// The first instruction.
    pub entry: u32,
    pub stack: u32,
}

/// MOVW and MOVT: a 32-bit constant.
pub fn constant(register: u16, value: u32) -> [u16; 4] {
    let half = |opcode: u16, value: u16| {
        let (imm4, i, imm3, imm8) = (value >> 12, value >> 11 & 1, value >> 8 & 7, value & 0xff);
        [opcode | i << 10 | imm4, imm3 << 12 | register << 8 | imm8]
    };
    let ([a, b], [c, d]) = (half(0xf240, value as u16), half(0xf2c0, (value >> 16) as u16));
    [a, b, c, d]
}

impl Call {
    /// Calls `function` of an image `times` over with these arguments in R0 and R1.
    pub fn new(image: &Image, function: u32, arguments: [u32; 2], times: u32) -> Call {
        let placement = Chip::find("stm32f103c8").unwrap().place(image).unwrap();
        let mut flash = placement.flash;
        let mut sram = vec![0; SRAM_SIZE as usize];
        for segment in image.segments.iter().filter(|segment| segment.vma.0 >= SRAM) {
            let at = (segment.vma.0 - SRAM) as usize;
            sram[at..at + segment.data.len()].copy_from_slice(&segment.data);
        }
        let mut code = constant(4, times).to_vec();
        code.extend(constant(0, arguments[0]));
        code.extend(constant(1, arguments[1]));
        code.extend(constant(2, function | 1));
        // blx r2; subs r4, #1; bne to behind the first constant; wfi
        code.extend([0x4790, 0x3c01, 0xd1f0, 0xbf30]);
        put(&mut flash, STUB, &code);
        Call { flash, sram, entry: STUB, stack: SRAM + SRAM_SIZE }
    }

    /// By names, with the arguments being other symbols' addresses or numbers.
    pub fn named(image: &Image, function: &str, arguments: [u32; 2], times: u32) -> Call {
        Call::new(image, address(image, function), arguments, times)
    }

    /// The same on a chip, ready to run.
    pub fn machine(&self, settings: Settings) -> Machine {
        let chip = Chip::find("stm32f103c8").unwrap();
        let mut placement = Placement {
            flash: self.flash.clone(),
            flash_used: chip.flash.size,
            sram_static: chip.sram.size,
            sram: Vec::new(),
            vectors: Addr(0),
            initial_sp: Addr(self.stack),
            reset_handler: Addr(self.entry),
        };
        placement.flash.resize(FLASH_SIZE as usize, 0xff);
        let machine = Machine::new(&chip, &placement, settings).unwrap();
        machine.memory().write(SRAM, &self.sram).unwrap();
        machine
    }

    /// The same on the engine alone, tuned as the project tunes it (its design notes, row 23) and without any other hook, ready for
    /// `emu_start(entry | 1, 0, 0, 0)`.
    pub fn engine<D: 'static>(&self, data: D) -> Unicorn<'static, D> {
        let mut engine = Unicorn::new_with_data(Arch::ARM, Mode::THUMB, data).unwrap();
        engine.ctl_set_cpu_model(ArmCpuModel::CORTEX_M3 as i32).unwrap();
        engine.mem_map(u64::from(FLASH), u64::from(FLASH_SIZE), Prot::READ | Prot::EXEC).unwrap();
        engine.mem_map(u64::from(SRAM), u64::from(SRAM_SIZE), Prot::ALL).unwrap();
        engine.mem_write(u64::from(FLASH), &self.flash).unwrap();
        engine.mem_write(u64::from(SRAM), &self.sram).unwrap();
        engine.reg_write(RegisterARM::SP, u64::from(self.stack)).unwrap();
        engine.ctl_set_tlb_type(TlbType::VIRTUAL).unwrap();
        engine
            .add_tlb_hook(1, 0, |uc, page, kind| {
                // A fetch's fill comes between two blocks, where an IT block that crosses a page boundary is still in force.
                if kind != MemType::FETCH {
                    let cpsr = uc.reg_read(RegisterARM::CPSR).unwrap();
                    uc.reg_write(RegisterARM::CPSR, cpsr & !0x0600_fc00).unwrap();
                }
                let perms = if page < u64::from(SRAM) || kind == MemType::FETCH {
                    Prot::READ | Prot::EXEC
                } else {
                    Prot::READ | Prot::WRITE
                };
                Some(TlbEntry { paddr: page, perms })
            })
            .unwrap();
        engine
    }
}

/// Writes code into a flash image.
pub fn put(flash: &mut [u8], at: u32, code: &[u16]) {
    for (i, half) in code.iter().enumerate() {
        let offset = (at - FLASH) as usize + 2 * i;
        flash[offset..offset + 2].copy_from_slice(&half.to_le_bytes());
    }
}

/// A symbol's address.
pub fn address(image: &Image, name: &str) -> u32 {
    image.symbols.by_name(name).unwrap_or_else(|| panic!("no symbol {name}")).address.0
}
