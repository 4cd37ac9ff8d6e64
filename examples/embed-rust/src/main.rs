//! A neural network in Rust firmware: puts one network connection through the anomaly detector and prints the outputs on USART1 (PA9,
//! 115200 baud). The runtime is C, built by the `cc` crate: see `build.rs`.
//! SPDX-License-Identifier: MIT OR Apache-2.0
#![no_std]
#![no_main]

mod nn;
mod sample;

use core::fmt::Write;
use cortex_m_rt::entry;
use panic_halt as _;

/// USART1, transmitting; by registers (RM0008 sections 7.3.7, 9.2.2 and 27.6), so that the example needs no other crate.
struct Line;

impl Line {
    const STATUS: *mut u32 = 0x4001_3800 as *mut u32;
    const DATA: *mut u32 = 0x4001_3804 as *mut u32;

    fn open() -> Line {
        // SAFETY: registers of the STM32F103, and nobody else uses them.
        unsafe {
            let (clocks, pins) = (0x4002_1018 as *mut u32, 0x4001_0804 as *mut u32);
            clocks.write_volatile(clocks.read_volatile() | 1 << 2 | 1 << 14);
            pins.write_volatile(pins.read_volatile() & !(0xF << 4) | 0xB << 4);
            (0x4001_3808 as *mut u32).write_volatile((8_000_000 + 115_200 / 2) / 115_200);
            (0x4001_380C as *mut u32).write_volatile(1 << 13 | 1 << 3);
        }
        Line
    }
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        for byte in text.bytes() {
            // SAFETY: as above.
            unsafe {
                while Self::STATUS.read_volatile() & 1 << 7 == 0 {}
                Self::DATA.write_volatile(u32::from(byte));
            }
        }
        Ok(())
    }
}

#[entry]
fn main() -> ! {
    static mut ARENA: nn::Arena = nn::Arena::new();
    let mut line = Line::open();
    let said = match nn::Model::new(ARENA).as_mut().map(|model| model.invoke(&sample::SAMPLE)) {
        Ok(Ok(outputs)) => write!(line, "outputs").and_then(|()| outputs.iter().try_for_each(|value| write!(line, " {value}"))),
        Ok(Err(status)) => write!(line, "status {status}"),
        Err(status) => write!(line, "status {status}"),
    };
    let _ = said.and_then(|()| line.write_str("\r\n"));
    loop {
        // SAFETY: waits for an interrupt, of which there is none.
        unsafe { core::arch::asm!("wfi") };
    }
}
