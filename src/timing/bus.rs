//! What it is: how long a data access takes on SRAM, AHB, APB, the bit-band aliases and the private peripheral bus.
//! Source: ST AN2548 section 2 (an APB access is one AHB, two APB and one AHB cycle; SRAM one and one); ARM DDI 0337E chapter 5 (a
//! bit-band write is a locked read and write). That a read takes one cycle more than a write is calibrated (docs/accuracy.md).
//! Does not model: DMA's share of the buses; slaves that insert wait states of their own (none on this chip but flash).
//! Tested by: `tests/silicon.rs` (port toggles and captures).

use super::config::TimingConfig;
use super::flash::Time;
use super::signature::Region;

/// Data cycles of one access, after its address phase.
pub(super) fn data_cycles(config: &TimingConfig, region: Region, store: bool) -> Time {
    let read = |ratio: u8| 2 * Time::from(ratio.clamp(1, 16)) + 2;
    let write = |ratio: u8| 2 * Time::from(ratio.clamp(1, 16)) + 1;
    match (region, store) {
        (Region::Sram | Region::Ahb | Region::System | Region::Flash, _) | (Region::BitBandSram, false) => 1,
        (Region::BitBandSram, true) => 2,
        (Region::Apb1, false) => read(config.apb1_ratio),
        (Region::Apb1, true) => write(config.apb1_ratio),
        (Region::Apb2, true) => write(config.apb2_ratio),
        (Region::Apb2 | Region::BitBandPeripheral, false) => read(config.apb2_ratio),
        // The locked pair has a turnaround cycle between its halves.
        (Region::BitBandPeripheral, true) => read(config.apb2_ratio) + 1 + write(config.apb2_ratio),
    }
}
