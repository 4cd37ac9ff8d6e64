//! What it is: the Cortex-M3 as GDB is told of it: registers with their numbers, the target description, the memory map.
//! Source: the GDB manual, appendix G.5.3 "ARM Features" (m-profile, m-system) and E.20 "Memory Map Format".
//! Does not model: the floating-point registers of other Cortex-M cores.
//! Tested by: `tests/gdb.rs`: `info registers`, `info mem`.

use crate::chip::Chip;
use crate::machine::{Register, Special};
use gdbstub::arch;
use std::num::NonZeroUsize;

/// A Cortex-M3.
#[derive(Debug)]
pub enum CortexM3 {}

/// The registers in the order of the description below.
pub const REGISTERS: [Register; 23] = {
    use Register::{General as R, Special as S};
    [
        R(0),
        R(1),
        R(2),
        R(3),
        R(4),
        R(5),
        R(6),
        R(7),
        R(8),
        R(9),
        R(10),
        R(11),
        R(12),
        R(13),
        R(14),
        S(Special::Pc),
        S(Special::Xpsr),
        S(Special::Msp),
        S(Special::Psp),
        S(Special::Primask),
        S(Special::Basepri),
        S(Special::Faultmask),
        S(Special::Control),
    ]
};
const PC: usize = 15;

const DESCRIPTION: &str = r#"<?xml version="1.0"?>
<!DOCTYPE target SYSTEM "gdb-target.dtd">
<target version="1.0">
  <architecture>arm</architecture>
  <feature name="org.gnu.gdb.arm.m-profile">
    <reg name="r0" bitsize="32"/>
    <reg name="r1" bitsize="32"/>
    <reg name="r2" bitsize="32"/>
    <reg name="r3" bitsize="32"/>
    <reg name="r4" bitsize="32"/>
    <reg name="r5" bitsize="32"/>
    <reg name="r6" bitsize="32"/>
    <reg name="r7" bitsize="32"/>
    <reg name="r8" bitsize="32"/>
    <reg name="r9" bitsize="32"/>
    <reg name="r10" bitsize="32"/>
    <reg name="r11" bitsize="32"/>
    <reg name="r12" bitsize="32"/>
    <reg name="sp" bitsize="32" type="data_ptr"/>
    <reg name="lr" bitsize="32"/>
    <reg name="pc" bitsize="32" type="code_ptr"/>
    <reg name="xpsr" bitsize="32"/>
  </feature>
  <feature name="org.gnu.gdb.arm.m-system">
    <reg name="msp" bitsize="32" type="data_ptr"/>
    <reg name="psp" bitsize="32" type="data_ptr"/>
    <reg name="primask" bitsize="32"/>
    <reg name="basepri" bitsize="32"/>
    <reg name="faultmask" bitsize="32"/>
    <reg name="control" bitsize="32"/>
  </feature>
</target>
"#;

/// The values of [`REGISTERS`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Values(pub [u32; REGISTERS.len()]);

impl arch::Registers for Values {
    type ProgramCounter = u32;

    fn pc(&self) -> u32 {
        self.0.get(PC).copied().unwrap_or(0)
    }

    fn gdb_serialize(&self, mut write_byte: impl FnMut(Option<u8>)) {
        self.0.iter().flat_map(|value| value.to_le_bytes()).for_each(|byte| write_byte(Some(byte)));
    }

    fn gdb_deserialize(&mut self, bytes: &[u8]) -> Result<(), ()> {
        if bytes.len() != 4 * REGISTERS.len() {
            return Err(());
        }
        for (value, bytes) in self.0.iter_mut().zip(bytes.chunks_exact(4)) {
            *value = u32::from_le_bytes(bytes.try_into().map_err(|_| ())?);
        }
        Ok(())
    }
}

/// A register's place in [`REGISTERS`].
#[derive(Clone, Copy, Debug)]
pub struct RegisterId(pub usize);

impl arch::RegId for RegisterId {
    fn from_raw_id(id: usize) -> Option<(Self, Option<NonZeroUsize>)> {
        (id < REGISTERS.len()).then(|| (Self(id), NonZeroUsize::new(4)))
    }
}

impl arch::Arch for CortexM3 {
    type Usize = u32;
    type Registers = Values;
    /// Bytes of the instruction that a breakpoint stands on: nothing here depends on it.
    type BreakpointKind = usize;
    type RegId = RegisterId;

    fn target_description_xml() -> Option<&'static str> {
        Some(DESCRIPTION)
    }
}

/// The chip's memories for GDB, which then sets hardware breakpoints in flash and knows how to load programs. Everything else is devices, which
/// may be read and written too.
pub fn memory_map(chip: &Chip) -> String {
    let (flash, sram) = (chip.flash, chip.sram);
    let page = chip.flash_programming.page.0;
    let flash_size = flash.size.0;
    let region = |kind: &str, start: u64, end: u64| {
        let length = end.saturating_sub(start);
        format!("  <memory type=\"{kind}\" start=\"{start:#010x}\" length=\"{length:#x}\"/>\n")
    };
    let (flash_base, sram_base) = (u64::from(flash.base.0), u64::from(sram.base.0));
    let mut map = String::from(
        "<?xml version=\"1.0\"?>\n<!DOCTYPE memory-map PUBLIC \"+//IDN gnu.org//DTD GDB Memory Map V1.0//EN\" \
         \"http://sourceware.org/gdb/gdb-memory-map.dtd\">\n<memory-map>\n",
    );
    map.push_str(&region("rom", 0, flash_size));
    map.push_str(&format!(
        "  <memory type=\"flash\" start=\"{flash_base:#010x}\" length=\"{flash_size:#x}\">\n    \
         <property name=\"blocksize\">{page:#x}</property>\n  </memory>\n"
    ));
    map.push_str(&region("ram", sram_base, sram_base + sram.size.0));
    // Signature and option bytes; bit-band alias; peripherals and their alias; FSMC; the core's own.
    for (start, end) in
        [(0x1fff_f000, 0x2000_0000), (0x2200_0000, 0x2400_0000), (0x4000_0000, 0x6000_0000), (0xa000_0000, 0xa000_1000)]
    {
        map.push_str(&region("ram", start, end));
    }
    map.push_str(&region("ram", 0xe000_0000, 0xe010_0000));
    map.push_str("</memory-map>\n");
    map
}
