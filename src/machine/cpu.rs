//! What it is: the whole surface of the Unicorn engine that the machine uses: the Cortex-M3 core, its memories, and why it stopped.
//! Source: Unicorn 2.1.5 as observed; each workaround below is held by a named assertion in `tests/engine_contract.rs`.
//! Does not model: exceptions, devices, time. Those are the [`World`]'s; this module only says what the core met.
//! Tested by: `tests/engine_contract.rs`, and every run of every image.
#![allow(unsafe_code)] // The engine is a C library and maps host memory: this module is the boundary.

use super::exceptions::{CoreAccess, Masks};
use super::touch::Touched;
use crate::finding::{Code, Failure, Result};
use std::cell::{RefCell, UnsafeCell};
use std::collections::BTreeMap;
use std::ffi::c_void;
use std::marker::PhantomData;
use std::rc::Rc;
use unicorn_engine::hook::sys::{uc_emu_stop, uc_engine, uc_hook_add, uc_hook_del, uc_reg_read};
use unicorn_engine::unicorn_const::{Arch, HookType, MemType, Mode, Prot, TlbEntry, TlbType, uc_error};
use unicorn_engine::{ArmCpuModel, Context, RegisterARM, Unicorn};

/// What the core asks of everything around it while it runs.
pub trait World {
    /// A translated block is about to run: its address in the lower half, its size in bytes in the upper. `true` if it is the expected one
    /// and nothing has to be done about it; [`World::block`] is called unless there is also time ([`World::in_time`]). These two are
    /// apart so that the usual block costs as little as may be.
    #[inline(always)]
    fn follow(&mut self, _arrival: u64) -> bool {
        false
    }
    /// Whether nothing else is due.
    #[inline(always)]
    fn in_time(&self) -> bool {
        false
    }
    /// A translated block of `size` bytes at `pc` is about to run, and [`World::follow`] has said `followed` about it. `true` stops the core
    /// before it runs.
    fn block(&mut self, core: &Core<'_>, pc: u32, size: u32, followed: bool) -> bool;
    /// A load of `size` (1, 2 or 4) bytes from an address without memory of its own.
    fn device_read(&mut self, core: &Core<'_>, address: u32, size: u32) -> u32;
    /// Whether there is anything at an address that lies outside of the chip.
    fn reaches(&self, _address: u32) -> bool {
        false
    }
    /// The like store.
    fn device_write(&mut self, core: &Core<'_>, address: u32, size: u32, value: u32);
}

/// Why the core stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The world asked for it; PC is the block that has not run.
    Requested,
    /// WFI; PC is past it.
    WaitForInterrupt,
    /// SVC; PC is past it.
    SupervisorCall,
    /// BKPT; PC is on it.
    Breakpoint,
    /// A value of the EXC_RETURN range was loaded into PC.
    ExceptionReturn(u32),
    /// An instruction that the core does not have, and PC is on it; or WFE or YIELD, and PC is past it: the engine does not say which
    /// (UNICORN, row 6), who knows the block that ran does.
    Undefined,
    /// A coprocessor or floating-point instruction; PC is on it.
    NoCoprocessor,
    /// A load or store on a page that has neither memory nor device, or a store to flash: the page's address; PC is on the instruction.
    DataFault(u32),
    /// An instruction fetch from such a page, or from memory that is not executable; PC is the target.
    FetchFault,
    /// The engine failed in a way that is not of the above.
    Engine(uc_error),
}

/// A memory of the chip, held by the host and mapped into the engine.
#[derive(Debug)]
struct Ram {
    base: u32,
    bytes: Box<UnsafeCell<[u8]>>,
}

/// The chip's flash and SRAM as the host sees them, without side effects.
#[derive(Debug)]
pub struct Memory {
    flash: Ram,
    sram: Ram,
    /// What was read and written, if somebody wants to know.
    touched: RefCell<Option<Touched>>,
}

impl Memory {
    fn new(flash: (u32, u32), sram: (u32, u32)) -> Self {
        let ram = |(base, size): (u32, u32), fill: u8| Ram {
            base,
            // SAFETY of the cast: UnsafeCell<[u8]> has the layout of [u8].
            bytes: unsafe { Box::from_raw(Box::into_raw(vec![fill; size as usize].into_boxed_slice()) as *mut UnsafeCell<[u8]>) },
        };
        // Erased flash reads all ones (PM0075, section 2.3.3).
        Self { flash: ram(flash, 0xff), sram: ram(sram, 0), touched: RefCell::default() }
    }

    /// The memory that holds all of `address .. address + size`, and the offset in it. Flash answers at its alias 0 too.
    fn locate(&self, address: u32, size: usize) -> Option<(&Ram, usize)> {
        [(&self.flash, self.flash.base), (&self.flash, 0), (&self.sram, self.sram.base)].into_iter().find_map(|(ram, base)| {
            let offset = address.checked_sub(base)? as usize;
            (offset.checked_add(size)? <= ram.len()).then_some((ram, offset))
        })
    }

    /// Copies `out.len()` bytes from `address`; `None` where there is no memory.
    #[must_use]
    pub fn read_into(&self, address: u32, out: &mut [u8]) -> Option<()> {
        let (ram, offset) = self.locate(address, out.len())?;
        // SAFETY: `locate` checked the range; the core does not run while the host holds no reference into it.
        unsafe { std::ptr::copy_nonoverlapping(ram.start().add(offset), out.as_mut_ptr(), out.len()) };
        Some(())
    }

    /// `size` bytes from `address`.
    #[must_use]
    pub fn read_vec(&self, address: u32, size: usize) -> Option<Vec<u8>> {
        self.locate(address, size)?;
        let mut out = vec![0; size];
        self.read_into(address, &mut out)?;
        Some(out)
    }

    /// The little-endian value of `size` (1, 2 or 4) bytes at `address`.
    #[must_use]
    pub fn read(&self, address: u32, size: u32) -> Option<u32> {
        let mut word = [0; 4];
        self.read_into(address, word.get_mut(..size as usize)?)?;
        Some(u32::from_le_bytes(word))
    }

    /// The word of SRAM at `address`.
    #[inline(always)]
    #[must_use]
    pub fn sram_word(&self, address: u32) -> Option<u32> {
        let offset = address.wrapping_sub(self.sram.base) as usize;
        // SAFETY: four bytes from there lie within; otherwise as in `read_into`.
        (offset.checked_add(4)? <= self.sram.len())
            .then(|| u32::from_le(unsafe { self.sram.start().add(offset).cast::<u32>().read_unaligned() }))
    }

    /// Whether exactly these bytes stand at `address`.
    #[must_use]
    pub fn holds(&self, address: u32, bytes: &[u8]) -> bool {
        self.locate(address, bytes.len()).is_some_and(|(ram, offset)| {
            // SAFETY: `locate` checked the range; the slice is gone before the core runs on.
            unsafe { std::slice::from_raw_parts(ram.start().add(offset), bytes.len()) == bytes }
        })
    }

    /// Writes `bytes` at `address`, flash included; `None` where there is no memory. Code that the core has already translated stays
    /// as it was until [`Cpu::forget_code`].
    pub fn write(&self, address: u32, bytes: &[u8]) -> Option<()> {
        let (ram, offset) = self.locate(address, bytes.len())?;
        // SAFETY: as in `read_into`; writing through the UnsafeCell is allowed.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), ram.start().add(offset), bytes.len()) };
        self.note_written(address, bytes.len());
        Some(())
    }

    /// The bytes of SRAM there have been written.
    fn note_written(&self, address: u32, size: usize) {
        if let Some(touched) = self.touched.borrow_mut().as_mut() {
            let start = address.wrapping_sub(self.sram.base) as usize;
            touched.write_sram(start..start.saturating_add(size));
        }
    }

    /// The bytes there have been read by the instruction at `pc`.
    fn note_read(&self, address: u32, size: usize, pc: u32) {
        if let Some(touched) = self.touched.borrow_mut().as_mut()
            && let Some((ram, start)) = self.locate(address, size)
        {
            let range = start..start.saturating_add(size);
            if ram.base == self.sram.base { touched.read_sram(range, address, pc) } else { touched.read_flash(range) }
        }
    }

    /// What was read and written; `None` unless somebody wanted to know before the run.
    #[must_use]
    pub fn touched(&self) -> Option<Touched> {
        self.touched.borrow().clone()
    }

    /// SRAM has lost its content, if anybody wants to know.
    pub fn lose_sram(&self) {
        if let Some(touched) = self.touched.borrow_mut().as_mut() {
            touched.lose();
        }
    }

    /// Whether `address` lies in SRAM.
    #[must_use]
    pub fn is_sram(&self, address: u32) -> bool {
        address.checked_sub(self.sram.base).is_some_and(|offset| (offset as usize) < self.sram.len())
    }

    /// Whether `address` lies in flash, at its own address.
    #[must_use]
    pub fn is_flash(&self, address: u32) -> bool {
        address.checked_sub(self.flash.base).is_some_and(|offset| (offset as usize) < self.flash.len())
    }

    /// SRAM's first address and its size in bytes.
    #[must_use]
    pub fn sram(&self) -> (u32, u32) {
        (self.sram.base, self.sram.len() as u32)
    }

    /// Flash's first address and its size in bytes.
    #[must_use]
    pub fn flash(&self) -> (u32, u32) {
        (self.flash.base, self.flash.len() as u32)
    }
}

impl Ram {
    fn start(&self) -> *mut u8 {
        self.bytes.get().cast()
    }

    fn len(&self) -> usize {
        self.bytes.get().len()
    }
}

/// The core's registers, to be read from within a callback.
pub struct Core<'a> {
    handle: *mut uc_engine,
    /// Where the engine keeps R0 to R15; null where that is not known.
    registers: *const u32,
    engine: PhantomData<&'a ()>,
}

impl Core<'_> {
    fn read(&self, register: RegisterARM) -> u32 {
        let mut value = 0u32;
        // SAFETY: the handle is the engine's that is calling back; `value` is as wide as the register.
        let _ = unsafe { uc_reg_read(self.handle, register as i32, (&raw mut value).cast()) };
        value
    }

    /// R0 to R12, SP, LR; higher numbers read as zero.
    #[must_use]
    pub fn gpr(&self, index: u8) -> u32 {
        gpr(index).map_or(0, |register| self.read(register))
    }

    /// R0 to R12, SP and LR: those whose bits are set in `wanted`, each to its place.
    #[inline]
    pub fn gprs(&self, wanted: u16, values: &mut [u32; 16]) {
        let mut left = wanted & 0x7fff;
        while left != 0 {
            let index = left.trailing_zeros() as u8;
            left &= left - 1;
            values[usize::from(index)] = self.quick(index);
        }
    }

    /// One of R0 to R12, SP and LR, as fast as may be.
    #[inline]
    pub fn quick(&self, index: u8) -> u32 {
        if self.registers.is_null() {
            self.gpr(index)
        } else {
            // SAFETY: there are sixteen registers (`at_hand`), and it is the engine's own thread that calls back.
            unsafe { self.registers.add(usize::from(index & 15)).read_volatile() }
        }
    }

    /// The condition flags, in APSR's bits 31 (N), 30 (Z), 29 (C), 28 (V).
    #[must_use]
    pub fn flags(&self) -> u32 {
        self.read(RegisterARM::CPSR) & 0xf000_0000
    }

    /// PRIMASK, FAULTMASK and BASEPRI.
    #[must_use]
    pub fn masks(&self) -> Masks {
        Masks {
            primask: self.read(RegisterARM::PRIMASK) & 1 != 0,
            faultmask: self.read(RegisterARM::FAULTMASK) & 1 != 0,
            basepri: self.read(RegisterARM::BASEPRI) as u8,
        }
    }
}

/// The engine's register of that number.
fn gpr(index: u8) -> Option<RegisterARM> {
    use RegisterARM::{LR, R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10, R11, R12, SP};
    [R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10, R11, R12, SP, LR].get(index as usize).copied()
}

/// Registers that are not general.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Special {
    /// The program counter, without the Thumb bit.
    Pc,
    /// Condition flags, exception number, execution state.
    Xpsr,
    /// Main stack pointer.
    Msp,
    /// Process stack pointer.
    Psp,
    /// Privilege and stack selection.
    Control,
    /// Raises the execution priority to 0.
    Primask,
    /// Raises the execution priority to its value.
    Basepri,
    /// Raises the execution priority to -1.
    Faultmask,
}

impl Special {
    fn register(self) -> RegisterARM {
        match self {
            Special::Pc => RegisterARM::PC,
            Special::Xpsr => RegisterARM::XPSR,
            Special::Msp => RegisterARM::MSP,
            Special::Psp => RegisterARM::PSP,
            Special::Control => RegisterARM::CONTROL,
            Special::Primask => RegisterARM::PRIMASK,
            Special::Basepri => RegisterARM::BASEPRI,
            Special::Faultmask => RegisterARM::FAULTMASK,
        }
    }
}

/// All registers of a core, hidden ones too; of use to the engine that they came from only.
pub struct SavedRegisters(Context);

/// What the hooks share with the run loop.
struct Shared<W> {
    world: W,
    stop: Option<Stop>,
    memory: Rc<Memory>,
    /// Where the engine keeps R0 to R15; null where that is not known.
    registers: *const u32,
    /// Pages on which accesses stop the core, by their addresses, and whether reads do, too.
    guards: BTreeMap<u32, bool>,
}

/// The Cortex-M3 and its memories, with a world of type `W` around it.
pub struct Cpu<W: World + 'static> {
    engine: Unicorn<'static, Shared<W>>,
    memory: Rc<Memory>,
}

/// The block hook. The crate's own way to one takes longer than all that is done in it: it upgrades a weak pointer, counts references and
/// puts them back, for every block that runs.
extern "C" fn on_block<W: World>(engine: *mut uc_engine, pc: u64, size: u32, shared: *mut c_void) {
    // SAFETY: `Cpu::hook` gave this pointer. The hook runs while `emu_start` does, when nothing else uses the shared data: other hooks come
    // before or after it, never within, since the world does not run the core.
    let shared = unsafe { &mut *shared.cast::<Shared<W>>() };
    let followed = shared.world.follow(pc | u64::from(size) << 32);
    if !(followed && shared.world.in_time()) {
        on_other_block(engine, pc as u32, size, shared, followed);
    }
}

/// `extern "C"` as well, so that it is jumped to and [`on_block`] needs no frame of its own.
#[inline(never)]
extern "C" fn on_other_block<W: World>(engine: *mut uc_engine, pc: u32, size: u32, shared: &mut Shared<W>, followed: bool) {
    let core = Core { handle: engine, registers: shared.registers, engine: PhantomData };
    if shared.world.block(&core, pc, size, followed) {
        shared.stop = Some(Stop::Requested);
        // SAFETY: the handle is the engine's that is calling back.
        let _ = unsafe { uc_emu_stop(engine) };
    }
}

/// Registers without asking for each: that takes about as long as a whole block. The engine keeps the core's state at one place for its
/// life; it begins with R0 to R15, and generated code has its address in RBP when it calls a hook.
#[cfg(all(target_arch = "x86_64", unix))]
mod at_hand {
    use super::{
        HookType, Memory, RegisterARM, Unicorn, c_void, gpr, uc_engine, uc_error, uc_hook_add, uc_hook_del, uc_reg_read,
    };

    /// A block hook that passes RBP on.
    #[unsafe(naked)]
    extern "C" fn look(engine: *mut uc_engine, pc: u64, size: u32, found: *mut c_void) {
        std::arch::naked_asm!("mov r8, rbp", "jmp {}", sym compare)
    }

    /// Notes `registers` if what is there is what the engine says that its registers hold.
    extern "C" fn compare(engine: *mut uc_engine, _: u64, _: u32, found: *mut c_void, registers: *const u32) {
        let same = |index: u8| {
            let mut value = 0u32;
            let Some(register) = gpr(index) else { return false };
            // SAFETY: the handle is the engine's that is calling back; generated code of the pinned version has a valid address in RBP.
            let (read, kept) = unsafe {
                let read = uc_reg_read(engine, register as i32, (&raw mut value).cast());
                (read, registers.add(usize::from(index)).read_volatile())
            };
            read == uc_error::OK && value == kept
        };
        if (0..15).all(same) {
            // SAFETY: `find` gave this pointer.
            unsafe { *found.cast::<*const u32>() = registers };
        }
    }

    /// Finds the registers, by running one instruction with a different value in each; null if they are not where they should be.
    pub fn find<D>(engine: &mut Unicorn<'static, D>, memory: &Memory) -> Result<*const u32, uc_error> {
        const WAIT: [u8; 2] = [0x30, 0xbf];
        let (place, _) = memory.flash();
        let before = memory.read_vec(place, WAIT.len()).unwrap_or_default();
        memory.write(place, &WAIT);
        for index in 0..15 {
            if let Some(register) = gpr(index) {
                engine.reg_write(register, 0x0101_0104 * (u64::from(index) + 1))?;
            }
        }
        let (mut found, mut hook) = (std::ptr::null::<u32>(), 0usize);
        // SAFETY: the engine is open, `look` has a block hook's signature, `found` outlives the run, and the hook is gone behind it.
        unsafe {
            let (kind, callback) = (HookType::BLOCK.0 as i32, look as *mut c_void);
            uc_hook_add(engine.get_handle(), (&raw mut hook).cast(), kind, callback, (&raw mut found).cast(), 1, 0)
                .and(Ok(()))?;
            engine.emu_start(u64::from(place | 1), 0, 0, 0)?;
            uc_hook_del(engine.get_handle(), hook).and(Ok(()))?;
        }
        memory.write(place, &before);
        engine.ctl_flush_tb()?;
        engine.ctl_flush_tlb()?;
        for register in (0..15).filter_map(gpr) {
            engine.reg_write(register, 0)?;
        }
        engine.reg_write(RegisterARM::PC, 1)?;
        Ok(found)
    }
}

/// Elsewhere it has to be asked for.
#[cfg(not(all(target_arch = "x86_64", unix)))]
mod at_hand {
    use super::{Memory, Unicorn, uc_error};

    pub fn find<D>(_: &mut Unicorn<'static, D>, _: &Memory) -> Result<*const u32, uc_error> {
        Ok(std::ptr::null())
    }
}

/// The bits of the engine's CPSR that hold IT state (UNICORN, rows 7 and 23).
const IT_BITS: u64 = 0x0600_fc00;
/// Signature and option bytes, the SRAM bit-band alias, peripherals with theirs, what lies outside, FSMC, and the private peripheral bus: base and size.
/// What lies outside of the chip: there only where [`World::reaches`] says so.
const OUTSIDE: (u32, u32) = (0x6000_0000, 0x4000_0000);
const DEVICE_SPACE: [(u32, u32); 6] = [
    (0x1fff_f400, 0x0000_0800),
    (0x2200_0000, 0x0200_0000),
    (0x4000_0000, 0x2000_0000),
    OUTSIDE,
    (0xa000_0000, 0x0000_1000),
    (0xe000_0000, 0x0010_0000),
];
/// Where the values begin that mean an exception return when they are loaded into PC.
const EXC_RETURN: u32 = 0xffff_ffe0;
/// What the engine rounds mappings to.
pub const PAGE: u32 = 1024;

impl<W: World + 'static> Cpu<W> {
    /// A core with flash and SRAM of the given (base, size), sizes in bytes and a multiple of 1 KiB, and erased contents. The world is
    /// made over the memories.
    pub fn with(flash: (u32, u32), sram: (u32, u32), world: impl FnOnce(Rc<Memory>) -> Result<W>) -> Result<Self> {
        let memory = Rc::new(Memory::new(flash, sram));
        let world = world(Rc::clone(&memory))?;
        let shared =
            Shared { world, stop: None, memory: Rc::clone(&memory), registers: std::ptr::null(), guards: BTreeMap::new() };
        let mut engine = Unicorn::new_with_data(Arch::ARM, Mode::THUMB, shared).map_err(|e| internal("open", e))?;
        engine.ctl_set_cpu_model(ArmCpuModel::CORTEX_M3 as i32).map_err(|e| internal("select the Cortex-M3", e))?;
        let map = |engine: &mut Unicorn<'static, Shared<W>>, base: u32, ram: &Ram, protection: Prot| {
            // SAFETY: the memory lives as long as the engine (both hold the Rc), and its length is what is mapped.
            unsafe { engine.mem_map_ptr(u64::from(base), ram.len() as u64, protection, ram.start().cast()) }
        };
        map(&mut engine, memory.flash.base, &memory.flash, Prot::READ | Prot::EXEC).map_err(|e| internal("map flash", e))?;
        map(&mut engine, 0, &memory.flash, Prot::READ | Prot::EXEC).map_err(|e| internal("map the flash alias", e))?;
        map(&mut engine, memory.sram.base, &memory.sram, Prot::ALL).map_err(|e| internal("map SRAM", e))?;
        for (base, size) in DEVICE_SPACE {
            engine
                .mmio_map(
                    u64::from(base),
                    u64::from(size),
                    Some(move |uc: &mut Unicorn<'_, Shared<W>>, offset: u64, size: usize| {
                        let core = Core { handle: uc.get_handle(), registers: std::ptr::null(), engine: PhantomData };
                        u64::from(uc.get_data_mut().world.device_read(&core, base.wrapping_add(offset as u32), size as u32))
                    }),
                    Some(move |uc: &mut Unicorn<'_, Shared<W>>, offset: u64, size: usize, value: u64| {
                        let core = Core { handle: uc.get_handle(), registers: std::ptr::null(), engine: PhantomData };
                        uc.get_data_mut().world.device_write(&core, base.wrapping_add(offset as u32), size as u32, value as u32);
                    }),
                )
                .map_err(|e| internal("map the device space", e))?;
        }
        let registers = at_hand::find(&mut engine, &memory).map_err(|e| internal("find the registers", e))?;
        engine.get_data_mut().registers = registers;
        let mut cpu = Self { engine, memory };
        cpu.hook().map_err(|e| internal("hook", e))?;
        Ok(cpu)
    }

    /// Installs every hook: before the first run, since blocks translated earlier would not call it (UNICORN, row 9).
    fn hook(&mut self) -> std::result::Result<(), uc_error> {
        let engine = &mut self.engine;
        engine.ctl_set_tlb_type(TlbType::VIRTUAL)?;
        engine.add_tlb_hook(1, 0, |uc, address, access| {
            // The fill path has restored IT state from the middle of a block; left there it would skip later instructions (row 23).
            // A fetch's fill comes between two blocks, where an IT block that crosses a page boundary is still in force.
            // An access that is refused ends the block, which goes on later with that state.
            let shared = uc.get_data_mut();
            let (address, fetch) = (address as u32, access == MemType::FETCH);
            let needed = match access {
                MemType::FETCH => Prot::EXEC,
                MemType::WRITE => Prot::WRITE,
                _ => Prot::READ,
            };
            let outside = address.wrapping_sub(OUTSIDE.0) < OUTSIDE.1;
            let there = !outside || shared.world.reaches(address);
            let perms = page_permissions(&shared.memory, address, fetch).filter(|_| there);
            let perms = perms.map(|perms| match shared.guards.get(&(address & !(PAGE - 1))) {
                None => perms,
                Some(reads) => Prot(perms.0 & !(Prot::WRITE.0 | if *reads { Prot::READ.0 } else { 0 })),
            });
            let granted = perms.filter(|perms| perms.0 & needed.0 != 0);
            if granted.is_none() {
                shared.stop = Some(match access {
                    MemType::FETCH => Stop::FetchFault,
                    _ => Stop::DataFault(address),
                });
            } else if !fetch
                && let Ok(cpsr) = uc.reg_read(RegisterARM::CPSR)
                && cpsr & IT_BITS != 0
            {
                let _ = uc.reg_write(RegisterARM::CPSR, cpsr & !IT_BITS);
            }
            granted.map(|perms| TlbEntry { paddr: u64::from(address), perms })
        })?;
        let shared: *mut Shared<W> = engine.get_data_mut();
        let mut hook: *mut c_void = std::ptr::null_mut();
        // SAFETY: the engine is open; `on_block` has the signature of a block hook; the shared data live in the engine's own box, which stays
        // where it is until the engine is closed, and hooks end with it. Begin 1, end 0: everywhere.
        unsafe {
            let (kind, callback) = (HookType::BLOCK.0 as i32, on_block::<W> as *mut c_void);
            uc_hook_add(engine.get_handle(), (&raw mut hook).cast(), kind, callback, shared.cast(), 1, 0)
        }
        .and(Ok(()))?;
        engine.add_intr_hook(|uc, number| {
            let pc = uc.reg_read(RegisterARM::PC).unwrap_or(0) as u32;
            let stop = match number {
                2 => Stop::SupervisorCall,
                7 => Stop::Breakpoint,
                // The engine strips bit 0 of the value; EXC_RETURN always has it (row 3).
                3 | 8 if pc >= EXC_RETURN => Stop::ExceptionReturn(pc | 1),
                3 => Stop::FetchFault,
                17 => Stop::NoCoprocessor,
                _ => Stop::Undefined,
            };
            uc.get_data_mut().stop = Some(stop);
            let _ = uc.emu_stop();
        })?;
        Ok(())
    }

    /// From now on loads and stores are noted ([`Memory::touched`]). To be called before the first run.
    ///
    /// # Errors
    /// `internal`.
    pub fn check_reads(&mut self) -> Result<()> {
        let ((flash, flash_size), (sram, sram_size)) = (self.memory.flash(), self.memory.sram());
        *self.memory.touched.borrow_mut() = Some(Touched::new(flash_size as usize, sram_size as usize));
        for (base, size) in [(flash, flash_size), (0, flash_size), (sram, sram_size)] {
            let (first, last) = (u64::from(base), u64::from(base) + u64::from(size) - 1);
            let note = |uc: &mut Unicorn<'_, Shared<W>>, kind, address, size, _| {
                // The hook has restored IT state from the middle of a block; left there it would skip later instructions (row 7).
                if let Ok(cpsr) = uc.reg_read(RegisterARM::CPSR)
                    && cpsr & IT_BITS != 0
                {
                    let _ = uc.reg_write(RegisterARM::CPSR, cpsr & !IT_BITS);
                }
                let pc = uc.reg_read(RegisterARM::PC).unwrap_or(0) as u32;
                let memory = &uc.get_data().memory;
                match kind {
                    MemType::WRITE => memory.note_written(address as u32, size),
                    _ => memory.note_read(address as u32, size, pc),
                }
                true
            };
            let hook = self.engine.add_mem_hook(HookType::MEM_READ | HookType::MEM_WRITE, first, last, note);
            hook.map_err(|e| internal("hook memory", e))?;
        }
        Ok(())
    }

    /// Runs from PC until something stops the core.
    pub fn run(&mut self) -> Stop {
        self.engine.get_data_mut().stop = None;
        let pc = self.special(Special::Pc);
        // `until` 0 is never reached, and spares the engine a translation at every stop (row 20).
        let outcome = self.engine.emu_start(u64::from(pc | 1), 0, 0, 0);
        match (self.engine.get_data().stop, outcome) {
            // A handler's return by `pop {pc}` may show as a fetch from the magic address.
            (Some(Stop::FetchFault), _) if self.special(Special::Pc) >= EXC_RETURN => {
                Stop::ExceptionReturn(self.special(Special::Pc) | 1)
            }
            (Some(stop), _) => stop,
            (None, Ok(())) => Stop::WaitForInterrupt,
            (None, Err(uc_error::INSN_INVALID)) => Stop::Undefined,
            (None, Err(e)) => Stop::Engine(e),
        }
    }

    /// Whether the registers can be read without asking the engine for each.
    pub fn registers_are_at_hand(&self) -> bool {
        !self.engine.get_data().registers.is_null()
    }

    /// The world.
    pub fn world(&self) -> &W {
        &self.engine.get_data().world
    }

    /// The world, to change it between runs.
    pub fn world_mut(&mut self) -> &mut W {
        &mut self.engine.get_data_mut().world
    }

    /// The memories.
    pub fn memory(&self) -> &Rc<Memory> {
        &self.memory
    }

    /// Reads R0 to R12, SP (the current stack's), LR.
    pub fn gpr(&self, index: u8) -> u32 {
        let registers = self.engine.get_data().registers;
        if index < 15 && !registers.is_null() {
            // SAFETY: as in `Core::quick`; between runs the engine keeps its hands off them.
            return unsafe { registers.add(usize::from(index)).read_volatile() };
        }
        gpr(index).and_then(|register| self.engine.reg_read(register).ok()).unwrap_or(0) as u32
    }

    /// Writes R0 to R12, SP (the current stack's), LR.
    pub fn set_gpr(&mut self, index: u8, value: u32) {
        let registers = self.engine.get_data().registers;
        // The stack pointer is banked: the engine knows what else to do.
        if index < 15 && index != 13 && !registers.is_null() {
            // SAFETY: as in `gpr`; the engine gave the place out as one that it writes itself, so it is mutable.
            unsafe { registers.cast_mut().add(usize::from(index)).write_volatile(value) };
            return;
        }
        if let Some(register) = gpr(index) {
            let _ = self.engine.reg_write(register, u64::from(value));
        }
    }

    /// Reads a special register; PC without the Thumb bit.
    pub fn special(&self, register: Special) -> u32 {
        let registers = self.engine.get_data().registers;
        if register == Special::Pc && !registers.is_null() {
            // SAFETY: as in `gpr`; PC is the sixteenth, without the Thumb bit.
            return unsafe { registers.add(15).read_volatile() };
        }
        self.engine.reg_read(register.register()).unwrap_or(0) as u32
    }

    /// Writes a special register. PC gets the Thumb bit that the engine wants (row 19).
    pub fn set_special(&mut self, register: Special, value: u32) {
        let value = if register == Special::Pc { value | 1 } else { value };
        let _ = self.engine.reg_write(register.register(), u64::from(value));
        if register == Special::Xpsr {
            // The engine keeps a digest of the execution mode and renews it on this write but not on the one above: without it a handler
            // runs as thread code, and its EXC_RETURN is an ordinary branch.
            let _ = self.engine.reg_write(RegisterARM::APSR_NZCV, u64::from(value & 0xf000_0000));
        }
    }

    /// The core's registers, all of them, hidden ones too.
    ///
    /// # Errors
    /// `internal`.
    pub fn save(&self) -> Result<SavedRegisters> {
        self.engine.context_init().map(SavedRegisters).map_err(|e| internal("save the registers", e))
    }

    /// The registers as they were then.
    ///
    /// # Errors
    /// `internal`.
    pub fn restore(&mut self, registers: &SavedRegisters) -> Result<()> {
        self.engine.context_restore(&registers.0).map_err(|e| internal("restore the registers", e))
    }

    /// From now on data accesses to these pages, given by their addresses, stop the core with [`Stop::DataFault`]: stores, and loads where the
    /// flag says so.
    pub fn guard(&mut self, pages: BTreeMap<u32, bool>) {
        if self.engine.get_data().guards != pages {
            self.engine.get_data_mut().guards = pages;
            let _ = self.engine.ctl_flush_tlb();
        }
    }

    /// Whether accesses to the page that an address lies on stop the core.
    pub fn is_guarded(&self, address: u32) -> bool {
        self.engine.get_data().guards.contains_key(&(address & !(PAGE - 1)))
    }

    /// Makes the engine translate `address .. address + size` anew, after the host changed code there (row 16).
    pub fn forget_code(&mut self, address: u32, size: u32) {
        let _ = self.engine.ctl_remove_cache(u64::from(address), u64::from(address.saturating_add(size)));
    }
}

impl<W: World + 'static> CoreAccess for Cpu<W> {
    fn reg(&self, index: u8) -> u32 {
        if index == 15 { self.special(Special::Pc) } else { self.gpr(index) }
    }

    fn set_reg(&mut self, index: u8, value: u32) {
        if index == 15 { self.set_special(Special::Pc, value) } else { self.set_gpr(index, value) }
    }

    fn xpsr(&self) -> u32 {
        self.special(Special::Xpsr)
    }

    fn set_xpsr(&mut self, value: u32) {
        self.set_special(Special::Xpsr, value);
    }

    fn thread_uses_psp(&self) -> bool {
        self.special(Special::Control) & 2 != 0
    }

    fn set_thread_uses_psp(&mut self, psp: bool) {
        let control = self.special(Special::Control);
        self.set_special(Special::Control, (control & !2) | u32::from(psp) << 1);
    }

    fn masks(&self) -> Masks {
        Masks {
            primask: self.special(Special::Primask) & 1 != 0,
            faultmask: self.special(Special::Faultmask) & 1 != 0,
            basepri: self.special(Special::Basepri) as u8,
        }
    }

    fn clear_faultmask(&mut self) {
        self.set_special(Special::Faultmask, 0);
    }

    fn load(&self, address: u32) -> Option<u32> {
        self.memory.read(address, 4)
    }

    fn store(&mut self, address: u32, value: u32) -> Option<()> {
        self.memory.is_sram(address).then(|| self.memory.write(address, &value.to_le_bytes())).flatten()
    }
}

/// What a page may be used for. SRAM is executable only while a fetch asks for it: a page with execute permission would make every
/// store to it slow for ever (row 23).
fn page_permissions(memory: &Memory, address: u32, fetch: bool) -> Option<Prot> {
    let page = address & !(PAGE - 1);
    let device = DEVICE_SPACE.iter().any(|(base, size)| page.wrapping_sub(*base) < *size);
    match memory.locate(page, PAGE as usize) {
        Some(_) if memory.is_sram(page) => Some(if fetch { Prot::READ | Prot::EXEC } else { Prot::READ | Prot::WRITE }),
        Some(_) => Some(Prot::READ | Prot::EXEC),
        None if device && !fetch => Some(Prot::READ | Prot::WRITE),
        None => None,
    }
}

fn internal(action: &str, error: uc_error) -> Failure {
    Failure::new(Code::Internal, format!("the Unicorn engine could not {action}: {error:?}"))
}
