//! Random choices of one photo or one class, from a generator seeded explicitly.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A seeded source of choices.
pub(crate) struct Chance(ChaCha8Rng);

impl Chance {
    /// The choices of stream `stream` under `seed`; streams are independent of one another.
    pub(crate) fn new(seed: u64, stream: u64) -> Chance {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        generator.set_stream(stream);
        Chance(generator)
    }

    /// Uniform from `low` to `high`.
    pub(crate) fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.0.random::<f32>()
    }

    /// Uniform in `-spread..spread`.
    pub(crate) fn around(&mut self, spread: f32) -> f32 {
        self.between(-spread, spread)
    }

    /// True with this probability.
    pub(crate) fn is(&mut self, probability: f32) -> bool {
        self.0.random::<f32>() < probability
    }

    /// A whole number in `0..count`; 0 when `count` is 0.
    pub(crate) fn below(&mut self, count: u32) -> u32 {
        if count == 0 { 0 } else { self.0.random_range(0..count) }
    }

    /// One of the weighted values; the first when all weights are zero.
    pub(crate) fn weighted<T: Copy>(&mut self, values: &[(f32, T)]) -> Option<T> {
        let total: f32 = values.iter().map(|value| value.0).sum();
        let mut left = self.between(0.0, total);
        for &(weight, value) in values {
            left -= weight;
            if left < 0.0 {
                return Some(value);
            }
        }
        values.first().map(|value| value.1)
    }

    /// A colour made a little lighter or darker.
    pub(crate) fn tint(&mut self, rgb: [u8; 3]) -> [u8; 3] {
        let factor = 1.0 + self.around(0.15);
        rgb.map(|byte| (f32::from(byte) * factor).clamp(0.0, 255.0) as u8)
    }

    /// Roughly normal with mean 0 and deviation 1: the sum of four uniforms, scaled. Cheap, and enough for pixel noise.
    pub(crate) fn bell(&mut self) -> f32 {
        let bits = self.0.random::<u64>();
        let sum: u32 = (0..4).map(|part| ((bits >> (16 * part)) & 0xffff) as u32).sum();
        (sum as f32 / 65_536.0 - 2.0) * 1.732
    }
}
