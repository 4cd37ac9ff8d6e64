//! What it is: the registers and bits of the timers, and what the five kinds of timer have of them.
//! Source: RM0008 sections 14.4 (TIM1, TIM8), 15.4 (TIM2 to TIM5), 16.5 and 16.6 (TIM9 to TIM14), 17.4 (TIM6, TIM7).
//! Does not model: see the parent module.
//! Tested by: `registers_conform`.

use crate::peripherals::Register;

pub(super) const CR1: u32 = 0x00;
pub(super) const CR2: u32 = 0x04;
pub(super) const SMCR: u32 = 0x08;
pub(super) const DIER: u32 = 0x0c;
pub(super) const SR: u32 = 0x10;
pub(super) const EGR: u32 = 0x14;
pub(super) const CCMR1: u32 = 0x18;
pub(super) const CCMR2: u32 = 0x1c;
pub(super) const CCER: u32 = 0x20;
pub(super) const CNT: u32 = 0x24;
pub(super) const PSC: u32 = 0x28;
pub(super) const ARR: u32 = 0x2c;
pub(super) const RCR: u32 = 0x30;
pub(super) const CCR1: u32 = 0x34;
pub(super) const BDTR: u32 = 0x44;
pub(super) const DCR: u32 = 0x48;
pub(super) const DMAR: u32 = 0x4c;

pub(super) const ADVANCED: &[Register] = &[
    Register::new(CR1, "CR1", 0, 0x3ff).volatile(0x11),
    Register::new(CR2, "CR2", 0, 0x7ffd),
    Register::new(SMCR, "SMCR", 0, 0xfff7).not_modelled(0x0f80),
    Register::new(DIER, "DIER", 0, 0x7fff),
    Register::new(SR, "SR", 0, 0).clear_by_zero(0x1eff),
    Register::new(EGR, "EGR", 0, 0),
    Register::new(CCMR1, "CCMR1", 0, 0xffff),
    Register::new(CCMR2, "CCMR2", 0, 0xffff),
    Register::new(CCER, "CCER", 0, 0x3fff),
    Register::new(CNT, "CNT", 0, 0xffff).volatile(0xffff),
    Register::new(PSC, "PSC", 0, 0xffff),
    Register::new(ARR, "ARR", 0xffff, 0xffff),
    Register::new(RCR, "RCR", 0, 0xff),
    Register::new(CCR1, "CCR", 0, 0xffff).array(4).volatile(0xffff),
    Register::new(BDTR, "BDTR", 0, 0xffff).volatile(0x8000),
    Register::new(DCR, "DCR", 0, 0x1f1f),
    Register::new(DMAR, "DMAR", 0, 0).volatile(0xffff),
];

pub(super) const GENERAL: &[Register] = &[
    Register::new(CR1, "CR1", 0, 0x3ff).not_modelled(0x300).volatile(0x11),
    Register::new(CR2, "CR2", 0, 0xf8),
    Register::new(SMCR, "SMCR", 0, 0xfff7).not_modelled(0x0f80),
    Register::new(DIER, "DIER", 0, 0x5f5f),
    Register::new(SR, "SR", 0, 0).clear_by_zero(0x1e5f),
    Register::new(EGR, "EGR", 0, 0),
    Register::new(CCMR1, "CCMR1", 0, 0xffff),
    Register::new(CCMR2, "CCMR2", 0, 0xffff),
    Register::new(CCER, "CCER", 0, 0x3333),
    Register::new(CNT, "CNT", 0, 0xffff).volatile(0xffff),
    Register::new(PSC, "PSC", 0, 0xffff),
    Register::new(ARR, "ARR", 0xffff, 0xffff),
    Register::new(CCR1, "CCR", 0, 0xffff).array(4).volatile(0xffff),
    Register::new(DCR, "DCR", 0, 0x1f1f),
    Register::new(DMAR, "DMAR", 0, 0).volatile(0xffff),
];

pub(super) const TWO_CHANNELS: &[Register] = &[
    Register::new(CR1, "CR1", 0, 0x38f).not_modelled(0x300).volatile(0x1),
    Register::new(CR2, "CR2", 0, 0x70),
    Register::new(SMCR, "SMCR", 0, 0xf7).not_modelled(0x80),
    Register::new(DIER, "DIER", 0, 0x47),
    Register::new(SR, "SR", 0, 0).clear_by_zero(0x647),
    Register::new(EGR, "EGR", 0, 0),
    Register::new(CCMR1, "CCMR1", 0, 0x7f7f),
    Register::new(CCER, "CCER", 0, 0xbb).not_modelled(0x88),
    Register::new(CNT, "CNT", 0, 0xffff).volatile(0xffff),
    Register::new(PSC, "PSC", 0, 0xffff),
    Register::new(ARR, "ARR", 0xffff, 0xffff),
    Register::new(CCR1, "CCR", 0, 0xffff).array(2).volatile(0xffff),
];

pub(super) const ONE_CHANNEL: &[Register] = &[
    Register::new(CR1, "CR1", 0, 0x38f).not_modelled(0x300).volatile(0x1),
    Register::new(DIER, "DIER", 0, 0x3),
    Register::new(SR, "SR", 0, 0).clear_by_zero(0x203),
    Register::new(EGR, "EGR", 0, 0),
    Register::new(CCMR1, "CCMR1", 0, 0x7f),
    Register::new(CCER, "CCER", 0, 0xb).not_modelled(0x8),
    Register::new(CNT, "CNT", 0, 0xffff).volatile(0xffff),
    Register::new(PSC, "PSC", 0, 0xffff),
    Register::new(ARR, "ARR", 0xffff, 0xffff),
    Register::new(CCR1, "CCR", 0, 0xffff).volatile(0xffff),
];

pub(super) const BASIC: &[Register] = &[
    Register::new(CR1, "CR1", 0, 0x8f).volatile(0x1),
    Register::new(CR2, "CR2", 0, 0x70),
    Register::new(DIER, "DIER", 0, 0x101),
    Register::new(SR, "SR", 0, 0).clear_by_zero(0x1),
    Register::new(EGR, "EGR", 0, 0),
    Register::new(CNT, "CNT", 0, 0xffff).volatile(0xffff),
    Register::new(PSC, "PSC", 0, 0xffff),
    Register::new(ARR, "ARR", 0xffff, 0xffff),
];

/// CR1: counts; no updates; only overflows update; stops at the next update; counts down; centre-aligned; buffers ARR.
pub(super) const CEN: u32 = 1 << 0;
pub(super) const UDIS: u32 = 1 << 1;
pub(super) const URS: u32 = 1 << 2;
pub(super) const OPM: u32 = 1 << 3;
pub(super) const DIR: u32 = 1 << 4;
pub(super) const CMS: u32 = 3 << 5;
pub(super) const ARPE: u32 = 1 << 7;
/// CR2: output modes and enables are preloaded; a trigger commutates too; DMA of the channels at updates.
pub(super) const CCPC: u32 = 1 << 0;
pub(super) const CCUS: u32 = 1 << 2;
pub(super) const CCDS: u32 = 1 << 3;
/// A channel's byte of CCMRx: the external trigger clears its reference.
pub(super) const OCCE: u32 = 1 << 7;
/// SR: update, the first channel's compare, COM, trigger, break, the first channel's overcapture. DIER's interrupt enables stand at the
/// same positions, and its DMA enables eight higher.
pub(super) const UIF: u32 = 1 << 0;
pub(super) const CC1IF: u32 = 1 << 1;
pub(super) const COMIF: u32 = 1 << 5;
pub(super) const TIF: u32 = 1 << 6;
pub(super) const BIF: u32 = 1 << 7;
pub(super) const CC1OF: u32 = 1 << 9;
/// SMCR: external clock mode 2; the external trigger is inverted.
pub(super) const ECE: u32 = 1 << 14;
pub(super) const ETP: u32 = 1 << 15;
