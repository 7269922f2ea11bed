//! Perceptual hashes: what finds photos that were saved again at another size or quality.
//!
//! The hash is pHash (C. Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010). With every
//! photo against every other, hashes alone join different photos, so a thumbnail is compared as well.

use std::f64::consts::PI;
use std::sync::LazyLock;

use image::GrayImage;

/// Side of the small picture that is transformed.
const SIDE: usize = 32;

/// Side of the block of low frequencies that makes the hash.
const LOW: usize = 8;

/// Side of the thumbnail that is compared.
const THUMBNAIL: usize = 16;

/// Largest mean difference of two standardised thumbnails that still look the same. Of the 8,144
/// published training photos, those saved again differ by up to 0.142, and the nearest of two cars by 0.173.
const MAX_DIFFERENCE: f32 = 0.15;

/// Largest difference in mean brightness, in levels of 0..255, and largest ratio of contrasts: more than corrections
/// of a photo change.
const MAX_BRIGHTENING: f32 = 50.0;
const MAX_CONTRAST_RATIO: f32 = 2.0;

/// A thumbnail whose levels have a smaller standard deviation than this shows nothing but its brightness; then that must
/// be the same, to so many levels.
const FLAT: f32 = 8.0;
const MAX_FLAT_DIFFERENCE: f32 = 6.0;

/// The perceptual hash of a photo.
#[derive(Clone)]
pub(crate) struct PerceptualHash {
    /// One bit for each of its low frequencies: those of near-duplicates differ in few.
    pub(crate) bits: u64,
    /// The photo at 16×16. Hashes of plain pictures are close by chance; these are not.
    thumbnail: [u8; THUMBNAIL * THUMBNAIL],
    /// Mean of the thumbnail's levels, and standard deviation.
    mean: f32,
    deviation: f32,
}

/// Cosines of the DCT-II: row `k` has the frequency `k` at each pixel.
static COSINES: LazyLock<[[f64; SIDE]; LOW]> = LazyLock::new(|| {
    std::array::from_fn(|k| std::array::from_fn(|x| (PI / SIDE as f64 * (x as f64 + 0.5) * k as f64).cos()))
});

impl PerceptualHash {
    /// The photo at 32×32, its 8×8 lowest frequencies, and for each a bit that says whether it is above their median.
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
        let bits =
            low.iter().enumerate().skip(1).fold(0, |bits, (i, value)| bits | u64::from(*value > median) << i);
        let thumbnail: [u8; THUMBNAIL * THUMBNAIL] = std::array::from_fn(|i| {
            let (x, y) = (i % THUMBNAIL * 2, i / THUMBNAIL * 2);
            ((pixel(x, y) + pixel(x + 1, y) + pixel(x, y + 1) + pixel(x + 1, y + 1)) / 4.0) as u8
        });
        let count = thumbnail.len() as f32;
        let mean = thumbnail.iter().map(|level| f32::from(*level)).sum::<f32>() / count;
        let variance = thumbnail.iter().map(|level| (f32::from(*level) - mean).powi(2)).sum::<f32>() / count;
        Self { bits, thumbnail, mean, deviation: variance.sqrt() }
    }

    /// Whether two photos look the same: hashes that differ in at most `bits`, and thumbnails that hardly differ but
    /// in brightness and contrast.
    pub(crate) fn is_similar(&self, other: &Self, bits: u32) -> bool {
        (self.bits ^ other.bits).count_ones() <= bits
            && self.is_lit_like(other)
            && self.difference(other) <= MAX_DIFFERENCE
    }

    /// Whether brightness and contrast are within what corrections of one photo change.
    fn is_lit_like(&self, other: &Self) -> bool {
        let (low, high) = (self.deviation.min(other.deviation), self.deviation.max(other.deviation));
        let apart = (self.mean - other.mean).abs();
        if low < FLAT {
            high < 2.0 * FLAT && apart <= MAX_FLAT_DIFFERENCE
        } else {
            high <= MAX_CONTRAST_RATIO * low && apart <= MAX_BRIGHTENING
        }
    }

    /// Mean absolute difference of the thumbnails, standardised to mean 0 and standard deviation 1.
    fn difference(&self, other: &Self) -> f32 {
        let scale = |hash: &Self| 1.0 / hash.deviation.max(FLAT);
        let (a, b) = (scale(self), scale(other));
        let of =
            |(x, y): (&u8, &u8)| ((f32::from(*x) - self.mean) * a - (f32::from(*y) - other.mean) * b).abs();
        self.thumbnail.iter().zip(&other.thumbnail).map(of).sum::<f32>() / self.thumbnail.len() as f32
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
        let one = PerceptualHash::of(&scene(300, 200, 0.0));
        let other = PerceptualHash::of(&scene(240, 160, 0.0));
        assert!(one.is_similar(&other, 4), "{:016x} {:016x}", one.bits, other.bits);
        let mut noisy = scene(300, 200, 0.0);
        noisy.iter_mut().enumerate().for_each(|(i, p)| *p = p.saturating_add((i * 7 % 5) as u8));
        assert!(one.is_similar(&PerceptualHash::of(&noisy), 4));
    }

    #[test]
    fn another_brightness_or_contrast_looks_the_same() {
        let one = PerceptualHash::of(&scene(300, 200, 0.0));
        let changed = |change: &dyn Fn(f32) -> f32| {
            let mut photo = scene(300, 200, 0.0);
            photo.iter_mut().for_each(|p| *p = change(f32::from(*p)).clamp(0.0, 255.0) as u8);
            PerceptualHash::of(&photo)
        };
        assert!(one.is_similar(&changed(&|level| level * 1.1), 4));
        assert!(one.is_similar(&changed(&|level| level * 0.85), 4));
        assert!(one.is_similar(&changed(&|level| level + 20.0), 4));
        assert!(one.is_similar(&changed(&|level| 110.0 + (level - 110.0) * 0.7), 4));
        // A photo in the dark is another one.
        assert!(!one.is_similar(&changed(&|level| level * 0.3), 4));
    }

    #[test]
    fn plain_pictures_are_told_apart_by_their_shades() {
        let faint = |shade: f32| {
            let mut photo = scene(300, 200, 0.0);
            photo.iter_mut().for_each(|p| *p = (shade + f32::from(*p) * 0.1) as u8);
            PerceptualHash::of(&photo)
        };
        assert!(faint(120.0).deviation < FLAT);
        assert!(faint(120.0).is_similar(&faint(123.0), 8));
        assert!(!faint(120.0).is_similar(&faint(140.0), 8));
    }

    #[test]
    fn another_scene_looks_different() {
        let one = PerceptualHash::of(&scene(300, 200, 0.0));
        assert!(!one.is_similar(&PerceptualHash::of(&scene(300, 200, 0.15)), 4));
        let mut inverted = scene(300, 200, 0.0);
        inverted.iter_mut().for_each(|p| *p = 255 - *p);
        assert!(!one.is_similar(&PerceptualHash::of(&inverted), 4));
    }
}
