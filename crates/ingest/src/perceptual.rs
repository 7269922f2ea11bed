//! What a photo looks like, in a few bytes: for finding photos that were saved again at another size or quality.

use std::f64::consts::PI;
use std::sync::LazyLock;

use image::GrayImage;

/// Side of the small picture that is transformed.
const SIDE: usize = 32;

/// Side of the block of low frequencies that is kept.
const LOW: usize = 8;

/// Side of the small picture that is compared.
const THUMB: usize = 16;

/// Largest mean difference of two small pictures, in levels of 0..255, that still look the same.
const ALIKE: f64 = 6.0;

/// A photo's look.
#[derive(Clone)]
pub(crate) struct Look {
    /// 64 signs of its low frequencies: those of near-duplicates differ in few bits.
    pub(crate) hash: u64,
    /// The photo at 16×16. Hashes of pictures with little in them are close by chance; these are not.
    thumb: [u8; THUMB * THUMB],
}

/// Cosines of the DCT-II: row `k` holds the frequency `k` at each pixel.
static COSINES: LazyLock<[[f64; SIDE]; LOW]> = LazyLock::new(|| {
    std::array::from_fn(|k| std::array::from_fn(|x| (PI / SIDE as f64 * (x as f64 + 0.5) * k as f64).cos()))
});

impl Look {
    /// The hash is the usual one (C. Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions",
    /// 2010): the photo at 32×32, its 8×8 lowest frequencies, and for each whether it is above their median.
    pub(crate) fn of(photo: &GrayImage) -> Self {
        let small = shrink(photo);
        let pixel = |x: usize, y: usize| small[y * SIDE + x];
        let mut rows = [[0.0; LOW]; SIDE];
        for (y, row) in rows.iter_mut().enumerate() {
            for (k, value) in row.iter_mut().enumerate() {
                *value = (0..SIDE).map(|x| pixel(x, y) * COSINES[k][x]).sum();
            }
        }
        let mut low = [0.0; LOW * LOW];
        for (i, value) in low.iter_mut().enumerate() {
            *value = (0..SIDE).map(|y| rows[y][i % LOW] * COSINES[i / LOW][y]).sum();
        }
        // The mean brightness is not part of the picture.
        let mut sorted = low[1..].to_vec();
        sorted.sort_by(f64::total_cmp);
        let median = sorted[sorted.len() / 2];
        let hash =
            low.iter().enumerate().skip(1).fold(0, |hash, (i, value)| hash | u64::from(*value > median) << i);
        let thumb = std::array::from_fn(|i| {
            let (x, y) = (i % THUMB * 2, i / THUMB * 2);
            ((pixel(x, y) + pixel(x + 1, y) + pixel(x, y + 1) + pixel(x + 1, y + 1)) / 4.0) as u8
        });
        Self { hash, thumb }
    }

    /// Whether two photos look the same: hashes that differ in at most `bits`, and small pictures that hardly
    /// differ.
    pub(crate) fn resembles(&self, other: &Self, bits: u32) -> bool {
        (self.hash ^ other.hash).count_ones() <= bits && self.difference(other) <= ALIKE
    }

    /// Mean absolute difference of the small pictures, in levels of 0..255.
    pub(crate) fn difference(&self, other: &Self) -> f64 {
        let sum: u32 = self.thumb.iter().zip(&other.thumb).map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
        f64::from(sum) / self.thumb.len() as f64
    }
}

/// The photo at 32×32, each new pixel the mean of the area that it covers, parts of pixels included: photos of
/// several sizes come out alike.
fn shrink(photo: &GrayImage) -> Vec<f64> {
    let (width, height) = (photo.width() as usize, photo.height() as usize);
    let columns = spans(width);
    let mut small = vec![0.0; SIDE * SIDE];
    let rows = spans(height);
    for (out, row) in small.chunks_exact_mut(SIDE).zip(&rows) {
        for &(y, share) in row {
            let line = &photo.as_raw()[y * width..][..width];
            for (value, column) in out.iter_mut().zip(&columns) {
                let sum: f64 = column.iter().map(|&(x, part)| f64::from(line[x]) * part).sum();
                *value += sum * share;
            }
        }
    }
    small
}

/// For each of the 32 new pixels of a line: the old ones that it covers, and how much each counts; together 1.
fn spans(length: usize) -> Vec<Vec<(usize, f64)>> {
    let step = length as f64 / SIDE as f64;
    let span = |i: usize| {
        let (start, end) = (i as f64 * step, (i + 1) as f64 * step);
        let last = (end.ceil() as usize).min(length);
        let covered = |x: usize| (end.min((x + 1) as f64) - start.max(x as f64)).max(0.0);
        (start as usize..last).map(|x| (x, covered(x) / step)).collect()
    };
    (0..SIDE).map(span).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scene(width: u32, height: u32, shift: f32) -> GrayImage {
        GrayImage::from_fn(width, height, |x, y| {
            let (x, y) = (x as f32 / width as f32, y as f32 / height as f32);
            let body = if (x - 0.5 - shift).abs() < 0.3 && (y - 0.6).abs() < 0.2 { 90.0 } else { 0.0 };
            image::Luma([(120.0 * y + body + 20.0 * (x * 9.0).sin() + 20.0) as u8])
        })
    }

    #[test]
    fn another_size_and_a_little_noise_look_the_same() {
        let one = Look::of(&scene(300, 200, 0.0));
        let other = Look::of(&scene(240, 160, 0.0));
        assert!(one.resembles(&other, 4), "{:016x} {:016x}", one.hash, other.hash);
        let mut noisy = scene(300, 200, 0.0);
        noisy.iter_mut().enumerate().for_each(|(i, p)| *p = p.saturating_add((i * 7 % 5) as u8));
        assert!(one.resembles(&Look::of(&noisy), 4));
    }

    #[test]
    fn another_scene_looks_different() {
        let one = Look::of(&scene(300, 200, 0.0));
        assert!(!one.resembles(&Look::of(&scene(300, 200, 0.15)), 4));
        let mut inverted = scene(300, 200, 0.0);
        inverted.iter_mut().for_each(|p| *p = 255 - *p);
        assert!(!one.resembles(&Look::of(&inverted), 4));
    }
}
