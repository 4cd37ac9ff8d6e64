//! What it is: the settings of clock and flash that a cycle's cost depends on.
//! Source: PM0075 section 3.1 (FLASH_ACR: LATENCY, PRFTBE), RM0008 section 7.3.2 (RCC_CFGR: PPRE1, PPRE2).
//! Does not model: FLASH_ACR.HLFCYA, which changes power and not cycles; an AHB clock slower than the core's (it is the core's).
//! Tested by: the calibration runs in `tests/silicon.rs`, which set every wait state.

/// Flash and bus settings as they are at one moment; firmware that writes FLASH_ACR or RCC_CFGR makes a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimingConfig {
    /// FLASH_ACR.LATENCY: extra cycles of a flash read, 0 to 2. Larger values count as 2.
    pub wait_states: u8,
    /// FLASH_ACR.PRFTBE: the prefetch buffer is on. It is after reset.
    pub prefetch: bool,
    /// HCLK cycles of one APB1 clock: 1, 2, 4, 8 or 16.
    pub apb1_ratio: u8,
    /// HCLK cycles of one APB2 clock.
    pub apb2_ratio: u8,
}

impl TimingConfig {
    /// Both peripheral buses at the core's clock, prefetch on.
    #[must_use]
    pub const fn with_wait_states(wait_states: u8) -> Self {
        Self { wait_states, prefetch: true, apb1_ratio: 1, apb2_ratio: 1 }
    }
}

impl Default for TimingConfig {
    /// As after reset: 8 MHz from HSI, no wait state, prefetch on, no prescaler.
    fn default() -> Self {
        Self::with_wait_states(0)
    }
}
