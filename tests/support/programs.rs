//! What it is: programs made by chance from everything whose cost depends on what happens at run time: loads and stores of flash, SRAM, devices
//! and bit-band, aligned or not; long multiplies and divides of any operands; IT blocks; forward branches, calls, loops; multiples and stacks;
//! and everything by which such an operand may have been computed: carries, shifts, bit fields, saturation, what was stored a moment ago.
//! Source: the encodings are DDI 0403E's, A7.7; the choice is a 64-bit linear congruential generator's (Knuth's MMIX constants).
//! Does not model: exceptions, code in SRAM, computed branches; the committed images have those.
//! Tested by: `tests/fidelity.rs` and `tests/operands.rs`, which run them.
#![allow(dead_code)] // Every user has its own part of it.

use crate::call::{Call, FLASH, FLASH_SIZE, SRAM, SRAM_SIZE, constant, put};

/// Chance that is the same everywhere and always.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// 0 to `sides - 1`.
    pub fn roll(&mut self, sides: u32) -> u32 {
        ((u64::from(self.word()) * u64::from(sides)) >> 32) as u32
    }

    pub fn word(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 32) as u32
    }
}

/// R0 to R3 are data; R4 points into SRAM, R5 into flash, R6 counts passes, R7 is either of R4 and R5, R8 is a device, R9 bit-band,
/// R10 the start of the buffer. R11 and R12 are data that few instructions use.
const BUFFER: u32 = SRAM + 0x400;
/// Where tables are read from in flash.
const TABLE: u32 = FLASH + 0x4000;

/// What programs may touch beside memory.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Devices {
    /// The cycle counter, a port and the bit-band aliases.
    Some,
    /// None: such a program also runs where there are none.
    None,
}

fn low(dice: &mut Dice) -> u16 {
    dice.roll(4) as u16
}

/// Something whose cost depends on what register `r` holds.
fn consume(dice: &mut Dice, r: u16, code: &mut Vec<u16>) {
    let (d, m) = (low(dice), low(dice));
    match dice.roll(3) {
        // and.w r3, r, #0xff; ldr.w d, [base, r3]
        0 => code.extend([0xf000 | r, 0x03ff, 0xf850 | [4, 5, 7][dice.roll(3) as usize], d << 12 | 3]),
        1 => code.extend([0xfba0 | r, 3 << 8 | m]),          // umull r0, r3, r, m
        _ => code.extend([0xfbb0 | r, 0xf0f0 | d << 8 | m]), // udiv d, r, m
    }
}

/// A shift by a constant in the second halfword of a 32-bit instruction: any kind, RRX included.
fn shift(dice: &mut Dice) -> u16 {
    let by = if dice.roll(4) == 0 { 0 } else { dice.roll(32) as u16 };
    (by >> 2) << 12 | (by & 3) << 6 | (dice.roll(4) as u16) << 4
}

/// One instruction by which an operand may be computed, or a few.
fn arithmetic(dice: &mut Dice, code: &mut Vec<u16>) {
    let (d, n, m) = (low(dice), low(dice), low(dice));
    let other = (d + 1 + dice.roll(3) as u16) & 3;
    let sets = (dice.roll(2) as u16) << 4;
    match dice.roll(17) {
        0 => code.push([0x4140, 0x4180, 0x4240, 0x4200][dice.roll(4) as usize] | n << 3 | d), // adcs, sbcs, rsbs, tst
        1 => code.push([0x4080, 0x40c0, 0x4100, 0x41c0][dice.roll(4) as usize] | n << 3 | d), // lsls, lsrs, asrs, rors
        2 => code.push([0x0800, 0x1000][dice.roll(2) as usize] | (dice.roll(32) as u16) << 6 | n << 3 | d), // lsrs, asrs
        3 | 4 => {
            // and, bic, orr, orn, eor, add, adc, sbc, sub, rsb of a shifted register
            let opcode = [0u16, 1, 2, 3, 4, 8, 10, 11, 13, 14][dice.roll(10) as usize];
            code.extend([0xea00 | opcode << 5 | sets | n, shift(dice) | d << 8 | m]);
        }
        // mov, mvn of a shifted register
        5 => code.extend([[0xea4f, 0xea6f][dice.roll(2) as usize] | sets, shift(dice) | d << 8 | m]),
        6 => {
            // The same with a constant.
            let opcode = [0u16, 1, 2, 3, 4, 8, 10, 11, 13, 14][dice.roll(10) as usize];
            let constant = (dice.roll(8) as u16) << 12 | 1 | dice.roll(256) as u16;
            code.extend([0xf000 | (dice.roll(2) as u16) << 10 | opcode << 5 | sets | n, constant | d << 8]);
        }
        // tst, teq, cmn of a shifted register and of a constant
        7 => code.extend([[0xea10, 0xea90, 0xeb10][dice.roll(3) as usize] | n, shift(dice) | 0xf00 | m]),
        8 => {
            let constant = (dice.roll(8) as u16) << 12 | 1 | dice.roll(256) as u16;
            code.extend([[0xf010, 0xf090][dice.roll(2) as usize] | (dice.roll(2) as u16) << 10 | n, constant | 0xf00]);
        }
        9 => {
            // bfi, bfc, ubfx, sbfx
            let lsb = dice.roll(32) as u16;
            let rest = dice.roll(32 - u32::from(lsb)) as u16;
            let place = (lsb >> 2) << 12 | d << 8 | (lsb & 3) << 6;
            code.extend(match dice.roll(4) {
                0 => [0xf360 | n, place | (lsb + rest)],
                1 => [0xf36f, place | (lsb + rest)],
                2 => [0xf3c0 | n, place | rest],
                _ => [0xf340 | n, place | rest],
            });
        }
        10 => code.extend([0xfa90 | m, 0xf080 | d << 8 | (dice.roll(4) as u16) << 4 | m]), // rev, rev16, rbit, revsh
        11 => code.extend([0xfab0 | m, 0xf080 | d << 8 | m]),                              // clz
        12 => {
            // ssat, usat, of a register shifted either way
            let by = 1 + dice.roll(31) as u16;
            let first = [0xf300, 0xf320, 0xf380, 0xf3a0][dice.roll(4) as usize];
            code.extend([first | n, (by >> 2) << 12 | d << 8 | (by & 3) << 6 | dice.roll(32) as u16]);
        }
        13 => {
            // extends of a rotated register; 16-bit ones
            let first = [0xfa0f, 0xfa1f, 0xfa4f, 0xfa5f][dice.roll(4) as usize];
            code.extend([first, 0xf080 | d << 8 | (dice.roll(4) as u16) << 4 | m]);
            code.push([0xb200, 0xb240, 0xb280, 0xb2c0, 0xba00, 0xba40, 0xbac0][dice.roll(7) as usize] | d << 3 | other);
        }
        14 => code.extend([0xf380 | n, 0x8800]), // msr apsr_nzcvq, n
        15 => code.extend([0xfbc0 | (dice.roll(2) as u16) << 5 | n, d << 12 | other << 8 | m]), // smlal, umlal
        _ => {
            // itt, by whatever the flags are; a division or a load; an adc
            let cond = dice.roll(14) as u16;
            code.push(0xbf00 | cond << 4 | 0x4 | (cond & 1) << 3);
            if dice.roll(2) == 0 {
                code.extend([0xfbb0 | n, 0xf0f0 | d << 8 | m]);
            } else {
                code.extend([0xf8d5, d << 12 | dice.roll(64) as u16]);
            }
            code.push(0x4140 | n << 3 | d);
        }
    }
    if dice.roll(2) == 0 {
        consume(dice, d, code);
    }
}

/// Something stored and loaded again at once, wholly or in part, and used.
fn stored(dice: &mut Dice, code: &mut Vec<u16>) {
    let (d, n) = (low(dice), low(dice));
    let other = (d + 1 + dice.roll(3) as u16) & 3;
    let place = |dice: &mut Dice| dice.roll(8) as u16;
    match dice.roll(7) {
        0 | 1 => {
            // strb, strh or str; then ldrb, ldrh, ldr, ldrsb or ldrsh near it
            let base = [4u16, 4, 7][dice.roll(3) as usize];
            let store = [0xf884, 0xf8a4, 0xf8c4][dice.roll(3) as usize];
            let load = [0xf890, 0xf8b0, 0xf8d0, 0xf990, 0xf9b0][dice.roll(5) as usize];
            code.extend([store, n << 12 | place(dice), load | base, d << 12 | place(dice)]);
        }
        2 => {
            // it; str; ldr
            code.push(0xbf08 | (dice.roll(14) as u16) << 4);
            code.extend([0xf8c4, n << 12 | place(dice), 0xf8d4, d << 12 | place(dice)]);
        }
        3 => code.extend([0xc403, 0x3c08, 0xe894, 1 << d | 1 << other]), // stm r4!, {r0, r1}; subs r4, #8; ldm r4, {two}
        // strd or ldrd, and the other
        4 => code.extend([0xe9c4, d << 12 | other << 8 | place(dice), 0xe9d4, d << 12 | other << 8 | place(dice)]),
        5 => {
            // push {r0-r3}; ldr d, [sp, #]; ldrh.w n, [sp, #] at any alignment; add sp, #16
            code.extend([0xb40f, 0x9800 | d << 8 | dice.roll(4) as u16, 0xf8bd, n << 12 | place(dice), 0xb004]);
        }
        // mov r11, sp; sub sp, #8; str n, [sp, #4]; mov sp, r11; ldr d, [sp, #-4]; ldrex d, [r4]
        _ => code.extend([0x46eb, 0xb082, 0x9001 | n << 8, 0x46dd, 0xf85d, d << 12 | 0x0c04, 0xe854, other << 12 | 0xf00]),
    }
    consume(dice, d, code);
}

/// One instruction, or a few that belong together, without control flow.
fn piece(dice: &mut Dice, devices: Devices, code: &mut Vec<u16>) {
    let (d, n, m) = (low(dice), low(dice), low(dice));
    let base = [4u16, 5, 7][dice.roll(3) as usize];
    let imm5 = dice.roll(32) as u16;
    let imm12 = dice.roll(0x80) as u16;
    match dice.roll(if devices == Devices::Some { 45 } else { 41 }) {
        0 => code.push(0x1800 | m << 6 | n << 3 | d),                   // adds
        1 => code.push(0x1a00 | m << 6 | n << 3 | d),                   // subs
        2 => code.push(0x4040 | n << 3 | d),                            // eors
        3 => code.push(imm5 << 6 | n << 3 | d),                         // lsls
        4 => code.push(0x4340 | n << 3 | d),                            // muls
        5 => code.extend([0xfb00 | n, m << 12 | d << 8 | (m + 1) & 3]), // mla
        6..=8 => {
            let (low, high) = ([0u16, 1, 2][dice.roll(3) as usize], 3u16);
            let opcode = [0xfba0, 0xfb80, 0xfbe0, 0xfbc0][dice.roll(4) as usize]; // umull, smull, umlal, smlal
            code.extend([opcode | n, low << 12 | high << 8 | m]);
        }
        9 | 10 => code.extend([[0xfbb0, 0xfb90][dice.roll(2) as usize] | n, 0xf0f0 | d << 8 | m]), // udiv, sdiv
        11 => code.push(0x6800 | imm5 << 6 | 4 << 3 | d),                                          // ldr [r4, #]
        12 => code.push(0x6000 | imm5 << 6 | 4 << 3 | d),                                          // str [r4, #]
        13 => code.push(0x7800 | imm5 << 6 | (base & 7) << 3 | d),                                 // ldrb
        14 => code.extend([0xf8d0 | base, d << 12 | imm12]),                                       // ldr.w at any alignment
        15 => code.extend([0xf8b0 | base, d << 12 | imm12]),                                       // ldrh.w
        16 => code.extend([0xf8c4, d << 12 | imm12]), // str.w [r4, #] at any alignment
        17 => {
            // and.w r3, n, #0xff; ldrb or ldr [base, r3]
            code.extend([0xf000 | n, 0x03ff]);
            code.extend([[0xf810, 0xf850][dice.roll(2) as usize] | base, d << 12 | 3 | (dice.roll(3) as u16) << 4]);
        }
        18 => {
            // and.w r3, n, #0xff; str.w d, [r4, r3]
            code.extend([0xf000 | n, 0x03ff, 0xf844, d << 12 | 3]);
        }
        19 => {
            // cmp n, m; ite; mov r7, r4; mov r7, r5: which memory, only the run tells.
            let cond = [0u16, 2, 4, 8, 10, 12][dice.roll(6) as usize];
            let mask = if cond & 1 == 0 { 0xc } else { 0x4 };
            code.extend([0x4280 | m << 3 | n, 0xbf00 | cond << 4 | mask, 0x4627, 0x462f]);
        }
        20 | 21 => {
            // cmp n, m; itt; a load or a long multiply or an MLA; an add
            let cond = dice.roll(14) as u16;
            let mask = 0x4 | (cond & 1) << 3;
            code.extend([0x4280 | m << 3 | n, 0xbf00 | cond << 4 | mask]);
            match dice.roll(4) {
                0 => code.extend([0xf8d0 | base, d << 12 | imm12]),
                1 => code.extend([0xfba0 | n, 1 << 12 | 2 << 8 | m]),
                2 => code.extend([0xfbb0 | n, 0xf0f0 | d << 8 | m]),
                _ => code.extend([0xf8c4, d << 12 | imm12]),
            }
            code.push(0x1800 | m << 6 | n << 3 | d);
        }
        22 => code.extend([0xe890 | base, 0x0007]), // ldm base, {r0-r2}
        23 => code.extend([0xe884, 0x0003]),        // stm r4, {r0, r1}
        24 => {
            // push {r0, r1}; pop {r1, r2}
            code.extend([0xb403, 0xbc06]);
        }
        25 => {
            // ldr d, [r4], #4 and back: sub r4, #4
            code.extend([0xf854, d << 12 | 0x0b04, 0x3c04]);
        }
        26..=34 => arithmetic(dice, code),
        35..=40 => stored(dice, code),
        41 => code.extend([0xf8d8, d << 12]), // the cycle counter
        42 => code.extend([0xf8d9, d << 12]), // a port's bit through its alias
        43 => code.extend([0xf8c9, d << 12]),
        _ => {
            // str.w d, [r4, #0]; ldr.w through the alias of its bit 0: 0x22000000 + 32 * offset
            let alias = 0x2200_0000 + 32 * (BUFFER - SRAM);
            code.extend(constant(3, alias));
            code.push(0x681b);
        }
    }
}

/// A program by its number: a prologue, some loops of some straight pieces, forward branches and calls, and a wait for ever.
pub fn program(seed: u64, devices: Devices) -> Call {
    let mut dice = Dice::new(seed);
    let mut flash: Vec<u8> = (0..FLASH_SIZE).map(|_| dice.word() as u8).collect();
    let sram: Vec<u8> = (0..SRAM_SIZE).map(|_| if dice.roll(3) == 0 { 0 } else { dice.word() as u8 }).collect();
    let entry = FLASH + 0x200 + 2 * dice.roll(4);

    let mut code = Vec::new();
    if devices == Devices::Some {
        // TRCENA, then CYCCNTENA; the clock of port A.
        for (address, value) in [(0xe000_edfc, 1 << 24), (0xe000_1000, 1), (0x4002_1018, 4)] {
            code.extend(constant(0, address));
            code.extend(constant(1, value));
            code.push(0x6001);
        }
    }
    // GPIOA_ODR's bit 3 by its alias: 0x42000000 + 32 * 0x1080c + 4 * 3.
    for (register, value) in [(4, BUFFER), (5, TABLE), (7, BUFFER), (8, 0xe000_1004), (9, 0x4221_018c), (10, BUFFER)] {
        code.extend(constant(register, value));
    }
    for register in 0..4 {
        let bits = dice.roll(32);
        code.extend(constant(register, dice.word() >> bits));
    }
    let loops = 1 + dice.roll(4);
    for _ in 0..loops {
        code.extend(constant(6, 1 + dice.roll(60)));
        let top = code.len();
        for _ in 0..1 + dice.roll(4) {
            for _ in 0..1 + dice.roll(7) {
                piece(&mut dice, devices, &mut code);
            }
            let mut skipped = Vec::new();
            for _ in 0..dice.roll(3) {
                piece(&mut dice, devices, &mut skipped);
            }
            match dice.roll(4) {
                // A conditional branch over them, by whatever the flags are.
                0 => code.push(0xd000 | (dice.roll(14) as u16) << 8 | (skipped.len() as u16).wrapping_sub(1) & 0xff),
                // cbz, cbnz
                1 if !skipped.is_empty() => {
                    let offset = skipped.len() as u16 - 1;
                    code.push(0xb100 | (dice.roll(2) as u16) << 11 | (offset & 0x1f) << 3 | low(&mut dice));
                }
                // bl over them, and back here by bx lr: what was skipped is the function.
                2 => {
                    let function = skipped.len() as u16 + 1;
                    skipped.push(0x4770);
                    // bl +2: to the function behind the branch over it
                    code.extend([0xf000, 0xf801]);
                    code.push(0xe000 | (function - 1) & 0x7ff);
                }
                _ => {}
            }
            code.extend(skipped);
        }
        // subs r6, #1; bne.w top
        code.push(0x3e01);
        let back = -((code.len() - top) as i32 + 2);
        let offset = (back as u32) & 0xf_ffff;
        let (s, j2, j1) = (offset >> 19 & 1, offset >> 18 & 1, offset >> 17 & 1);
        code.extend([
            0xf000 | (s as u16) << 10 | 1 << 6 | (offset >> 11 & 0x3f) as u16,
            0x8000 | (j1 as u16) << 13 | (j2 as u16) << 11 | (offset & 0x7ff) as u16,
        ]);
    }
    code.push(0xbf30); // wfi
    put(&mut flash, entry, &code);
    Call { flash, sram, entry, stack: SRAM + SRAM_SIZE }
}
