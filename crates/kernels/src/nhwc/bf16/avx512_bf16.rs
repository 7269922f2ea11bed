//! Products of pairs by AVX512_BF16's `vdpbf16ps`.

use super::block::{HALF, PAIRS, Product, SIDE, Sums};
use std::arch::x86_64::*;

/// Rows whose sums are in registers at a time, two vectors each.
const ROWS: usize = 8;

/// Whether the CPU has the instructions.
pub(super) fn available() -> bool {
    is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bf16")
}

/// Writes the product, or adds it if `accumulate`.
pub(super) fn multiply(product: Product<'_>, accumulate: bool, sums: &mut Sums) {
    assert!(available());
    for row in (0..SIDE).step_by(ROWS) {
        // SAFETY: the CPU has the instructions, and `SIDE` is a multiple of `ROWS`.
        unsafe { strip(product, row, accumulate, sums) }
    }
}

/// # Safety
/// The CPU has the instructions, and `row + ROWS` is at most [`SIDE`].
#[target_feature(enable = "avx512f,avx512bf16")]
unsafe fn strip(product: Product<'_>, row: usize, accumulate: bool, sums: &mut Sums) {
    let (left, offsets, steps, right) = product.factors();
    let sums = sums.as_mut_ptr();
    let mut total = [[_mm512_setzero_ps(); 2]; ROWS];
    // SAFETY: `Product` says that all rows and columns of the factors are inside of their slices, and the caller that
    // those of the strip are inside of the sums. Vectors of any bits may be taken for vectors of pairs.
    unsafe {
        if accumulate {
            for (index, total) in total.iter_mut().enumerate() {
                let sums = sums.add((row + index) * SIDE);
                *total = [_mm512_loadu_ps(sums), _mm512_loadu_ps(sums.add(HALF))];
            }
        }
        let rows = left.pairs.as_ptr().add(row / HALF * left.half + row % HALF * left.row);
        let mut b = right.pairs.as_ptr();
        for &offset in offsets {
            let mut a = rows.add(offset);
            for _ in 0..steps {
                for pair in 0..PAIRS {
                    let columns = [b.add(pair * HALF), b.add(right.half + pair * HALF)]
                        .map(|from| pairs(_mm512_loadu_si512(from.cast())));
                    for (index, total) in total.iter_mut().enumerate() {
                        let value = pairs(_mm512_set1_epi32(*a.add(index * left.row + pair) as i32));
                        total[0] = _mm512_dpbf16_ps(total[0], value, columns[0]);
                        total[1] = _mm512_dpbf16_ps(total[1], value, columns[1]);
                    }
                }
                a = a.wrapping_add(left.step);
                b = b.wrapping_add(right.step);
            }
        }
        for (index, total) in total.iter().enumerate() {
            let sums = sums.add((row + index) * SIDE);
            _mm512_storeu_ps(sums, total[0]);
            _mm512_storeu_ps(sums.add(HALF), total[1]);
        }
    }
}

/// The same bits as pairs.
#[inline]
#[target_feature(enable = "avx512f")]
fn pairs(bits: __m512i) -> __m512bh {
    // SAFETY: both are 64 bytes without invalid patterns.
    unsafe { std::mem::transmute(bits) }
}
