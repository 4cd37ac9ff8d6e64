//! What it is: who is wired to whom on a chip.
//! Source: the chip description: the inputs that its devices name, the pins of timers, and the DMA channels' requests.
//! Does not model: anything of its own.
//! Tested by: every image that uses a trigger or DMA; `firmware-images/tests/tim_pins` for pins and their remapping.

use super::Slot;
use crate::chip::{Chip, Pins, port_pin};
use crate::peripherals::{self, FIRST_PIN_INPUT, PIN_OUTPUTS};

/// How many pins a port has.
const PINS: usize = 16;

/// The end of a wire: an input of a device, and for which values of a field of AFIO_MAPR it is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    pub device: usize,
    pub input: usize,
    only: Option<Remap>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Remap {
    field: u8,
    width: u8,
    /// One bit for each value.
    values: u8,
}

impl End {
    /// Whether it is connected while AFIO_MAPR2 and AFIO_MAPR read so.
    pub fn is_connected(&self, remap: u64) -> bool {
        self.only.is_none_or(|only| only.values >> (remap >> only.field & ((1 << only.width) - 1)) & 1 != 0)
    }
}

/// What each output of each device is wired to.
pub(super) type Wires = Vec<Vec<Vec<End>>>;

struct Wiring<'a> {
    slots: &'a [Slot],
    wires: Wires,
}

impl Wiring<'_> {
    fn number(&self, name: &str) -> Option<usize> {
        self.slots.iter().position(|slot| slot.name == name)
    }

    fn outputs(&self, device: usize) -> &'static [&'static str] {
        self.slots.get(device).and_then(|slot| slot.device.as_ref()).map_or(&[], |device| device.outputs())
    }

    fn output(&self, device: usize, name: &str) -> Option<(usize, usize)> {
        self.outputs(device).iter().position(|declared| *declared == name).map(|output| (device, output))
    }

    /// `TIM3_TRGO` is the output TRGO of TIM3, `ADC1` the nameless one of ADC1.
    fn source(&self, name: &str) -> Option<(usize, usize)> {
        let (device, output) = name.split_once('_').unwrap_or((name, ""));
        self.output(self.number(device)?, output)
    }

    fn connect(&mut self, from: Option<(usize, usize)>, device: usize, input: usize, only: Option<Remap>) {
        let targets = from.and_then(|(source, output)| self.wires.get_mut(source).and_then(|outputs| outputs.get_mut(output)));
        let Some(targets) = targets else { return };
        // The same pin in two sets is one wire.
        match targets.iter_mut().find(|end| (end.device, end.input) == (device, input)) {
            Some(End { only: Some(known), .. }) => known.values |= only.map_or(0, |only| only.values),
            _ => targets.push(End { device, input, only }),
        }
    }

    /// The pins of a timer: what comes in and what goes out.
    fn connect_pins(&mut self, timer: usize, pins: &Pins, drivers: &mut Vec<(usize, usize, usize)>) {
        for (value, set) in pins.sets.iter().enumerate() {
            for (place, name) in set.iter().enumerate() {
                let Some((port, pin)) = port_pin(name) else { continue };
                let Some(port) = self.number(&port) else { continue };
                let only = Remap { field: pins.field, width: pins.width, values: 1 << value };
                // Channels, external trigger, break: the pin's level comes in.
                if place < 6 {
                    self.connect(Some((port, pin as usize)), timer, FIRST_PIN_INPUT + place, Some(only));
                }
                if let Some(output) = PIN_OUTPUTS.get(place).and_then(|name| self.output(timer, name)) {
                    // Several timers may share a pin: each has an input of the port to itself.
                    let driver = (port, pin as usize, timer);
                    if !drivers.contains(&driver) {
                        drivers.push(driver);
                    }
                    let shared = drivers.iter().filter(|(p, n, _)| (*p, *n) == (port, pin as usize));
                    let lane = shared.take_while(|known| **known != driver).count();
                    self.connect(Some(output), port, pin as usize + PINS * lane, Some(only));
                }
            }
        }
    }
}

/// Follows the chip's wiring.
pub(super) fn wires(chip: &Chip, slots: &[Slot]) -> Wires {
    let empty = |slot: &Slot| slot.device.as_ref().map_or(0, |device| device.outputs().len());
    let mut wiring = Wiring { slots, wires: slots.iter().map(|slot| vec![Vec::new(); empty(slot)]).collect() };
    let mut drivers = Vec::new();
    for slot in &chip.peripherals {
        let Some(target) = wiring.number(&slot.name) else { continue };
        for (input, name) in slot.inputs.iter().enumerate() {
            wiring.connect(wiring.source(name), target, input, None);
            // A whole port stands for its pins.
            if !name.contains('_')
                && let Some(port) = wiring.number(name)
            {
                let pins = wiring.outputs(port).len();
                (0..pins).for_each(|pin| wiring.connect(Some((port, pin)), target, PINS * input + pin, None));
            }
        }
        if let Some(pins) = &slot.pins {
            wiring.connect_pins(target, pins, &mut drivers);
        }
    }
    for channel in &chip.dma {
        let Some(target) = wiring.number(&format!("DMA{}", channel.controller)) else { continue };
        for (request, name) in channel.requests.iter().enumerate() {
            let input = usize::from(channel.channel.saturating_sub(1)) * peripherals::REQUESTS_A_CHANNEL + request;
            wiring.connect(wiring.source(name), target, input, None);
        }
    }
    wiring.wires
}
