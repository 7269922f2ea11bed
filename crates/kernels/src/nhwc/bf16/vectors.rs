//! Products of blocks by vectors of `f32`, to which the pairs are widened: the microkernel for CPUs without a unit for
//! `bf16`.

use super::block::{HALF, PAIRS, Product, SIDE, Sums};
use crate::simd::{Level, Simd, Work};

/// Writes the product, or adds it if `accumulate`.
pub(super) fn multiply(level: Level, product: Product<'_>, accumulate: bool, sums: &mut Sums) {
    level.run(Widened { product, accumulate, sums });
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
