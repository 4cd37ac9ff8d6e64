//! What it is: what a store instruction would write where, for the few stores that the engine must not do by itself: those to flash.
//! Source: ARMv7-M Architecture Reference Manual (DDI 0403), sections A5.2.4 (16-bit load/store), A5.3.10 (32-bit stores), A7.3.2 (ITSTATE).
//! Does not model: store multiple, push and exclusive stores: no flash of this chip takes them.
//! Tested by: the unit tests below (encodings from binutils), `firmware-images/tests/flash_program`.

/// A store that is about to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Store {
    /// Where.
    pub address: u32,
    /// Bytes: 1, 2 or 4.
    pub size: u32,
    /// The register that is stored.
    pub value: u32,
    /// The instruction's own length in bytes.
    pub length: u32,
    /// The base register and its new value, where it is written back.
    pub writeback: Option<(u8, u32)>,
}

/// The store that these bytes encode, with the registers as they are; `None` for anything else.
pub fn decode(code: [u8; 4], reg: impl Fn(u8) -> u32) -> Option<Store> {
    let first = u32::from(u16::from_le_bytes([code[0], code[1]]));
    let second = u32::from(u16::from_le_bytes([code[2], code[3]]));
    let field = |word: u32, shift: u32, mask: u32| (word >> shift & mask) as u8;
    let short = |size: u32, base: u8, offset: u32, value: u8| Store {
        address: reg(base).wrapping_add(offset),
        size,
        value: reg(value),
        length: 2,
        writeback: None,
    };
    let (rn, rt, immediate) = (field(first, 3, 7), field(first, 0, 7), first >> 6 & 0x1f);
    match first >> 9 {
        0b010_1000 => return Some(short(4, rn, reg(field(first, 6, 7)), rt)),
        0b010_1001 => return Some(short(2, rn, reg(field(first, 6, 7)), rt)),
        0b010_1010 => return Some(short(1, rn, reg(field(first, 6, 7)), rt)),
        _ => {}
    }
    match first >> 11 {
        0b01100 => return Some(short(4, rn, immediate * 4, rt)),
        0b01110 => return Some(short(1, rn, immediate, rt)),
        0b10000 => return Some(short(2, rn, immediate * 2, rt)),
        0b10010 => return Some(short(4, 13, (first & 0xff) * 4, field(first, 8, 7))),
        0b11111 => {}
        _ => return None,
    }
    let size = match first >> 4 & 0xfff {
        0xf80 | 0xf88 => 1,
        0xf82 | 0xf8a => 2,
        0xf84 | 0xf8c => 4,
        _ => return None,
    };
    let (base, rt) = (field(first, 0, 15), field(second, 12, 15));
    let at = reg(base);
    let (address, writeback) = if first & 0x80 != 0 {
        (at.wrapping_add(second & 0xfff), None)
    } else if second & 0xfc0 == 0 {
        (at.wrapping_add(reg(field(second, 0, 15)) << (second >> 4 & 3)), None)
    } else if second & 0x800 != 0 {
        let offset = second & 0xff;
        let moved = if second & 0x200 != 0 { at.wrapping_add(offset) } else { at.wrapping_sub(offset) };
        let address = if second & 0x400 != 0 { moved } else { at };
        (address, (second & 0x100 != 0).then_some((base, moved)))
    } else {
        return None;
    };
    Some(Store { address, size, value: reg(rt), length: 4, writeback })
}

/// xPSR behind an instruction of an IT block: its state advanced (A7.3.2).
pub fn advance_it(xpsr: u32) -> u32 {
    let state = (xpsr >> 8 & 0xfc) | (xpsr >> 25 & 3);
    let next = if state & 7 == 0 { 0 } else { (state & 0xe0) | (state << 1 & 0x1f) };
    (xpsr & !0x0600_fc00) | (next & 0xfc) << 8 | (next & 3) << 25
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stores_are_read_as_binutils_writes_them() {
        // arm-none-eabi-as -mcpu=cortex-m3; register n holds 0x100 * n.
        let reg = |n: u8| u32::from(n) << 8;
        for (bytes, address, size, value, length, writeback) in [
            ([0x13, 0x80, 0, 0], 0x200, 2, 0x300, 2, None),                   // strh r3, [r2]
            ([0x53, 0x80, 0, 0], 0x202, 2, 0x300, 2, None),                   // strh r3, [r2, #2]
            ([0x13, 0x53, 0, 0], 0x600, 2, 0x300, 2, None),                   // strh r3, [r2, r4]
            ([0x22, 0xf8, 0x02, 0x3b], 0x200, 2, 0x300, 4, Some((2, 0x202))), // strh.w r3, [r2], #2
            ([0x22, 0xf8, 0x02, 0x3d], 0x1fe, 2, 0x300, 4, Some((2, 0x1fe))), // strh.w r3, [r2, #-2]!
            ([0x22, 0xf8, 0x14, 0x30], 0xa00, 2, 0x300, 4, None),             // strh.w r3, [r2, r4, lsl #1]
            ([0xa2, 0xf8, 0x10, 0x80], 0x210, 2, 0x800, 4, None),             // strh.w r8, [r2, #16]
            ([0x13, 0x60, 0, 0], 0x200, 4, 0x300, 2, None),                   // str r3, [r2]
            ([0x13, 0x70, 0, 0], 0x200, 1, 0x300, 2, None),                   // strb r3, [r2]
        ] {
            assert_eq!(decode(bytes, reg), Some(Store { address, size, value, length, writeback }), "{bytes:x?}");
        }
        assert_eq!(decode([0x13, 0x88, 0, 0], reg), None, "ldrh r3, [r2]");
    }

    #[test]
    fn it_state_advances_as_the_manual_says() {
        // A7.3.2: ITTE EQ is 0000 0110 behind its first instruction 0000 1100 ... and ends after the third.
        let pack = |state: u32| (state & 0xfc) << 8 | (state & 3) << 25;
        assert_eq!(advance_it(pack(0b0000_0110)), pack(0b0000_1100));
        assert_eq!(advance_it(pack(0b0000_1000)), 0);
        assert_eq!(advance_it(0x0100_0000), 0x0100_0000);
    }
}
