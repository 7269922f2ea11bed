//! The inverse cosine transform of a block, whole or with each 2×2, 4×4 or 8×8 pixels taken together.
//!
//! Loeffler, Ligtenberg, Moschytz, "Practical fast 1-D DCT algorithms with 11 multiplications" (ICASSP 1989), in
//! integers with 13 bits of fraction, two bits kept between the passes. The reduced transforms give the means of
//! adjacent pixels, worked out of the same algorithm. Numbers and roundings are those of libjpeg (`jidctint.c`,
//! `jidctred.c`).

use crate::lanes::Lanes;

/// Bits of fraction in the constants.
const FRACTION: i32 = 13;
/// Bits of fraction that stay between the passes.
const KEPT: i32 = 2;

/// A value as the transforms' constants are written.
const fn fix(value: f64) -> i32 {
    (value * (1 << FRACTION) as f64 + 0.5) as i32
}

/// Transforms dequantised coefficients (row by row) into rows of `SIDE` pixels; `SIDE` is 8, 4 or 2, and what is
/// beyond it in the result means nothing.
#[inline(always)]
pub(crate) fn inverse<L: Lanes, const SIDE: usize>(block: &[i16; 64]) -> [[u8; 8]; 8] {
    let (rows, _) = block.as_chunks::<8>();
    // Loops, here and below: the closures of `map` are compiled without the vectors' instructions.
    let mut columns = [L::splat(0); 8];
    for (column, row) in columns.iter_mut().zip(rows) {
        *column = L::load(row);
    }
    // The middle of the levels is added together with the rounding.
    const LAST: i32 = FRACTION + KEPT;
    match SIDE {
        8 => {
            let first = descaled::<L, { FRACTION - KEPT }>(eight(columns), 0);
            L::rows(descaled::<L, { LAST + 3 }>(eight(L::transposed(first)), 128))
        }
        4 => {
            let first = descaled::<L, { FRACTION - KEPT + 1 }>(four(columns), 0);
            L::rows(descaled::<L, { LAST + 4 }>(four(L::transposed(first)), 128))
        }
        _ => {
            let first = descaled::<L, { FRACTION - KEPT + 2 }>(two(columns), 0);
            L::rows(descaled::<L, { LAST + 5 }>(two(L::transposed(first)), 128))
        }
    }
}

/// What every transform gives, everywhere, for a block with none but its first coefficient; and the mean of any.
#[inline(always)]
pub(crate) fn flat(first: i16) -> u8 {
    (((i32::from(first) + 4) >> 3) + 128).clamp(0, 255) as u8
}

/// Rounds `BITS` bits away and adds `level`.
#[inline(always)]
fn descaled<L: Lanes, const BITS: i32>(mut columns: [L; 8], level: i32) -> [L; 8] {
    let addend = L::splat((level << BITS) + (1 << (BITS - 1)));
    for column in &mut columns {
        *column = column.add(addend).shr::<BITS>();
    }
    columns
}

/// Eight points from eight.
#[inline(always)]
fn eight<L: Lanes>(x: [L; 8]) -> [L; 8] {
    let z = x[2].add(x[6]).mul(fix(0.541196100));
    let (even2, even3) = (z.add(x[6].mul(-fix(1.847759065))), z.add(x[2].mul(fix(0.765366865))));
    let (even0, even1) = (x[0].add(x[4]).shl::<FRACTION>(), x[0].sub(x[4]).shl::<FRACTION>());
    let even = [even0.add(even3), even1.add(even2), even1.sub(even2), even0.sub(even3)];

    let (z1, z2, z3, z4) = (x[7].add(x[1]), x[5].add(x[3]), x[7].add(x[3]), x[5].add(x[1]));
    let z5 = z3.add(z4).mul(fix(1.175875602));
    let (z1, z2) = (z1.mul(-fix(0.899976223)), z2.mul(-fix(2.562915447)));
    let (z3, z4) = (z3.mul(-fix(1.961570560)).add(z5), z4.mul(-fix(0.390180644)).add(z5));
    let odd = [
        x[1].mul(fix(1.501321110)).add(z1).add(z4),
        x[3].mul(fix(3.072711026)).add(z2).add(z3),
        x[5].mul(fix(2.053119869)).add(z2).add(z4),
        x[7].mul(fix(0.298631336)).add(z1).add(z3),
    ];
    [
        even[0].add(odd[0]),
        even[1].add(odd[1]),
        even[2].add(odd[2]),
        even[3].add(odd[3]),
        even[3].sub(odd[3]),
        even[2].sub(odd[2]),
        even[1].sub(odd[1]),
        even[0].sub(odd[0]),
    ]
}

/// The means of two points each; coefficient 4 has no part in them.
#[inline(always)]
fn four<L: Lanes>(x: [L; 8]) -> [L; 8] {
    let first = x[0].shl::<{ FRACTION + 1 }>();
    let even = x[2].mul(fix(1.847759065)).add(x[6].mul(-fix(0.765366865)));
    let inner = x[7].mul(-fix(0.211164243)).add(x[5].mul(fix(1.451774981)));
    let inner = inner.add(x[3].mul(-fix(2.172734803))).add(x[1].mul(fix(1.061594337)));
    let outer = x[7].mul(-fix(0.509795579)).add(x[5].mul(-fix(0.601344887)));
    let outer = outer.add(x[3].mul(fix(0.899976223))).add(x[1].mul(fix(2.562915447)));
    let (sum, difference, zero) = (first.add(even), first.sub(even), L::splat(0));
    [sum.add(outer), difference.add(inner), difference.sub(inner), sum.sub(outer), zero, zero, zero, zero]
}

/// The means of four points each; coefficients 2, 4 and 6 have no part in them.
#[inline(always)]
fn two<L: Lanes>(x: [L; 8]) -> [L; 8] {
    let first = x[0].shl::<{ FRACTION + 2 }>();
    let odd = x[7].mul(-fix(0.720959822)).add(x[5].mul(fix(0.850430095)));
    let odd = odd.add(x[3].mul(-fix(1.272758580))).add(x[1].mul(fix(3.624509785)));
    let zero = L::splat(0);
    [first.add(odd), first.sub(odd), zero, zero, zero, zero, zero, zero]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lanes::Portable;

    /// The transform by its definition (T.81, A.3.3), without rounding.
    fn exact(block: &[i16; 64]) -> [[f64; 8]; 8] {
        let cosine = |x: usize, u: usize| {
            let scale = if u == 0 { 0.5f64.sqrt() } else { 1.0 };
            scale * ((2 * x + 1) as f64 * u as f64 * std::f64::consts::PI / 16.0).cos()
        };
        std::array::from_fn(|y| {
            std::array::from_fn(|x| {
                let sum: f64 =
                    (0..64).map(|i| f64::from(block[i]) * cosine(x, i % 8) * cosine(y, i / 8)).sum();
                sum / 4.0 + 128.0
            })
        })
    }

    fn check<const SIDE: usize>(block: &[i16; 64]) {
        let (exact, found) = (exact(block), inverse::<Portable, SIDE>(block));
        let step = 8 / SIDE;
        for y in 0..SIDE {
            for x in 0..SIDE {
                let cells = (0..step * step).map(|i| exact[y * step + i / step][x * step + i % step]);
                let mean = (cells.sum::<f64>() / (step * step) as f64).clamp(0.0, 255.0);
                let error = (f64::from(found[y][x]) - mean).abs();
                assert!(error < 0.75, "{SIDE}: ({x}, {y}) is {}, exactly {mean}", found[y][x]);
            }
        }
    }

    #[test]
    fn transforms_are_those_of_the_definition_and_its_means() {
        for seed in 0..200u32 {
            let coefficient = |i: usize| {
                let noise = (seed * 64 + i as u32).wrapping_mul(2_654_435_761) >> 20;
                let reach = 600 / (1 + i as i32 / 8 + i as i32 % 8).pow(2);
                if noise.is_multiple_of(3) { (noise as i32 % (2 * reach + 1) - reach) as i16 } else { 0 }
            };
            let block: [i16; 64] = std::array::from_fn(coefficient);
            check::<8>(&block);
            check::<4>(&block);
            check::<2>(&block);
        }
    }

    #[test]
    fn a_flat_block_needs_no_transform() {
        for first in (-1100..1100).step_by(7) {
            let mut block = [0; 64];
            block[0] = first;
            assert_eq!(inverse::<Portable, 8>(&block), [[flat(first); 8]; 8]);
            assert_eq!(inverse::<Portable, 4>(&block)[3][..4], [flat(first); 4]);
            assert_eq!(inverse::<Portable, 2>(&block)[1][..2], [flat(first); 2]);
        }
    }
}
