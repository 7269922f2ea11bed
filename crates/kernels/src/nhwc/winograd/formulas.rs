//! The transforms of F(4, 3), and of F(1, 3) to F(3, 3) at a subset of its points, in one dimension: nested, they are done
//! to the columns and then to the rows of a tile.
//!
//! They interpolate at the points 0, 1, -1, 2, -2 and infinity, in this order, for four outputs. Fewer outputs need fewer
//! points: one less for each, from -2 on, but always infinity. Whatever is left of an image after whole tiles so becomes
//! a tile of its own size, and the transformed kernel serves it too: at the points that it shares with a whole tile, the
//! formulas of the input make up for the factors that the kernel's would have there.

// Indices are those of the formulas.
#![allow(clippy::needless_range_loop)]

use crate::simd::Simd;

/// Outputs of a whole tile.
pub(super) const SIZE: usize = 4;
/// Points of a whole tile, and pixels of its input.
pub(super) const POINTS: usize = SIZE + 2;

/// Whether a tile of `size` outputs, from 1 to 4, needs a point.
#[inline(always)]
pub(super) fn needs(size: usize, point: usize) -> bool {
    point <= size || point == POINTS - 1
}

/// How many points a tile of `size` outputs needs; none if there is no tile.
pub(super) fn points(size: usize) -> usize {
    if size == 0 { 0 } else { size + 2 }
}

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

/// `Bᵀ d` for `size` outputs, of as many inputs and two more; zero at points that it does not need.
#[inline(always)]
pub(super) fn input<S: Simd>(s: S, size: usize, d: [S::V; POINTS]) -> [S::V; POINTS] {
    let mut r = [s.splat(0.0); POINTS];
    match size {
        1 => {
            r[0] = times(s, 4.0, s.sub(d[0], d[1]));
            r[1] = times(s, -6.0, d[1]);
            r[5] = s.sub(d[2], d[1]);
        }
        2 => {
            r[0] = times(s, 4.0, s.sub(d[0], d[2]));
            r[1] = times(s, -3.0, s.add(d[1], d[2]));
            r[2] = times(s, 3.0, s.sub(d[1], d[2]));
            r[5] = s.sub(d[3], d[1]);
        }
        3 => {
            let (odd, even) = (s.sub(d[3], d[1]), s.sub(d[0], d[2]));
            r[0] = fma(s, 2.0, odd, times(s, 4.0, even));
            r[1] = fma(s, 3.0, s.sub(d[3], d[2]), times(s, -6.0, d[1]));
            r[2] = fma(s, -3.0, d[2], fma(s, 2.0, d[1], d[3]));
            r[3] = times(s, 4.0, odd);
            r[5] = fma(s, -2.0, odd, s.sub(d[4], d[2]));
        }
        _ => {
            let (even, odd) = (fma(s, -4.0, d[2], d[4]), fma(s, -4.0, d[1], d[3]));
            let (even2, odd2) = (s.sub(d[4], d[2]), s.sub(d[3], d[1]));
            r[0] = fma(s, 4.0, d[0], fma(s, -5.0, d[2], d[4]));
            r[1] = s.add(even, odd);
            r[2] = s.sub(even, odd);
            r[3] = fma(s, 2.0, odd2, even2);
            r[4] = fma(s, -2.0, odd2, even2);
            r[5] = fma(s, 4.0, d[1], fma(s, -5.0, d[3], d[5]));
        }
    }
    r
}

/// `Aᵀ m`: the outputs, of which there are `size`.
#[inline(always)]
pub(super) fn output<S: Simd>(s: S, size: usize, m: [S::V; POINTS]) -> [S::V; SIZE] {
    let mut r = [s.splat(0.0); SIZE];
    let (sum, difference) = (s.add(m[1], m[2]), s.sub(m[1], m[2]));
    match size {
        1 => r[0] = s.add(s.add(m[0], m[1]), m[5]),
        2 => {
            r[0] = s.add(m[0], sum);
            r[1] = s.add(difference, m[5]);
        }
        3 => {
            r[0] = s.add(s.add(m[0], sum), m[3]);
            r[1] = fma(s, 2.0, m[3], difference);
            r[2] = s.add(fma(s, 4.0, m[3], sum), m[5]);
        }
        _ => {
            let (sum2, difference2) = (s.add(m[3], m[4]), s.sub(m[3], m[4]));
            r[0] = s.add(s.add(m[0], sum), sum2);
            r[1] = fma(s, 2.0, difference2, difference);
            r[2] = fma(s, 4.0, sum2, sum);
            r[3] = s.add(fma(s, 8.0, difference2, difference), m[5]);
        }
    }
    r
}

/// `A y` of `size` outputs; zero at points that they do not need.
#[inline(always)]
pub(super) fn output_transposed<S: Simd>(s: S, size: usize, y: [S::V; SIZE]) -> [S::V; POINTS] {
    let mut r = [s.splat(0.0); POINTS];
    r[0] = y[0];
    match size {
        1 => (r[1], r[5]) = (y[0], y[0]),
        2 => {
            r[1] = s.add(y[0], y[1]);
            r[2] = s.sub(y[0], y[1]);
            r[5] = y[1];
        }
        3 => {
            let even = s.add(y[0], y[2]);
            r[1] = s.add(even, y[1]);
            r[2] = s.sub(even, y[1]);
            r[3] = fma(s, 2.0, y[1], fma(s, 4.0, y[2], y[0]));
            r[5] = y[2];
        }
        _ => {
            let (even, odd) = (s.add(y[0], y[2]), s.add(y[1], y[3]));
            let (even2, odd2) = (fma(s, 4.0, y[2], y[0]), fma(s, 8.0, y[3], times(s, 2.0, y[1])));
            r[1] = s.add(even, odd);
            r[2] = s.sub(even, odd);
            r[3] = s.add(even2, odd2);
            r[4] = s.sub(even2, odd2);
            r[5] = y[3];
        }
    }
    r
}

/// `G g`.
#[inline(always)]
pub(super) fn kernel<S: Simd>(s: S, g: [S::V; 3]) -> [S::V; POINTS] {
    let (ends, middle) = (times(s, -1.0 / 6.0, s.add(g[0], g[2])), times(s, 1.0 / 6.0, g[1]));
    let (ends2, middle2) =
        (s.add(times(s, 1.0 / 24.0, g[0]), times(s, 1.0 / 6.0, g[2])), times(s, 1.0 / 12.0, g[1]));
    [
        times(s, 0.25, g[0]),
        s.sub(ends, middle),
        s.add(ends, middle),
        s.add(ends2, middle2),
        s.sub(ends2, middle2),
        g[2],
    ]
}

/// `Gᵀ u`.
#[inline(always)]
pub(super) fn kernel_transposed<S: Simd>(s: S, u: [S::V; POINTS]) -> [S::V; 3] {
    let (sum, difference) = (times(s, -1.0 / 6.0, s.add(u[1], u[2])), times(s, 1.0 / 6.0, s.sub(u[2], u[1])));
    let (sum2, difference2) = (s.add(u[3], u[4]), s.sub(u[3], u[4]));
    [
        s.add(s.add(times(s, 0.25, u[0]), sum), times(s, 1.0 / 24.0, sum2)),
        s.add(difference, times(s, 1.0 / 12.0, difference2)),
        s.add(s.add(sum, times(s, 1.0 / 6.0, sum2)), u[5]),
    ]
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
