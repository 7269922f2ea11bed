//! Changes of each byte by itself, through a table of 256 per colour. Arithmetic as in Pillow's `ImageEnhance`
//! and `ImageOps`.

use crate::Canvas;

/// The new byte for each byte, by colour.
pub(crate) type Levels = [[u8; 256]; 3];

impl Canvas {
    /// Changes each byte by the table of its colour.
    pub(crate) fn change_levels(&mut self, [red, green, blue]: &Levels) {
        for [r, g, b] in self.pixels.as_chunks_mut().0 {
            (*r, *g, *b) = (red[usize::from(*r)], green[usize::from(*g)], blue[usize::from(*b)]);
        }
    }
}

/// The same table for all colours.
pub(crate) fn for_all(level: impl Fn(u8) -> u8) -> Levels {
    let table = std::array::from_fn(|byte| level(byte as u8));
    [table; 3]
}

/// Goes from `from` towards `to` by a factor, or beyond it: Pillow's `Image.blend`.
#[inline]
pub(crate) fn blend(from: u8, to: u8, factor: f32) -> u8 {
    let (from, to) = (f32::from(from), f32::from(to));
    // The conversion cuts off the fraction, as C's does, and clamps to 0 and 255.
    (from + factor * (to - from)) as u8
}

/// Keeps the highest `bits` bits, 1 to 8.
pub(crate) fn posterize(bits: u32) -> Levels {
    let mask = u8::MAX << 8u32.saturating_sub(bits).min(7);
    for_all(|byte| byte & mask)
}

/// Inverts bytes from `threshold` on.
pub(crate) fn solarize(threshold: f64) -> Levels {
    for_all(|byte| if f64::from(byte) < threshold { byte } else { 255 - byte })
}

/// Stretches each colour to 0 to 255.
pub(crate) fn autocontrast(canvas: &Canvas) -> Levels {
    histograms(canvas).map(|counts| {
        let lowest = counts.iter().position(|&count| count > 0).unwrap_or(0);
        let highest = counts.iter().rposition(|&count| count > 0).unwrap_or(255);
        if highest <= lowest {
            return std::array::from_fn(|byte| byte as u8);
        }
        let scale = 255.0 / (highest - lowest) as f64;
        let offset = -(lowest as f64) * scale;
        std::array::from_fn(|byte| (byte as f64 * scale + offset) as u8)
    })
}

/// Makes all bytes of each colour about equally frequent.
pub(crate) fn equalize(canvas: &Canvas) -> Levels {
    histograms(canvas).map(|counts| {
        let total: u64 = counts.iter().sum();
        let last = counts.iter().rev().find(|&&count| count > 0).copied().unwrap_or(0);
        let step = (total - last) / 255;
        if step == 0 {
            return std::array::from_fn(|byte| byte as u8);
        }
        let mut sum = step / 2;
        std::array::from_fn(|byte| {
            let level = (sum / step).min(255) as u8;
            sum += counts[byte];
            level
        })
    })
}

/// Pixels per byte, by colour.
fn histograms(canvas: &Canvas) -> [[u64; 256]; 3] {
    let mut counts = [[0u64; 256]; 3];
    for pixel in canvas.pixels.chunks_exact(3) {
        for (counts, &byte) in counts.iter_mut().zip(pixel) {
            counts[usize::from(byte)] += 1;
        }
    }
    counts
}
