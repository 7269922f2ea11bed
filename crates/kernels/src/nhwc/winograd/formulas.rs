//! The transforms in one dimension, which are done to the columns and then to the rows of a tile.
//!
//! They interpolate at the points 0, 1, -1 and infinity for output tiles of 2, where `P` is 4, and at 2 and -2 besides for
//! those of 4, where it is 6.

// Indices are those of the formulas.
#![allow(clippy::needless_range_loop)]

use crate::simd::Simd;

/// `a * x + y`.
#[inline(always)]
fn fma<S: Simd>(s: S, a: f32, x: S::V, y: S::V) -> S::V {
    s.mul_add(s.splat(a), x, y)
}

/// `a * x`.
#[inline(always)]
fn times<S: Simd>(s: S, a: f32, x: S::V) -> S::V {
    s.mul(s.splat(a), x)
}

/// `Bᵀ d`.
#[inline(always)]
pub(super) fn input<S: Simd, const P: usize>(s: S, d: [S::V; P]) -> [S::V; P] {
    let mut r = d;
    if P == 4 {
        r[0] = s.sub(d[0], d[2]);
        r[1] = s.add(d[1], d[2]);
        r[2] = s.sub(d[2], d[1]);
        r[3] = s.sub(d[1], d[3]);
    } else {
        let (even, odd) = (fma(s, -4.0, d[2], d[4]), fma(s, -4.0, d[1], d[3]));
        let (even2, odd2) = (s.sub(d[4], d[2]), s.sub(d[3], d[1]));
        r[0] = fma(s, 4.0, d[0], fma(s, -5.0, d[2], d[4]));
        r[1] = s.add(even, odd);
        r[2] = s.sub(even, odd);
        r[3] = fma(s, 2.0, odd2, even2);
        r[4] = fma(s, -2.0, odd2, even2);
        r[5] = fma(s, 4.0, d[1], fma(s, -5.0, d[3], d[5]));
    }
    r
}

/// `Aᵀ m`.
#[inline(always)]
pub(super) fn output<S: Simd, const P: usize, const M: usize>(s: S, m: [S::V; P]) -> [S::V; M] {
    let mut r = [m[0]; M];
    if P == 4 {
        r[0] = s.add(s.add(m[0], m[1]), m[2]);
        r[1] = s.sub(s.sub(m[1], m[2]), m[3]);
    } else {
        let (sum, difference) = (s.add(m[1], m[2]), s.sub(m[1], m[2]));
        let (sum2, difference2) = (s.add(m[3], m[4]), s.sub(m[3], m[4]));
        r[0] = s.add(s.add(m[0], sum), sum2);
        r[1] = fma(s, 2.0, difference2, difference);
        r[2] = fma(s, 4.0, sum2, sum);
        r[3] = s.add(fma(s, 8.0, difference2, difference), m[5]);
    }
    r
}

/// `A y`.
#[inline(always)]
pub(super) fn output_transposed<S: Simd, const P: usize, const M: usize>(s: S, y: [S::V; M]) -> [S::V; P] {
    let mut r = [y[0]; P];
    if P == 4 {
        r[1] = s.add(y[0], y[1]);
        r[2] = s.sub(y[0], y[1]);
        r[3] = s.sub(s.splat(0.0), y[1]);
    } else {
        let (even, odd) = (s.add(y[0], y[2]), s.add(y[1], y[3]));
        let (even2, odd2) = (fma(s, 4.0, y[2], y[0]), fma(s, 8.0, y[3], s.mul(s.splat(2.0), y[1])));
        r[1] = s.add(even, odd);
        r[2] = s.sub(even, odd);
        r[3] = s.add(even2, odd2);
        r[4] = s.sub(even2, odd2);
        r[5] = y[3];
    }
    r
}

/// `G g`.
#[inline(always)]
pub(super) fn kernel<S: Simd, const P: usize>(s: S, g: [S::V; 3]) -> [S::V; P] {
    let mut r = [g[0]; P];
    if P == 4 {
        let (ends, middle) = (times(s, 0.5, s.add(g[0], g[2])), times(s, 0.5, g[1]));
        r[1] = s.add(ends, middle);
        r[2] = s.sub(ends, middle);
        r[3] = g[2];
    } else {
        let (ends, middle) = (times(s, -1.0 / 6.0, s.add(g[0], g[2])), times(s, 1.0 / 6.0, g[1]));
        let (ends2, middle2) =
            (s.add(times(s, 1.0 / 24.0, g[0]), times(s, 1.0 / 6.0, g[2])), times(s, 1.0 / 12.0, g[1]));
        r[0] = times(s, 0.25, g[0]);
        r[1] = s.sub(ends, middle);
        r[2] = s.add(ends, middle);
        r[3] = s.add(ends2, middle2);
        r[4] = s.sub(ends2, middle2);
        r[5] = g[2];
    }
    r
}

/// `Gᵀ u`.
#[inline(always)]
pub(super) fn kernel_transposed<S: Simd, const P: usize>(s: S, u: [S::V; P]) -> [S::V; 3] {
    if P == 4 {
        let (sum, difference) = (times(s, 0.5, s.add(u[1], u[2])), times(s, 0.5, s.sub(u[1], u[2])));
        [s.add(u[0], sum), difference, s.add(sum, u[3])]
    } else {
        let (sum, difference) =
            (times(s, -1.0 / 6.0, s.add(u[1], u[2])), times(s, 1.0 / 6.0, s.sub(u[2], u[1])));
        let (sum2, difference2) = (s.add(u[3], u[4]), s.sub(u[3], u[4]));
        [
            s.add(s.add(times(s, 0.25, u[0]), sum), times(s, 1.0 / 24.0, sum2)),
            s.add(difference, times(s, 1.0 / 12.0, difference2)),
            s.add(s.add(sum, times(s, 1.0 / 6.0, sum2)), u[5]),
        ]
    }
}

/// The column `j` of rows of vectors.
#[inline(always)]
pub(super) fn column<V: Copy, const R: usize, const C: usize>(rows: &[[V; C]; R], j: usize) -> [V; R] {
    let mut r = [rows[0][j]; R];
    for i in 0..R {
        r[i] = rows[i][j];
    }
    r
}
