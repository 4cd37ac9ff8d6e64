//! What it is: the build attributes that Arm compilers leave in `.ARM.attributes`: for which core the code was built.
//! Source: "Addenda to, and Errata in, the ABI for the Arm Architecture" (IHI 0045), section "Public tags".
//! Does not model: attributes of single sections or symbols; only those of the whole file matter here.
//! Tested by: the tests below and `tests/bad_input.rs` (ELFs crafted for a Cortex-M4F and others).

use object::read::elf::ElfFile32;
use object::{LittleEndian, Object, ObjectSection};

/// What the compiler and linker said about the target. A field is zero, or empty, where the file says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BuildAttributes {
    /// `Tag_CPU_name`, such as `Cortex-M3`.
    pub cpu_name: String,
    /// `Tag_CPU_arch`: 10 is Armv7, 11 and 12 Armv6-M, 13 Armv7E-M, 16 and more Armv8-M.
    pub cpu_arch: u64,
    /// `Tag_CPU_arch_profile`: `M` for microcontrollers.
    pub profile: u64,
    /// `Tag_ARM_ISA_use`: not zero when the file has instructions of the 32-bit Arm set.
    pub arm_isa: u64,
    /// `Tag_FP_arch`: not zero when floating-point instructions may occur.
    pub fp_arch: u64,
    /// `Tag_ABI_VFP_args`: 1 when floating-point arguments travel in FPU registers, or the header's hard-float flag is set.
    pub vfp_args: u64,
}

const TAG_FILE: u8 = 1;
const TAG_CPU_RAW_NAME: u64 = 4;
const TAG_CPU_NAME: u64 = 5;
const TAG_CPU_ARCH: u64 = 6;
const TAG_CPU_ARCH_PROFILE: u64 = 7;
const TAG_ARM_ISA_USE: u64 = 8;
const TAG_FP_ARCH: u64 = 10;
const TAG_ABI_VFP_ARGS: u64 = 28;
const TAG_COMPATIBILITY: u64 = 32;
/// `e_flags`: the file uses the hard-float procedure call standard.
const EF_ARM_ABI_FLOAT_HARD: u32 = 0x400;

const ARCH_V7: u64 = 10;
const ARCH_V6_M: u64 = 11;
const ARCH_V6S_M: u64 = 12;
const ARCH_V7E_M: u64 = 13;

impl BuildAttributes {
    /// Reads the attributes of the whole file. A file without them, or with a damaged section, has none.
    pub(super) fn read(file: &ElfFile32<'_, LittleEndian>, flags: u32) -> Self {
        let data = file.section_by_name(".ARM.attributes").and_then(|section| section.data().ok()).unwrap_or_default();
        let mut attributes = Self::parse(data).unwrap_or_default();
        if flags & EF_ARM_ABI_FLOAT_HARD != 0 {
            attributes.vfp_args = 1;
        }
        attributes
    }

    /// Parses the section: `'A'`, then vendor subsections, of which `aeabi` counts, each of tagged sub-subsections.
    fn parse(data: &[u8]) -> Option<Self> {
        let mut found = Self::default();
        let mut rest = data.strip_prefix(b"A")?;
        while rest.len() >= 4 {
            let (subsection, next) = sized(rest, 0)?;
            rest = next;
            let Some(mut body) = subsection.strip_prefix(b"aeabi\0") else { continue };
            while body.len() >= 5 {
                let tag = *body.first()?;
                let (contents, next) = sized(body, 1)?;
                body = next;
                if tag == TAG_FILE {
                    found.read_tags(contents);
                }
            }
        }
        Some(found)
    }

    /// Reads tag and value pairs until they end or stop making sense.
    fn read_tags(&mut self, mut data: &[u8]) {
        while let Some(tag) = uleb(&mut data) {
            // Tags 4, 5 and every odd tag above 32 carry a string, 32 carries a number and a string, all others a number.
            let (has_number, has_string) = match tag {
                TAG_CPU_RAW_NAME | TAG_CPU_NAME => (false, true),
                TAG_COMPATIBILITY => (true, true),
                tag if tag > TAG_COMPATIBILITY && tag % 2 == 1 => (false, true),
                _ => (true, false),
            };
            let number = if has_number { uleb(&mut data) } else { Some(0) };
            let text = if has_string { text(&mut data) } else { Some(String::new()) };
            let (Some(number), Some(text)) = (number, text) else { return };
            match tag {
                TAG_CPU_NAME => self.cpu_name = text,
                TAG_CPU_ARCH => self.cpu_arch = number,
                TAG_CPU_ARCH_PROFILE => self.profile = number,
                TAG_ARM_ISA_USE => self.arm_isa = number,
                TAG_FP_ARCH => self.fp_arch = number,
                TAG_ABI_VFP_ARGS => self.vfp_args = number,
                _ => {}
            }
        }
    }

    /// Why a Cortex-M3 cannot run this, as the end of "the file is …"; `None` when nothing speaks against it.
    #[must_use]
    pub fn unfit_for_cortex_m3(&self) -> Option<String> {
        let core = if self.cpu_name.is_empty() { String::new() } else { format!(" ({})", self.cpu_name) };
        let microcontroller = self.profile == u64::from(b'M');
        match self.cpu_arch {
            // Without a floating-point unit the name alone says little: one assembler file with `.cpu cortex-m4` gives it to a program for
            // a Cortex-M3 (ChibiOS's port for Armv7-M). An instruction that the core lacks is a fault and a finding when it comes.
            ARCH_V7E_M if self.fp_arch != 0 || self.vfp_args == 1 => {
                return Some(format!("built for Armv7E-M{core} with floating-point instructions, a Cortex-M4 or M7"));
            }
            arch if arch > ARCH_V7E_M => return Some(format!("built for Armv8 or later{core}")),
            ARCH_V7 if self.profile != 0 && !microcontroller => {
                return Some(format!("built for an application or real-time core of Armv7{core}"));
            }
            _ => {}
        }
        if self.fp_arch != 0 || self.vfp_args == 1 {
            return Some(format!("built for a floating-point unit{core}"));
        }
        let thumb_only = microcontroller || matches!(self.cpu_arch, ARCH_V6_M | ARCH_V6S_M);
        if self.arm_isa != 0 && !thumb_only {
            return Some(format!("built with instructions of the 32-bit Arm set{core}, which no Cortex-M executes"));
        }
        None
    }
}

/// Splits off a block whose length, its own header included, stands in a little-endian word at `header`.
fn sized(data: &[u8], header: usize) -> Option<(&[u8], &[u8])> {
    let word: [u8; 4] = data.get(header..header.checked_add(4)?)?.try_into().ok()?;
    let length = usize::try_from(u32::from_le_bytes(word)).ok()?;
    Some((data.get(header.checked_add(4)?..length)?, data.get(length..)?))
}

/// Takes an unsigned LEB128 number off the front.
fn uleb(data: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    let mut shift = 0;
    loop {
        let (&byte, rest) = data.split_first()?;
        *data = rest;
        if shift < 63 {
            value |= u64::from(byte & 0x7f) << shift;
        }
        shift += 7;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
}

/// Takes a NUL-terminated string off the front.
fn text(data: &mut &[u8]) -> Option<String> {
    let end = data.iter().position(|byte| *byte == 0)?;
    let (text, rest) = data.split_at_checked(end)?;
    *data = rest.get(1..)?;
    Some(String::from_utf8_lossy(text).chars().take(64).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The attribute sections as `arm-none-eabi-gcc` 12.2 writes them, taken with `objdump -s -j .ARM.attributes`.
    const CORTEX_M3: &[u8] = b"A\x2d\0\0\0aeabi\0\x01\x23\0\0\0\x05Cortex-M3\0\x06\x0a\x07M\x09\x02\x12\x04\x14\x01\x15\x01\x17\x03\x18\x01\x19\x01\x1a\x01\x1e\x06";

    #[test]
    fn gcc_for_a_cortex_m3_is_accepted() {
        let found = BuildAttributes::parse(CORTEX_M3).unwrap();
        assert_eq!((found.cpu_name.as_str(), found.cpu_arch, found.profile), ("Cortex-M3", 10, u64::from(b'M')));
        assert_eq!(found.unfit_for_cortex_m3(), None);
    }

    #[test]
    fn nothing_said_is_accepted() {
        assert_eq!(BuildAttributes::default().unfit_for_cortex_m3(), None);
        assert_eq!(BuildAttributes::parse(b""), None);
    }

    #[test]
    fn other_cores_are_refused_by_name() {
        let m = u64::from(b'M');
        let cases = [
            (BuildAttributes { cpu_arch: 13, profile: m, fp_arch: 6, ..Default::default() }, "Armv7E-M with floating-point"),
            (BuildAttributes { cpu_arch: 17, profile: m, ..Default::default() }, "Armv8"),
            (BuildAttributes { cpu_arch: 10, profile: u64::from(b'A'), ..Default::default() }, "application"),
            (BuildAttributes { cpu_arch: 10, profile: m, vfp_args: 1, ..Default::default() }, "floating-point unit"),
            (BuildAttributes { cpu_arch: 2, arm_isa: 1, ..Default::default() }, "32-bit Arm set"),
        ];
        for (attributes, expected) in cases {
            let why = attributes.unfit_for_cortex_m3().unwrap_or_default();
            assert!(why.contains(expected), "{attributes:?}: {why}");
        }
    }

    #[test]
    fn every_truncation_is_survived() {
        for end in 0..CORTEX_M3.len() {
            let _ = BuildAttributes::parse(&CORTEX_M3[..end]);
        }
    }
}
