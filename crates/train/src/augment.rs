//! What is done to a photo before the network sees it.

use marque_network::PixelLevels;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Turns uint8 pixels into normalised floats, mirrored and moved at random if asked to.
#[derive(Clone, Debug)]
pub struct Augment {
    levels: PixelLevels,
    flip: bool,
    shift: usize,
}

impl Augment {
    /// `mean` and `std` normalise each colour, for pixels in 0 to 1. With `flip`, half of the photos are
    /// mirrored; photos are moved up to `shift` pixels each way, and the edge fills what comes into view.
    pub fn new(mean: [f32; 3], std: [f32; 3], flip: bool, shift: usize) -> Self {
        Self { levels: PixelLevels::new(mean, std), flip, shift }
    }

    /// Writes one photo of `height × width` pixels, RGB, into `out` (as many floats), changed at random by
    /// `rng`, or only normalised if there is none.
    pub fn apply(
        &self,
        pixels: &[u8],
        height: usize,
        width: usize,
        rng: Option<&mut ChaCha8Rng>,
        out: &mut [f32],
    ) {
        let (mut mirrored, mut dx, mut dy) = (false, 0, 0);
        if let Some(rng) = rng {
            let range = -(self.shift as i64)..=self.shift as i64;
            mirrored = self.flip && rng.random_bool(0.5);
            dx = rng.random_range(range.clone()) as isize;
            dy = rng.random_range(range) as isize;
        }
        let source = |at: usize, offset: isize, size: usize| {
            (at as isize + offset).clamp(0, size as isize - 1) as usize
        };
        for (y, row) in out.chunks_exact_mut(width * 3).enumerate() {
            let from = source(y, dy, height) * width;
            for (x, pixel) in row.chunks_exact_mut(3).enumerate() {
                let x = source(x, dx, width);
                let x = if mirrored { width - 1 - x } else { x };
                let at = (from + x) * 3;
                pixel.copy_from_slice(&self.levels.of([pixels[at], pixels[at + 1], pixels[at + 2]]));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::generator;

    const SIZE: usize = 6;

    fn photo() -> Vec<u8> {
        (0..SIZE * SIZE * 3).map(|i| (i * 2) as u8).collect()
    }

    fn plain(flip: bool, shift: usize) -> Augment {
        Augment::new([0.0; 3], [1.0 / 255.0; 3], flip, shift)
    }

    #[test]
    fn without_a_generator_it_only_normalises() {
        let mut out = vec![f32::NAN; SIZE * SIZE * 3];
        let augment = Augment::new([0.5, 0.0, 0.5], [0.5, 1.0, 0.25], true, 2);
        augment.apply(&photo(), SIZE, SIZE, None, &mut out);
        assert_eq!(out[0], -1.0);
        assert!((out[1] - 2.0 / 255.0).abs() < 1e-6);
        assert!((out[2] - (4.0 / 255.0 - 0.5) * 4.0).abs() < 1e-6);
    }

    #[test]
    fn every_mirror_image_and_shift_comes_up_and_shows_the_right_pixels() {
        let pixels = photo();
        let at = |x: isize, y: isize, colour: usize| {
            let (x, y) = (x.clamp(0, SIZE as isize - 1) as usize, y.clamp(0, SIZE as isize - 1) as usize);
            f32::from(pixels[(y * SIZE + x) * 3 + colour])
        };
        let mut seen = std::collections::BTreeSet::new();
        for position in 0..400 {
            let mut out = vec![f32::NAN; pixels.len()];
            plain(true, 1).apply(&pixels, SIZE, SIZE, Some(&mut generator(1, "test", 0, position)), &mut out);
            let matches = |mirrored: bool, dx: isize, dy: isize| {
                (0..SIZE as isize).all(|y| {
                    (0..SIZE as isize).all(|x| {
                        let from = (x + dx).clamp(0, SIZE as isize - 1);
                        let from = if mirrored { SIZE as isize - 1 - from } else { from };
                        (0..3).all(|c| {
                            (out[(y as usize * SIZE + x as usize) * 3 + c] - at(from, y + dy, c)).abs() < 1e-3
                        })
                    })
                })
            };
            let found: Vec<_> = [false, true]
                .into_iter()
                .flat_map(|m| (-1..=1).flat_map(move |dx| (-1..=1).map(move |dy| (m, dx, dy))))
                .filter(|&(m, dx, dy)| matches(m, dx, dy))
                .collect();
            assert_eq!(found.len(), 1, "{found:?}");
            seen.extend(found);
        }
        assert_eq!(seen.len(), 18);
    }
}
