//! What it is: the reference's quantised arithmetic, for what lowering computes ahead: multipliers, clamps, tables of functions of one byte.
//! Source: TensorFlow Lite's quantisation specification and TensorFlow Lite Micro's behaviour: double rounding (round half up in the
//! doubling high product, then half away from zero in the shift), fixed-point exp/logistic/tanh as gemmlowp defines them.
//! Does not model: the single-rounding variant that TensorFlow Lite Micro can be built with; its published wheel is not.
//! Tested by: unit tests below; bit for bit against TensorFlow Lite Micro in `tests/model_kernels.rs`.

use super::ops::Activation;

/// A positive real factor as mantissa in [2^30, 2^31) (or 0) and exponent: factor = mantissa × 2^(exponent − 31).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Multiplier {
    /// 0, or at least 2^30.
    pub mantissa: i32,
    /// Negative shifts right.
    pub exponent: i32,
}

/// x = fraction × 2^exponent with fraction in [0.5, 1) (C's frexp, for finite x ≥ 0).
fn frexp(x: f64) -> (f64, i32) {
    if x == 0.0 || !x.is_finite() {
        return (x, 0);
    }
    let biased = ((x.to_bits() >> 52) & 0x7ff) as i32;
    if biased == 0 {
        let (fraction, exponent) = frexp(x * 2f64.powi(64));
        return (fraction, exponent - 64);
    }
    (f64::from_bits((x.to_bits() & !(0x7ff << 52)) | (1022 << 52)), biased - 1022)
}

impl Multiplier {
    /// Changes nothing.
    pub const ONE: Self = Self { mantissa: 1 << 30, exponent: 1 };

    /// The multiplier nearest to a finite factor ≥ 0; what would shift everything out becomes 0.
    #[must_use]
    pub fn new(factor: f64) -> Self {
        let (fraction, mut exponent) = frexp(factor);
        let mut mantissa = (fraction * 2f64.powi(31)).round() as i64;
        if mantissa == 1 << 31 {
            mantissa /= 2;
            exponent += 1;
        }
        if mantissa <= 0 || exponent < -31 {
            return Self { mantissa: 0, exponent: 0 };
        }
        Self { mantissa: i32::try_from(mantissa).unwrap_or(i32::MAX), exponent }
    }

    /// The reference's x × factor, with its two roundings; wraps where the reference would overflow.
    #[must_use]
    pub fn apply(self, x: i32) -> i32 {
        let left = self.exponent.max(0).cast_unsigned();
        let right = (-self.exponent).max(0).cast_unsigned();
        let x = if left < 32 { x.wrapping_shl(left) } else { 0 };
        rounding_shift(doubling_high_product(x, self.mantissa), right)
    }

    /// The word that kernels keep beside the mantissa: right shift less two, so that the usual case is not negative.
    #[must_use]
    pub fn shift_word(self) -> i32 {
        if self.mantissa == 0 { 0 } else { -self.exponent - 2 }
    }
}

/// (2·a·b) / 2^32, rounded half up; saturating in the one case that overflows.
#[must_use]
pub fn doubling_high_product(a: i32, b: i32) -> i32 {
    if a == i32::MIN && b == i32::MIN {
        return i32::MAX;
    }
    ((i64::from(a) * i64::from(b) + (1 << 30)) >> 31) as i32
}

/// x / 2^shift, rounded half away from zero.
#[must_use]
pub fn rounding_shift(x: i32, shift: u32) -> i32 {
    let shift = shift.min(31);
    if shift == 0 {
        return x;
    }
    let mask = ((1i64 << shift) - 1) as i32;
    let remainder = x & mask;
    let threshold = (mask >> 1) + i32::from(x < 0);
    (x >> shift) + i32::from(remainder > threshold)
}

/// x × 2^exponent for exponent > 0, saturating.
fn saturating_double(x: i32, exponent: u32) -> i32 {
    let wide = i64::from(x) << exponent;
    wide.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32
}

/// (a + b) / 2, rounded half away from zero.
fn half_sum(a: i32, b: i32) -> i32 {
    let sum = i64::from(a) + i64::from(b);
    ((sum + if sum >= 0 { 1 } else { -1 }) / 2) as i32
}

/// exp(a) for a ≤ 0 given with `integer_bits` integer bits; result with none.
#[must_use]
pub fn exp_negative(a: i32, integer_bits: u32) -> i32 {
    if a == 0 {
        return i32::MAX;
    }
    let fraction_bits = 31 - integer_bits;
    let quarter = 1i32 << (fraction_bits - 2);
    let step = (a & (quarter - 1)) - quarter;
    // Around −1/8, by the Taylor series to the fourth power.
    let x = saturating_double(step, integer_bits).wrapping_add(1 << 28);
    let x2 = doubling_high_product(x, x);
    let x3 = doubling_high_product(x2, x);
    let x4 = doubling_high_product(x2, x2);
    let thirds = doubling_high_product(rounding_shift(x4, 2).wrapping_add(x3), 715_827_883);
    let series = x.wrapping_add(rounding_shift(thirds.wrapping_add(x2), 1));
    let at_eighth = 1_895_147_668;
    let mut result = doubling_high_product(at_eighth, series).wrapping_add(at_eighth);
    // Then times exp(−2^n) for every bit of what remains.
    let rest = step.wrapping_sub(a);
    let factors = [1_672_461_947, 1_302_514_674, 790_015_084, 290_630_308, 39_332_535, 720_401, 242];
    for (place, factor) in (fraction_bits - 2..31).zip(factors) {
        if rest & (1 << place) != 0 {
            result = doubling_high_product(result, factor);
        }
    }
    if integer_bits > 5 && a < -(1 << (36 - integer_bits)) {
        result = 0;
    }
    result
}

/// Newton's division: 2 / (1 + a) for a in (0, 1) without integer bits; result with two.
fn two_over_one_plus(a: i32) -> i32 {
    let half_denominator = half_sum(a, i32::MAX);
    let mut x = 1_515_870_810i32.wrapping_add(doubling_high_product(half_denominator, -1_010_580_540));
    for _ in 0..3 {
        let error = (1i32 << 29).wrapping_sub(doubling_high_product(half_denominator, x));
        x = x.wrapping_add(saturating_double(doubling_high_product(x, error), 2));
    }
    x
}

/// 1 / (1 + exp(−a)) for a with four integer bits; result without.
#[must_use]
pub fn logistic_q4(a: i32) -> i32 {
    if a == 0 {
        return 1 << 30;
    }
    let magnitude = if a > 0 { a } else { a.wrapping_neg() };
    let positive = saturating_double(two_over_one_plus(exp_negative(magnitude.wrapping_neg(), 4)), 1);
    if a > 0 { positive } else { i32::MAX - positive }
}

/// tanh(a) for a with four integer bits; result without.
#[must_use]
pub fn tanh_q4(a: i32) -> i32 {
    if a == 0 {
        return 0;
    }
    let negative = if a < 0 { a } else { a.wrapping_neg() };
    // 2a has one more integer bit and the same digits.
    let quotient = two_over_one_plus(exp_negative(negative, 5));
    let t = saturating_double(quotient.wrapping_sub(1 << 29), 2);
    if a < 0 { t.wrapping_neg() } else { t }
}

/// 1 / sqrt(x) as a mantissa of 31 bits and a shift to the right, by five steps of Newton's method.
#[must_use]
pub fn inverse_root(x: i32) -> (i32, i32) {
    if x <= 1 {
        return (i32::MAX, 0);
    }
    let (mut x, mut right) = (x, 11);
    while x >= 1 << 29 {
        x /= 4;
        right += 1;
    }
    let pairs = (x.leading_zeros().cast_signed() - 1) / 2 - 1;
    right -= pairs;
    x <<= 2 * pairs;
    let half = x >> 1;
    let quarter = rounding_shift(half, 1);
    let mut y = 1 << 28;
    for _ in 0..5 {
        let cube = saturating_double(doubling_high_product(doubling_high_product(y, y), y), 6);
        let change = doubling_high_product((1 << 28) + (1 << 27), y).wrapping_sub(doubling_high_product(quarter, cube));
        y = saturating_double(change, 3);
    }
    y = doubling_high_product(y, 1_518_500_250);
    if right < 0 { (y << -right, 0) } else { (y, right) }
}

/// The table of LOGISTIC or TANH over int8, by the byte's unsigned value; `None` for scales that the reference cannot take.
#[must_use]
pub fn sigmoid_table(tanh: bool, scale: f32, zero_point: i32) -> Option<[u8; 256]> {
    let multiplier = Multiplier::new(f64::from(scale) * f64::from(1 << 27));
    // Beyond this distance from the zero point, the input no longer fits four integer bits.
    let radius = (15.0 * 2f64.powi(27) / 2f64.powi(multiplier.exponent)).floor();
    if !(0..=30).contains(&multiplier.exponent) || multiplier.mantissa == 0 {
        return None;
    }
    let mut table = [0u8; 256];
    for (byte, entry) in (0u8..=255).zip(table.iter_mut()) {
        let input = i32::from(byte.cast_signed()) - zero_point;
        let value = if f64::from(input) <= -radius {
            -128
        } else if f64::from(input) >= radius {
            127
        } else {
            let x = multiplier.apply(input);
            let wide = if tanh { rounding_shift(tanh_q4(x), 24) } else { rounding_shift(logistic_q4(x), 23) - 128 };
            wide.clamp(-128, 127)
        };
        *entry = (value as i8).cast_unsigned();
    }
    Some(table)
}

/// The quantised bounds that an activation sets on an output of this scale and zero point; `None` when it is not a clamp.
#[must_use]
pub fn activation_bounds(activation: Activation, scale: f32, zero_point: i32, lowest: i32, highest: i32) -> Option<(i32, i32)> {
    let quantised = |real: f32| zero_point.saturating_add((real / scale).round() as i32);
    Some(match activation {
        Activation::None => (lowest, highest),
        Activation::Relu => (lowest.max(quantised(0.0)), highest),
        Activation::Relu6 => (lowest.max(quantised(0.0)), highest.min(quantised(6.0))),
        Activation::ReluN1To1 => (lowest.max(quantised(-1.0)), highest.min(quantised(1.0))),
        Activation::Tanh | Activation::SignBit => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multipliers_reproduce_their_factor() {
        // The definition: mantissa x 2^(exponent - 31), the mantissa within half a unit.
        for factor in [1e-9, 0.000_123, 0.25, 0.3, 0.999_999_999_9, 1.0, 1.5, 1000.0] {
            let m = Multiplier::new(factor);
            let back = f64::from(m.mantissa) * 2f64.powi(m.exponent - 31);
            assert!(((back - factor) / factor).abs() <= 2f64.powi(-31), "{factor}: {m:?} is {back}");
            assert!(m.mantissa >= 1 << 30);
        }
        assert_eq!(Multiplier::new(1e-12), Multiplier { mantissa: 0, exponent: 0 });
    }

    #[test]
    fn roundings_are_half_away_from_zero_in_the_shift_and_half_up_in_the_product() {
        assert_eq!([5, -5, 6, -6, 7, -7].map(|x| rounding_shift(x, 2)), [1, -1, 2, -2, 2, -2]);
        assert_eq!(doubling_high_product(1, 1 << 30), 1);
        assert_eq!(doubling_high_product(-1, 1 << 30), 0);
    }

    #[test]
    fn functions_come_near_the_real_ones() {
        // Real exp, logistic and tanh from the standard library. The fixed-point exp is a Taylor polynomial of degree 4 around -1/8 on
        // [-1/4, 0]: its remainder is at most (1/8)^5 / 5! = 2.54e-7, relative to a value of at most 1. logistic = 1 / (1 + e)
        // passes it on at most once, tanh = (1 - e) / (1 + e) at most twice.
        for step in -160..=160 {
            let a = f64::from(step) / 10.0;
            let q4 = (a * f64::from(1 << 27)).clamp(f64::from(i32::MIN), f64::from(i32::MAX)) as i32;
            let unit = 2f64.powi(31);
            assert!((f64::from(logistic_q4(q4)) / unit - 1.0 / (1.0 + (-a).exp())).abs() < 2.6e-7, "logistic {a}");
            assert!((f64::from(tanh_q4(q4)) / unit - a.tanh()).abs() < 5.2e-7, "tanh {a}");
            if step <= 0 {
                assert!((f64::from(exp_negative(q4, 4)) / unit - a.exp()).abs() < 2.6e-7, "exp {a}");
            }
        }
    }
}
