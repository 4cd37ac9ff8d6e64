//! What it is: who is wired to whom on a chip.
//! Source: the chip description: the inputs that its devices name, and the DMA channels' requests.
//! Does not model: anything of its own.
//! Tested by: every image that uses a trigger or DMA.

use super::Slot;
use crate::chip::Chip;
use crate::peripherals;

/// How many pins a port has.
const PINS: usize = 16;

/// Follows the chip's wiring: the inputs that its devices name, and the DMA channels' requests.
pub(super) fn wires(chip: &Chip, slots: &[Slot]) -> Vec<Vec<Vec<(usize, usize)>>> {
    let outputs = |slot: &Slot| slot.device.as_ref().map_or(&[][..], |device| device.outputs());
    let mut wires: Vec<Vec<Vec<(usize, usize)>>> =
        slots.iter().map(|slot| outputs(slot).iter().map(|_| Vec::new()).collect()).collect();
    let number = |name: &str| slots.iter().position(|slot| slot.name == name);
    // `TIM3_TRGO` is the output TRGO of TIM3, `ADC1` the nameless one of ADC1.
    let source = |name: &str| {
        let (device, output) = name.split_once('_').unwrap_or((name, ""));
        let device = number(device)?;
        let output = outputs(slots.get(device)?).iter().position(|declared| *declared == output)?;
        Some((device, output))
    };
    let mut connect = |from: Option<(usize, usize)>, to: (usize, usize)| {
        if let Some((device, output)) = from
            && let Some(targets) = wires.get_mut(device).and_then(|outputs| outputs.get_mut(output))
        {
            targets.push(to);
        }
    };
    for slot in &chip.peripherals {
        let Some(target) = number(&slot.name) else { continue };
        for (input, name) in slot.inputs.iter().enumerate() {
            connect(source(name), (target, input));
            // A whole port stands for its pins.
            if !name.contains('_')
                && let Some(port) = number(name)
            {
                let pins = slots.get(port).map_or(0, |slot| outputs(slot).len());
                (0..pins).for_each(|pin| connect(Some((port, pin)), (target, PINS * input + pin)));
            }
        }
    }
    for channel in &chip.dma {
        let Some(target) = number(&format!("DMA{}", channel.controller)) else { continue };
        for (request, name) in channel.requests.iter().enumerate() {
            let input = usize::from(channel.channel.saturating_sub(1)) * peripherals::REQUESTS_A_CHANNEL + request;
            connect(source(name), (target, input));
        }
    }
    wires
}
