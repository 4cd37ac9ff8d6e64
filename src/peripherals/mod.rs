//! What it is: the chip's devices: what a device is, how it declares its registers, and the registry of the kinds there are.
//! Source: RM0008 for the devices, DESIGN house rule 1 for the shape: a device is one file and one line of the registry below.
//! Does not model: addresses, interrupt numbers and clock enable bits; those are the chip description's.
//! Tested by: `registers_conform` below over every device's declarations, and the firmware images on the whole machine.

mod adc;
mod afio;
pub mod analog;
mod can;
mod crc;
mod dac;
mod dma;
mod dwt;
mod external;
mod exti;
mod flash_controller;
mod fsmc;
mod gpio;
mod i2c;
mod identity;
mod itm;
mod nvic;
mod pwr;
mod rcc;
mod registers;
mod rtc;
mod scb;
mod spi;
mod systick;
mod timer;
mod usart;
mod usb;
mod watchdog;
mod wire;

pub mod partner;
pub mod script;
pub mod system;

pub use fsmc::OUTSIDE;
pub use partner::Partner;
pub use registers::{Register, Registers};
pub use system::{Ctx, System};

/// A device of the chip. Offsets are from the device's base; accesses are whole words, the bus has widened narrower ones.
pub trait Peripheral: Duplicate {
    /// The registers that it declares.
    fn registers(&self) -> &Registers;

    /// The same, to let the bus store a write that has no effect of its own.
    fn registers_mut(&mut self) -> &mut Registers;

    /// What the firmware reads; may have side effects.
    fn read(&mut self, offset: u32, _ctx: &mut Ctx<'_>) -> u32 {
        self.registers().get(offset)
    }

    /// What a debugger reads: never a side effect.
    fn peek(&self, offset: u32) -> u32 {
        self.registers().get(offset)
    }

    /// The firmware writes. The default stores what is writable.
    fn write(&mut self, offset: u32, value: u32, _ctx: &mut Ctx<'_>) {
        self.registers_mut().store(offset, value);
    }

    /// The firmware writes so many bytes at an offset, as they are. `true` if the device cares how many; otherwise the bus widens the write.
    fn sized_write(&mut self, _offset: u32, _size: u32, _value: u32, _ctx: &mut Ctx<'_>) -> bool {
        false
    }

    /// An instant that the device asked for with [`Ctx::schedule`] has come.
    fn due(&mut self, _event: u32, _ctx: &mut Ctx<'_>) {}

    /// Bytes arrive on the device's serial line, at the line's own rate from now on.
    fn receive(&mut self, _bytes: &[u8], _ctx: &mut Ctx<'_>) {}

    /// The names of what it can signal to other devices with [`Ctx::drive`], as the chip description refers to them behind the device's
    /// own name: DMA requests, triggers, pins. A device with one output may call it by the empty name.
    fn outputs(&self) -> &'static [&'static str] {
        &[]
    }

    /// What the chip has wired to the device's input of that number has changed.
    fn input(&mut self, _input: usize, _high: bool, _ctx: &mut Ctx<'_>) {}

    /// The world outside drives one of its pins, or lets go of it.
    fn pin(&mut self, _pin: u32, _level: Option<bool>, _ctx: &mut Ctx<'_>) {}

    /// Somebody wired to the output begins or ceases to take notice of it; an output that nobody notices need not be driven.
    fn listened(&mut self, _output: usize, _on: bool, _ctx: &mut Ctx<'_>) {}

    /// A DMA channel has served the request that it makes with this output.
    fn served(&mut self, _output: usize, _ctx: &mut Ctx<'_>) {}

    /// A [`system::Transfer`] that it wished for is done, or met no memory.
    fn transferred(&mut self, _channel: usize, _fault: bool, _ctx: &mut Ctx<'_>) {}

    /// The clock tree has changed; what the device has worked out with the old clocks must be worked out anew.
    fn clocks_changed(&mut self, _ctx: &mut Ctx<'_>) {}

    /// Whether it is set to make events, which WFE waits for.
    fn makes_events(&self) -> bool {
        false
    }

    /// Whether it goes on in stop mode, when the clocks of all others stand still.
    fn works_in_stop(&self) -> bool {
        false
    }

    /// In stop mode the device's clock stood still for so long. What it had scheduled has been put off already.
    fn stood_still(&mut self, _asleep: crate::units::Cycles, _ctx: &mut Ctx<'_>) {}

    /// Stop mode is over.
    fn left_stop(&mut self, _ctx: &mut Ctx<'_>) {}

    /// The chip is out of reset. `true` if the device has seen to itself; otherwise it is made anew first and asked again.
    fn restart(&mut self, _fresh: bool, _ctx: &mut Ctx<'_>) -> bool {
        false
    }

    /// Something is connected to the device from outside: a partner on its bus or line.
    fn attach(&mut self, _partner: Partner, _ctx: &mut Ctx<'_>) {}

    /// An access to what lies outside of the chip, at an address of [`OUTSIDE`]: what is read there, or what is stored.
    fn outside(&mut self, _address: u32, _size: u32, _stored: Option<u32>, _ctx: &mut Ctx<'_>) -> u32 {
        0
    }

    /// Whether anything answers at that address of [`OUTSIDE`].
    fn reaches(&self, _address: u32) -> bool {
        false
    }

    /// A memory of that many bytes is connected at an address outside of the chip; whether the device has a place for it.
    fn fit(&mut self, _base: u32, _size: u32) -> bool {
        false
    }

    /// The core stores to the memory that the device guards: flash, option bytes.
    fn guarded_store(&mut self, _address: u32, _size: u32, _value: u32, _old: u32, _ctx: &mut Ctx<'_>) -> Option<u32> {
        None
    }
}

/// A timer's input that its first channel's pin is wired to; behind it follow the other three, the external trigger and the break input.
pub const FIRST_PIN_INPUT: usize = 4;
/// A timer's outputs that drive pins, in the order of a chip description's `pins`.
pub const PIN_OUTPUTS: [&str; 9] = ["OC1", "OC2", "OC3", "OC4", "", "", "OC1N", "OC2N", "OC3N"];
/// How many inputs a DMA controller has for each of its channels.
pub const REQUESTS_A_CHANNEL: usize = 16;

/// What a machine's snapshot needs of a device; every device that can be cloned has it.
pub trait Duplicate {
    /// The same device in the same state.
    fn duplicate(&self) -> Box<dyn Peripheral>;
}

impl<T: Peripheral + Clone + 'static> Duplicate for T {
    fn duplicate(&self) -> Box<dyn Peripheral> {
        Box::new(self.clone())
    }
}

macro_rules! registry {
    ($($kind:literal => $constructor:expr),* $(,)?) => {
        /// The kinds of device that a chip description may name.
        pub const KINDS: &[&str] = &[$($kind),*];

        /// A device of that kind in its reset state; `None` for a kind that is not modelled.
        #[must_use]
        pub fn create(kind: &str) -> Option<Box<dyn Peripheral>> {
            match kind {
                $($kind => Some(Box::new($constructor)),)*
                _ => None,
            }
        }
    };
}

registry! {
    "timer-advanced" => timer::Timer::advanced(),
    "timer-general" => timer::Timer::general(),
    "timer-two-channels" => timer::Timer::two_channels(),
    "timer-one-channel" => timer::Timer::one_channel(),
    "timer-basic" => timer::Timer::basic(),
    "rtc" => rtc::Rtc::default(),
    "wwdg" => watchdog::Wwdg::default(),
    "iwdg" => watchdog::Iwdg::default(),
    "spi" => spi::Spi::default(),
    "uart" => usart::Usart::default(),
    "i2c" => i2c::I2c::default(),
    "usb" => usb::Usb::default(),
    "usb-memory" => usb::UsbMemory::default(),
    "can" => can::Can::default(),
    "bkp" => pwr::Bkp::default(),
    "pwr" => pwr::Pwr::default(),
    "dac" => dac::Dac::default(),
    "exti" => exti::Exti::default(),
    "adc" => adc::Adc::alone(),
    "adc-master" => adc::Adc::master(),
    "adc-slave" => adc::Adc::slave(),
    "sdio" => external::Sdio::default(),
    "fsmc" => fsmc::Fsmc::default(),
    "dma" => dma::Dma::default(),
    "crc" => crc::Crc::default(),
    "signature" => identity::Signature::default(),
    "option-bytes" => identity::OptionBytes::default(),
    "dbgmcu" => identity::DebugMcu::default(),
    "rcc" => rcc::Rcc::default(),
    "flash" => flash_controller::FlashController::default(),
    "gpio" => gpio::Gpio::default(),
    "afio" => afio::Afio::default(),
    "usart" => usart::Usart::default(),
    "systick" => systick::SysTick::default(),
    "nvic" => nvic::Nvic::default(),
    "scb" => scb::Scb::default(),
    "dwt" => dwt::Dwt::default(),
    "itm" => itm::Itm::default(),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chip::Chip;
    use system::Domain;

    /// RM0008 3.3, table 3: whatever the chip files put on the bus is modelled, and its registers lie within its window. Of the alphabet of
    /// sizes, each with its density.
    #[test]
    fn every_slot_of_every_chip_has_a_device_whose_registers_fit() {
        let sizes = ["4", "6", "8", "b", "c", "d", "e", "f", "g"];
        let mut unused: Vec<&str> = KINDS.to_vec();
        for size in sizes {
            let chip = Chip::find(&format!("stm32f103x{size}")).or_else(|_| Chip::find(&format!("stm32f103c{size}")));
            let chip = chip.or_else(|_| Chip::find(&format!("stm32f103r{size}"))).expect("a built-in chip");
            for slot in &chip.peripherals {
                let device = create(&slot.kind).unwrap_or_else(|| panic!("{}: {} has no model", chip.name, slot.name));
                unused.retain(|kind| *kind != slot.kind);
                for register in device.registers().declared() {
                    let end = u64::from(register.offset) + 4 * u64::from(register.count);
                    assert!(end <= slot.window.size.0, "{}: {}.{} ends at {end:#x}", chip.name, slot.name, register.name);
                }
            }
        }
        assert_eq!(unused, [] as [&str; 0], "kinds that no chip has");
    }

    /// The same as `registers_conform`, by the way that the firmware's accesses take: a write of ones through the device itself leaves the bits
    /// that the manual reserves, and no access panics, whatever stands before it.
    #[test]
    fn writes_through_the_device_leave_reserved_bits_alone() {
        for kind in KINDS {
            let declared: Vec<Register> = create(kind).expect("it is in the registry").registers().declared().to_vec();
            for register in declared.iter().flat_map(|r| (0..r.count).map(move |i| Register { offset: r.offset + 4 * i, ..*r })) {
                for value in [u32::MAX, 0, 0x5555_5555, 0xaaaa_aaaa] {
                    let mut system = System::new(crate::units::Hz(8_000_000));
                    let mut ctx =
                        Ctx { system: &mut system, device: 0, name: "X1", lines: &[20, 21, 22, 23], domain: Domain::Apb1 };
                    let mut device = create(kind).expect("it is in the registry");
                    device.restart(true, &mut ctx);
                    device.write(register.offset, value, &mut ctx);
                    let plain = !register.writable & !register.volatile;
                    let read = device.peek(register.offset);
                    assert_eq!(read & plain, register.reset & plain, "{kind} {}: {value:#x} was written", register.name);
                    for other in &declared {
                        device.read(other.offset, &mut ctx);
                    }
                }
            }
        }
    }

    /// What must hold of every declaration, whatever the device: unique offsets, masks within the reset value's register, and reserved
    /// bits that a write cannot set.
    #[test]
    fn registers_conform() {
        for kind in KINDS {
            let mut device = create(kind).expect("the registry names only what it creates");
            let declared: Vec<Register> = device.registers().declared().to_vec();
            for (i, register) in declared.iter().enumerate() {
                assert!(
                    declared.iter().skip(i + 1).all(|other| other.offset != register.offset),
                    "{kind} {} twice",
                    register.name
                );
                assert_eq!(register.offset % 4, 0, "{kind} {}", register.name);
                assert_eq!(
                    register.not_modelled & !register.writable,
                    0,
                    "{kind} {}: ignored bits are writable ones",
                    register.name
                );
                assert_eq!(
                    device.peek(register.offset) & !register.volatile,
                    register.reset & !register.volatile,
                    "{kind} {}",
                    register.name
                );
                device.registers_mut().store(register.offset, u32::MAX);
                let stored = device.registers().get(register.offset);
                let plain = !register.writable & !register.volatile;
                assert_eq!(stored & plain, register.reset & plain, "{kind} {}: reserved bits", register.name);
                assert_eq!(stored & register.writable, register.writable, "{kind} {}: writable bits", register.name);
                let flags = register.clear_by_zero | register.clear_by_one;
                assert_eq!(flags & register.writable, 0, "{kind} {}: a flag is no writable bit", register.name);
                device.registers_mut().set(register.offset, flags);
                device.registers_mut().store(register.offset, register.clear_by_zero);
                assert_eq!(device.registers().get(register.offset) & flags, flags, "{kind} {}: cleared wrongly", register.name);
                device.registers_mut().store(register.offset, register.clear_by_one);
                assert_eq!(device.registers().get(register.offset) & flags, 0, "{kind} {}: not cleared", register.name);
            }
        }
    }
}
