//! The unit of the CPU that multiplies blocks of `bf16`, and products by whatever unit it is.
//!
//! Where products are too small for normal numbers, units differ: AMX and AVX512_BF16 take such numbers for zeros and
//! make zeros of such results, whatever the thread's modes, and vectors keep them. They round sums in another order too.

use super::block::{DEPTH, HALF, LeftPairs, PAIRS, Product, RightPairs, SIDE, Sums};
use super::vectors;
#[cfg(target_arch = "x86_64")]
use super::{amx, avx512_bf16};
use crate::scratch::Scratch;
use crate::simd::Level;
use std::sync::OnceLock;

/// What multiplies blocks of `bf16`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bf16Unit {
    /// Vectors of `f32`, to which pairs are widened.
    Vectors(Level),
    /// AVX512_BF16's products of pairs.
    #[cfg(target_arch = "x86_64")]
    Avx512Bf16,
    /// AMX's products of tiles.
    #[cfg(target_arch = "x86_64")]
    Amx,
}

impl Bf16Unit {
    /// The best of this CPU.
    pub(crate) fn best() -> Self {
        static BEST: OnceLock<Bf16Unit> = OnceLock::new();
        *BEST.get_or_init(|| Self::supported().last().copied().unwrap_or(Self::Vectors(Level::Portable)))
    }

    /// All that this CPU and its system can run, best last.
    pub(crate) fn supported() -> Vec<Self> {
        #[allow(unused_mut)]
        let mut units: Vec<Self> = Level::supported().into_iter().map(Self::Vectors).collect();
        #[cfg(target_arch = "x86_64")]
        {
            if avx512_bf16::available() {
                units.push(Self::Avx512Bf16);
            }
            if amx::available() {
                units.push(Self::Amx);
            }
        }
        units
    }

    /// The vectors for all that is not a product.
    pub(crate) fn level(self) -> Level {
        match self {
            Self::Vectors(level) => level,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Bf16 | Self::Amx => Level::best(),
        }
    }

    /// Makes this thread ready for products: configures its AMX tiles.
    pub(super) fn ready(self) -> Multiplier {
        match self {
            Self::Vectors(level) => Multiplier::Vectors(level),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Bf16 => Multiplier::Avx512Bf16,
            #[cfg(target_arch = "x86_64")]
            Self::Amx => Multiplier::Amx(amx::Tiles::configure()),
        }
    }
}

/// A thread that is ready for products.
pub(super) enum Multiplier {
    Vectors(Level),
    #[cfg(target_arch = "x86_64")]
    Avx512Bf16,
    #[cfg(target_arch = "x86_64")]
    Amx(amx::Tiles),
}

impl Multiplier {
    /// Writes the sum over all stretches of the products of their steps, or adds it if `accumulate`.
    pub(super) fn multiply(
        &self,
        left: LeftPairs<'_>,
        offsets: &[usize],
        steps: usize,
        right: RightPairs<'_>,
        accumulate: bool,
        sums: &mut Sums,
    ) {
        let Some(product) = Product::new(left, offsets, steps, right) else {
            if !accumulate {
                sums.fill(0.0);
            }
            return;
        };
        match self {
            Self::Vectors(level) => vectors::multiply(*level, product, accumulate, sums),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Bf16 => avx512_bf16::multiply(product, accumulate, sums),
            #[cfg(target_arch = "x86_64")]
            Self::Amx(tiles) => tiles.multiply(product, accumulate, sums),
        }
    }
}

/// Multiplies a block from the cache again and again, and returns how many operations that is.
pub(crate) fn block_product(unit: Bf16Unit, rounds: usize) -> usize {
    const STEPS: usize = 8;
    let one = u32::from(half::bf16::ONE.to_bits()) * 0x1_0001;
    let mut pairs = Scratch::<u32>::new(STEPS * SIDE * PAIRS);
    pairs.fill(std::hint::black_box(one));
    let half = STEPS * HALF * PAIRS;
    let left = LeftPairs { pairs: &pairs, row: PAIRS, half, step: HALF * PAIRS };
    let right = RightPairs { pairs: &pairs, half, step: PAIRS * HALF };
    let multiplier = unit.ready();
    let mut sums = [0.0; SIDE * SIDE];
    for _ in 0..rounds {
        multiplier.multiply(left, &[0], STEPS, right, false, &mut sums);
    }
    std::hint::black_box(&sums);
    2 * rounds * STEPS * SIDE * SIDE * DEPTH
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The last sum of a product of zeros, with factors of so many pairs.
    fn multiply(left: usize, right: usize, offsets: &[usize], steps: usize, row: usize) -> f32 {
        let (left, right) = (vec![0; left], vec![0; right]);
        let left = LeftPairs { pairs: &left, row, half: HALF * PAIRS, step: SIDE * PAIRS };
        let right = RightPairs { pairs: &right, half: PAIRS * HALF, step: PAIRS * SIDE };
        let mut sums = [1.0; SIDE * SIDE];
        Bf16Unit::Vectors(Level::Portable).ready().multiply(left, offsets, steps, right, false, &mut sums);
        sums[SIDE * SIDE - 1]
    }

    #[test]
    fn what_is_not_inside_is_not_multiplied() {
        let size = SIDE * PAIRS;
        assert_eq!(multiply(size, size, &[0], 1, PAIRS), 0.0);
        // Nothing to sum up, from nothing.
        assert_eq!(multiply(0, 0, &[], 1, PAIRS), 0.0);
        assert_eq!(multiply(0, 0, &[7], 0, PAIRS), 0.0);
        let panics = |left, right, offsets: &'static [usize], steps, row| {
            std::panic::catch_unwind(|| multiply(left, right, offsets, steps, row)).is_err()
        };
        assert!(panics(size - 1, size, &[0], 1, PAIRS));
        assert!(panics(size, size - 1, &[0], 1, PAIRS));
        assert!(panics(size, 2 * size, &[0, 1], 1, PAIRS));
        assert!(panics(size, 2 * size, &[0], 2, PAIRS));
        assert!(panics(size, size, &[0], 1, usize::MAX / 8));
        assert!(panics(size, size, &[usize::MAX], 1, PAIRS));
    }
}
