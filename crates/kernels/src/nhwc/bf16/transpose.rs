//! Squares of 16 by 16, transposed.

use crate::simd::Simd;

/// Rows, and columns.
const SIDE: usize = 16;

/// Writes the columns of `from` as rows to `to`.
#[inline(always)]
pub(super) fn transpose<S: Simd>(_: S, from: &[u32; SIDE * SIDE], to: &mut [u32]) {
    for (column, to) in to.chunks_exact_mut(SIDE).enumerate() {
        for (row, to) in to.iter_mut().enumerate() {
            *to = from[row * SIDE + column];
        }
    }
}
