//! What it is: the engine's names of R0 to R15, by number.
//! Source: the Procedure Call Standard for the Arm Architecture: R13 is SP, R14 LR, R15 PC.
//! Does not model: special registers.
//! Tested by: it is used by `tests/operands.rs` and `tests/silicon.rs`.

use unicorn_engine::RegisterARM;

/// R0 to R15.
pub const REGISTERS: [RegisterARM; 16] = [
    RegisterARM::R0,
    RegisterARM::R1,
    RegisterARM::R2,
    RegisterARM::R3,
    RegisterARM::R4,
    RegisterARM::R5,
    RegisterARM::R6,
    RegisterARM::R7,
    RegisterARM::R8,
    RegisterARM::R9,
    RegisterARM::R10,
    RegisterARM::R11,
    RegisterARM::R12,
    RegisterARM::SP,
    RegisterARM::LR,
    RegisterARM::PC,
];
