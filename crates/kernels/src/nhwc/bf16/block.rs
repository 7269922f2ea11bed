//! The product of two blocks, 32 rows by 32 columns: the inner loop of everything here.
//!
//! Both factors come as pairs: two `bf16` that follow one another in the direction that is summed over, in one `u32`,
//! the first in the lower half. Products are exact in `f32`, and sums are `f32`. Where they are too small for normal
//! numbers, units differ: AMX and AVX512_BF16 take such numbers for zeros and make zeros of such results, whatever the
//! thread's modes, and vectors keep them. They round sums in another order too.

#[cfg(target_arch = "x86_64")]
use super::{amx, dot};
use crate::scratch::Scratch;
use crate::simd::{Level, Simd, Work};
use std::sync::OnceLock;

/// Rows, and columns, of a block.
pub(super) const SIDE: usize = 32;
/// Rows, and columns, that a matrix unit's tile has: half a block.
pub(super) const HALF: usize = SIDE / 2;
/// Pairs of a row that are multiplied in a step.
pub(super) const PAIRS: usize = 16;
/// Numbers of a row that are.
pub(super) const DEPTH: usize = 2 * PAIRS;

/// The sums of a block, row by row.
pub(super) type Sums = [f32; SIDE * SIDE];

/// Where the left factor's rows are. Those of a step follow one another in memory, as do the pairs of each.
#[derive(Clone, Copy)]
pub(super) struct Left<'a> {
    pub(super) pairs: &'a [u32],
    /// From one row to the next.
    pub(super) row: usize,
    /// From the first row to number 16.
    pub(super) half: usize,
    /// From one step to the next.
    pub(super) step: usize,
}

/// Where the right factor's columns are: each pair of 16 columns, one after the other, and then the next pair.
#[derive(Clone, Copy)]
pub(super) struct Right<'a> {
    pub(super) pairs: &'a [u32],
    /// From the first column to number 16.
    pub(super) half: usize,
    /// From one step to the next.
    pub(super) step: usize,
}

/// What multiplies blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Vectors of `f32`, to which pairs are widened.
    Vectors(Level),
    /// AVX512_BF16's products of pairs.
    #[cfg(target_arch = "x86_64")]
    Pairs,
    /// AMX's products of tiles.
    #[cfg(target_arch = "x86_64")]
    Tiles,
}

impl Unit {
    /// The best of this CPU.
    pub(crate) fn best() -> Self {
        static BEST: OnceLock<Unit> = OnceLock::new();
        *BEST.get_or_init(|| Self::supported().last().copied().unwrap_or(Self::Vectors(Level::Portable)))
    }

    /// All that this CPU and its system can run, best last.
    pub(crate) fn supported() -> Vec<Self> {
        #[allow(unused_mut)]
        let mut units: Vec<Self> = Level::supported().into_iter().map(Self::Vectors).collect();
        #[cfg(target_arch = "x86_64")]
        {
            if dot::available() {
                units.push(Self::Pairs);
            }
            if amx::available() {
                units.push(Self::Tiles);
            }
        }
        units
    }

    /// The vectors for all that is not a product.
    pub(super) fn level(self) -> Level {
        match self {
            Self::Vectors(level) => level,
            #[cfg(target_arch = "x86_64")]
            Self::Pairs | Self::Tiles => Level::best(),
        }
    }

    /// Makes this thread ready for products.
    pub(super) fn ready(self) -> Multiplier {
        match self {
            Self::Vectors(level) => Multiplier::Vectors(level),
            #[cfg(target_arch = "x86_64")]
            Self::Pairs => Multiplier::Pairs,
            #[cfg(target_arch = "x86_64")]
            Self::Tiles => Multiplier::Tiles(amx::Tiles::configure()),
        }
    }
}

/// A thread that is ready for products.
pub(super) enum Multiplier {
    Vectors(Level),
    #[cfg(target_arch = "x86_64")]
    Pairs,
    #[cfg(target_arch = "x86_64")]
    Tiles(amx::Tiles),
}

/// A product with its sizes checked, which is what the loops of all units rely on.
///
/// There is at least one step of one stretch. Every row of the left factor from any of the offsets on, and every column
/// of the right one, lie inside of their slices for as many steps as there are.
#[derive(Clone, Copy)]
pub(super) struct Product<'a> {
    left: Left<'a>,
    /// Where the left factor's steps start, one stretch of `steps` after the other.
    offsets: &'a [usize],
    /// In each stretch.
    steps: usize,
    /// All stretches' steps follow one another.
    right: Right<'a>,
}

impl<'a> Product<'a> {
    /// `None` if there is nothing to sum up.
    ///
    /// # Panics
    /// If a factor does not lie inside of its slice.
    fn new(left: Left<'a>, offsets: &'a [usize], steps: usize, right: Right<'a>) -> Option<Self> {
        let furthest = offsets.iter().max().filter(|_| steps > 0)?;
        // Where the last pair of all is, and no sum can wrap around to what is inside.
        let end = |start: usize, steps: usize, step: usize, half: usize, rest: usize| {
            let last = start.saturating_add((steps - 1).saturating_mul(step));
            last.saturating_add(half).saturating_add(rest)
        };
        let rows = left.row.saturating_mul(HALF - 1).saturating_add(PAIRS);
        let end_left = end(*furthest, steps, left.step, left.half, rows);
        assert!(
            end_left <= left.pairs.len(),
            "the left factor has {} pairs, not {end_left}",
            left.pairs.len()
        );
        let all = offsets.len().saturating_mul(steps);
        let end_right = end(0, all, right.step, right.half, PAIRS * HALF);
        assert!(
            end_right <= right.pairs.len(),
            "the right one has {} pairs, not {end_right}",
            right.pairs.len()
        );
        Some(Self { left, offsets, steps, right })
    }

    /// The left factor, where its steps start and how many there are from each, and the right factor.
    #[inline(always)]
    pub(super) fn factors(self) -> (Left<'a>, &'a [usize], usize, Right<'a>) {
        (self.left, self.offsets, self.steps, self.right)
    }
}

impl Multiplier {
    /// Writes the sum over all stretches of the products of their steps, or adds it if `accumulate`.
    pub(super) fn multiply(
        &self,
        left: Left<'_>,
        offsets: &[usize],
        steps: usize,
        right: Right<'_>,
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
            Self::Vectors(level) => level.run(Widened { product, accumulate, sums }),
            #[cfg(target_arch = "x86_64")]
            Self::Pairs => dot::multiply(product, accumulate, sums),
            #[cfg(target_arch = "x86_64")]
            Self::Tiles(tiles) => tiles.multiply(product, accumulate, sums),
        }
    }
}

/// Multiplies a block from the cache again and again, and returns how many operations that is.
pub(crate) fn block_product(unit: Unit, rounds: usize) -> usize {
    const STEPS: usize = 8;
    let one = u32::from(half::bf16::ONE.to_bits()) * 0x1_0001;
    let mut pairs = Scratch::<u32>::new(STEPS * SIDE * PAIRS);
    pairs.fill(std::hint::black_box(one));
    let half = STEPS * HALF * PAIRS;
    let left = Left { pairs: &pairs, row: PAIRS, half, step: HALF * PAIRS };
    let right = Right { pairs: &pairs, half, step: PAIRS * HALF };
    let multiplier = unit.ready();
    let mut sums = [0.0; SIDE * SIDE];
    for _ in 0..rounds {
        multiplier.multiply(left, &[0], STEPS, right, false, &mut sums);
    }
    std::hint::black_box(&sums);
    2 * rounds * STEPS * SIDE * SIDE * DEPTH
}

/// The product in vectors of `f32`.
struct Widened<'a, 's> {
    product: Product<'a>,
    accumulate: bool,
    sums: &'s mut Sums,
}

impl Work for Widened<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        const ROWS: usize = 4;
        for row in (0..SIDE).step_by(ROWS) {
            for column in (0..SIDE).step_by(S::LANES) {
                // SAFETY: `column` is below `SIDE` by at least a vector, since every level's vectors fill half a block.
                unsafe { self.strip::<S, ROWS>(s, row, column) }
            }
        }
    }
}

impl Widened<'_, '_> {
    /// # Safety
    /// `row + ROWS` and `column + S::LANES` are at most [`SIDE`], and neither strip crosses the middle of the block.
    #[inline(always)]
    unsafe fn strip<S: Simd, const ROWS: usize>(&mut self, s: S, row: usize, column: usize) {
        let (left, offsets, steps, right) = self.product.factors();
        let sums = self.sums.as_mut_ptr();
        let mut total = [s.splat(0.0); ROWS];
        // SAFETY: `Product` says that all rows and columns of the factors are inside of their slices, and the caller
        // that those of the strip are inside of the sums. The sums are borrowed alone, so that they overlap neither
        // factor, and nothing else is written.
        unsafe {
            if self.accumulate {
                for (index, total) in total.iter_mut().enumerate() {
                    *total = s.load(sums.add((row + index) * SIDE + column));
                }
            }
            let rows = left.pairs.as_ptr().add(row / HALF * left.half + row % HALF * left.row);
            let mut b = right.pairs.as_ptr().add(column / HALF * right.half + column % HALF);
            for &offset in offsets {
                let mut a = rows.add(offset);
                for _ in 0..steps {
                    for pair in 0..PAIRS {
                        let [first, second] = s.load_pairs(b.add(pair * HALF));
                        for (index, total) in total.iter_mut().enumerate() {
                            let pair = *a.add(index * left.row + pair);
                            *total = s.mul_add(s.splat(f32::from_bits(pair << 16)), first, *total);
                            *total = s.mul_add(s.splat(f32::from_bits(pair & 0xffff_0000)), second, *total);
                        }
                    }
                    a = a.wrapping_add(left.step);
                    b = b.wrapping_add(right.step);
                }
            }
            for (index, total) in total.iter().enumerate() {
                s.store(sums.add((row + index) * SIDE + column), *total);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The last sum of a product of zeros, with factors of so many pairs.
    fn multiply(left: usize, right: usize, offsets: &[usize], steps: usize, row: usize) -> f32 {
        let (left, right) = (vec![0; left], vec![0; right]);
        let left = Left { pairs: &left, row, half: HALF * PAIRS, step: SIDE * PAIRS };
        let right = Right { pairs: &right, half: PAIRS * HALF, step: PAIRS * SIDE };
        let mut sums = [1.0; SIDE * SIDE];
        Unit::Vectors(Level::Portable).ready().multiply(left, offsets, steps, right, false, &mut sums);
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
