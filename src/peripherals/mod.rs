//! What it is: the chip's devices: what a device is, how it declares its registers, and the registry of the kinds there are.
//! Source: RM0008 for the devices, DESIGN house rule 1 for the shape: a device is one file and one line of the registry below.
//! Does not model: addresses, interrupt numbers and clock enable bits; those are the chip description's.
//! Tested by: `registers_conform` below over every device's declarations, and the firmware images on the whole machine.

mod afio;
mod dwt;
mod flash_controller;
mod gpio;
mod nvic;
mod rcc;
mod registers;
mod scb;
mod systick;
mod usart;

pub mod system;

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

    /// An instant that the device asked for with [`Ctx::schedule`] has come.
    fn due(&mut self, _event: u32, _ctx: &mut Ctx<'_>) {}

    /// Bytes arrive on the device's serial line, at the line's own rate from now on.
    fn receive(&mut self, _bytes: &[u8], _ctx: &mut Ctx<'_>) {}
}

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
    "rcc" => rcc::Rcc::default(),
    "flash" => flash_controller::FlashController::default(),
    "gpio" => gpio::Gpio::default(),
    "afio" => afio::Afio::default(),
    "usart" => usart::Usart::default(),
    "systick" => systick::SysTick::default(),
    "nvic" => nvic::Nvic::default(),
    "scb" => scb::Scb::default(),
    "dwt" => dwt::Dwt::default(),
}

#[cfg(test)]
mod tests {
    use super::*;

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
                assert_eq!(stored & !register.writable, register.reset & !register.writable, "{kind} {}", register.name);
            }
        }
    }
}
