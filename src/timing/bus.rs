//! What it is: how long a data access takes on SRAM, AHB, APB, the bit-band aliases and the private peripheral bus.
//! Source: ST AN2548 section 2 (an APB access is one AHB, two APB and one AHB cycle; SRAM one and one); ARM DDI 0337E chapter 5 (a
//! bit-band write is a locked read and write). A read's and a write's last APB cycle are calibrated (docs/accuracy.md).
//! Does not model: DMA's share of the buses; slaves that insert wait states of their own (none on this chip but flash).
//! Tested by: `tests/silicon.rs` (port toggles and captures).

use super::config::TimingConfig;
use super::flash::Time;
use super::signature::Region;

/// Data cycles of one access, after its address phase.
pub(super) fn data_cycles(config: &TimingConfig, region: Region, store: bool) -> Time {
    let apb = |ratio: u8| 2 * Time::from(ratio.clamp(1, 16)) + if store { 1 } else { 2 };
    let read_then_write = |read: Time, write: Time| if store { read + write } else { read };
    match region {
        Region::Sram | Region::Ahb | Region::System | Region::Flash => 1,
        Region::Apb1 => apb(config.apb1_ratio),
        Region::Apb2 => apb(config.apb2_ratio),
        Region::BitBandSram => read_then_write(1, 1),
        Region::BitBandPeripheral => {
            let ratio = 2 * Time::from(config.apb2_ratio.clamp(1, 16));
            read_then_write(ratio + 2, ratio + 2)
        }
    }
}
