//! What it is: a picture as a model's input: its middle square, made as small as the model's, by area averaging.
//! Source: `models/image/CARD.md` (area averaging, halves up; value = pixel / 255); the PNG format is read by `png`.
//! Does not model: colour profiles and gamma; other formats than PNG; more than the first picture of an animation.
//! Tested by: the unit tests below; `tests/inputs.rs` (pictures and the inputs that the training script made of them).

use super::{Elements, Int8, Tensor, bad, int8, unfit};
use crate::finding::Result;
use png::{ColorType, Decoder, Transformations};
use serde::Deserialize;
use std::io::Cursor;

/// What the training wrote.
#[derive(Debug, Deserialize)]
pub(super) struct Constants {
    int8: Int8,
}

/// Rows of pixels of three colours.
struct Pixels {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
}

/// The picture as the model takes it: rows of pixels, red first.
pub(super) fn read(name: &str, bytes: &[u8], constants: &Constants, samples: &Tensor) -> Result<Vec<u8>> {
    let (&[_, height, width, 3], Elements::Int8) = (samples.shape(), samples.elements()) else {
        return Err(unfit("pictures", samples));
    };
    let pixels = decode(name, bytes)?;
    let step = constants.int8.input;
    let quantised = |value: u8| int8((f64::from(value) / 255.0 / step.scale + 0.5).floor() + f64::from(step.zero_point));
    Ok(pixels.shrunk(width, height).into_iter().map(quantised).collect())
}

/// Most pixels of a side: beyond it sums might not be exact.
const MOST_SIDE: u32 = 16_384;

fn decode(name: &str, bytes: &[u8]) -> Result<Pixels> {
    let damaged = |error: png::DecodingError| bad(name, format_args!("is not a sound PNG: {error}"));
    let mut decoder = Decoder::new(Cursor::new(bytes));
    decoder.set_transformations(Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(damaged)?;
    let (width, height) = reader.info().size();
    if width > MOST_SIDE || height > MOST_SIDE {
        return Err(bad(name, format_args!("has {width}x{height} pixels; at most {MOST_SIDE} a side are read")));
    }
    let size = reader.output_buffer_size().ok_or_else(|| bad(name, "is too large"))?;
    let mut samples = vec![0; size];
    let frame = reader.next_frame(&mut samples).map_err(damaged)?;
    samples.truncate(frame.buffer_size());
    let rgb = match frame.color_type {
        ColorType::Grayscale => samples.iter().flat_map(|grey| [*grey; 3]).collect(),
        ColorType::GrayscaleAlpha => {
            samples.as_chunks::<2>().0.iter().flat_map(|[grey, alpha]| [on_white(*grey, *alpha); 3]).collect()
        }
        ColorType::Rgb => samples,
        ColorType::Rgba => {
            samples.as_chunks::<4>().0.iter().flat_map(|[r, g, b, alpha]| [*r, *g, *b].map(|c| on_white(c, *alpha))).collect()
        }
        ColorType::Indexed => return Err(bad(name, "has colours of a palette that it lacks")),
    };
    Ok(Pixels { width: width as usize, height: height as usize, rgb })
}

/// A colour that lets white shine through.
fn on_white(colour: u8, alpha: u8) -> u8 {
    let (colour, alpha) = (u32::from(colour), u32::from(alpha));
    ((colour * alpha + 255 * (255 - alpha) + 127) / 255) as u8
}

impl Pixels {
    /// The middle of the picture in the model's proportions, each pixel of the result the mean of the area that it covers, rounded
    /// halves up. In whole numbers: along an axis of `n` pixels that become `m`, a pixel is `m` long and one of the result `n`.
    fn shrunk(&self, width: usize, height: usize) -> Vec<u8> {
        // What is cut off to keep the proportions: width / height of the result.
        let keep_w = self.width.min((self.height * width).div_ceil(height));
        let keep_h = self.height.min((self.width * height).div_ceil(width));
        let (left, top) = ((self.width - keep_w) / 2, (self.height - keep_h) / 2);
        let mut result = Vec::with_capacity(width * height * 3);
        for y in 0..height {
            for x in 0..width {
                let mut sums = [0_u64; 3];
                for (row, weight_y) in covered(y, keep_h, height) {
                    for (column, weight_x) in covered(x, keep_w, width) {
                        let at = ((top + row) * self.width + left + column) * 3;
                        let pixel = self.rgb.get(at..at + 3).unwrap_or(&[0; 3]);
                        for (sum, colour) in sums.iter_mut().zip(pixel) {
                            *sum += u64::from(*colour) * weight_y * weight_x;
                        }
                    }
                }
                let area = (keep_w * keep_h) as u64;
                result.extend(sums.map(|sum| ((2 * sum + area) / (2 * area)) as u8));
            }
        }
        result
    }
}

/// Which pixels of `n` the `index`-th of `m` covers, and how much of each in `m`-ths.
fn covered(index: usize, n: usize, m: usize) -> impl Iterator<Item = (usize, u64)> {
    let (start, end) = (index * n, (index + 1) * n);
    (start / m..end.div_ceil(m)).map(move |pixel| {
        let (from, to) = ((pixel * m).max(start), ((pixel + 1) * m).min(end));
        (pixel, (to - from) as u64)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture of one colour channel, repeated three times.
    fn grey(width: usize, rows: &[&[u8]]) -> Pixels {
        let rgb = rows.iter().flat_map(|row| row.iter().flat_map(|value| [*value; 3])).collect();
        Pixels { width, height: rows.len(), rgb }
    }

    fn shrunk(picture: &Pixels, width: usize, height: usize) -> Vec<u8> {
        picture.shrunk(width, height).chunks(3).map(|pixel| pixel[0]).collect()
    }

    #[test]
    fn areas_are_averaged_with_halves_up() {
        // By hand: (0 + 1 + 2 + 3) / 4 = 1.5, and (10 + 10 + 10 + 11) / 4 = 10.25.
        assert_eq!(shrunk(&grey(4, &[&[0, 1, 10, 10], &[2, 3, 10, 11]]), 2, 1), [2, 10]);
        // Three pixels onto two: the middle one is shared. (2 * 30 + 60) / 3 = 40, (60 + 2 * 90) / 3 = 80.
        assert_eq!(shrunk(&grey(3, &[&[30, 60, 90], &[30, 60, 90], &[30, 60, 90]]), 2, 2), [40, 80, 40, 80]);
        // Larger than it was: pixels are repeated.
        assert_eq!(shrunk(&grey(1, &[&[7]]), 2, 2), [7; 4]);
    }

    #[test]
    fn what_is_too_wide_or_high_is_cut_at_both_ends() {
        assert_eq!(shrunk(&grey(4, &[&[255, 10, 20, 255], &[255, 10, 20, 255]]), 1, 1), [15]);
        assert_eq!(shrunk(&grey(1, &[&[255], &[9], &[255]]), 1, 1), [9]);
    }

    #[test]
    fn white_shines_through() {
        assert_eq!((on_white(10, 255), on_white(10, 0), on_white(0, 51)), (10, 255, 204));
    }
}
