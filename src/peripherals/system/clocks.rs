//! What it is: the clocks that the firmware has set, the buses that pass them on, and the cycle counter, which counts the core's.
//! Source: RM0008, figure 8 and sections 7.3.6 to 7.3.8; DDI 0403, C1.8.8 for CYCCNT.
//! Does not model: anything of its own: RCC and the flash interface set the clocks.
//! Tested by: every image.

use crate::units::{Cycles, Hz, Tick};

/// The clocks that the firmware has set, and what the flash interface was told of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clocks {
    /// The system clock.
    pub sysclk: Hz,
    /// Core, memories and DMA: the clock that cycles are counted in.
    pub hclk: Hz,
    /// The slow peripheral bus.
    pub pclk1: Hz,
    /// The fast peripheral bus.
    pub pclk2: Hz,
    /// What divides PCLK2 for the ADCs.
    pub adc_divider: u8,
    /// The RTC's clock; 0 while it has none.
    pub rtc: Hz,
    /// FLASH_ACR.LATENCY.
    pub wait_states: u8,
    /// FLASH_ACR.PRFTBE.
    pub prefetch: bool,
}

impl Clocks {
    /// After reset: the internal 8 MHz oscillator everywhere, no wait states, prefetch on (RM0008, 7.3.2; PM0075, 3.1).
    pub const RESET: Clocks = Clocks {
        sysclk: Hz(8_000_000),
        hclk: Hz(8_000_000),
        pclk1: Hz(8_000_000),
        pclk2: Hz(8_000_000),
        adc_divider: 2,
        rtc: Hz(0),
        wait_states: 0,
        prefetch: true,
    };
}

/// The bus that clocks a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Domain {
    /// The core's own clock.
    #[default]
    Core,
    /// PCLK1.
    Apb1,
    /// PCLK2.
    Apb2,
}

/// The index of RCC_AHBENR in `System::clock_enables`.
pub const AHB_ENABLES: usize = 0;
/// The index of RCC_APB2ENR.
pub const APB2_ENABLES: usize = 1;
/// The index of RCC_APB1ENR.
pub const APB1_ENABLES: usize = 2;

/// DWT's cycle counter: a value that grows with the core's clock while it runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CycleCounter {
    value: u32,
    running_since: Option<Tick>,
}

impl CycleCounter {
    /// The count at `now`.
    #[must_use]
    pub fn read(&self, now: Tick) -> u32 {
        self.value.wrapping_add(self.running_since.map_or(0, |since| now.since(since).0 as u32))
    }

    /// Sets the count.
    pub fn write(&mut self, value: u32, now: Tick) {
        self.value = value;
        self.running_since = self.running_since.map(|_| now);
    }

    /// The core's clock stood still for so long: asleep, without DBGMCU_CR.DBG_SLEEP (RM0008, 31.16.1).
    pub fn stand_still(&mut self, duration: Cycles) {
        self.value = self.value.wrapping_sub(if self.is_running() { duration.0 as u32 } else { 0 });
    }

    /// Starts or stops it.
    pub fn run(&mut self, running: bool, now: Tick) {
        self.value = self.read(now);
        self.running_since = running.then_some(now);
    }

    /// Whether it counts.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.running_since.is_some()
    }
}
