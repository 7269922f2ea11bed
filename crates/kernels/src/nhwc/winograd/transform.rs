//! The transforms of tiles, kernels and their gradients.
//!
//! In the notation of Lavin and Gray: the input's `Bᵀ d B`, the kernel's `G g Gᵀ`, the output's `Aᵀ m A`, and for
//! the gradient of the kernel the transposed ones, `A dy Aᵀ` and `Gᵀ u G`. A point of the transformed domain is
//! numbered `row * P + column`; `P` is the tile size plus two.

// Indices say more than iterators here: they are those of the formulas. And a vector in an iterator's hands may
// be compiled without the vector's instructions.
#![allow(clippy::needless_range_loop)]

use super::tiling::Tiling;
use crate::simd::Simd;
use std::ops::Range;

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
fn input<S: Simd, const P: usize>(s: S, d: [S::V; P]) -> [S::V; P] {
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
fn output<S: Simd, const P: usize, const M: usize>(s: S, m: [S::V; P]) -> [S::V; M] {
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
fn output_transposed<S: Simd, const P: usize, const M: usize>(s: S, y: [S::V; M]) -> [S::V; P] {
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
fn kernel<S: Simd, const P: usize>(s: S, g: [S::V; 3]) -> [S::V; P] {
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
fn kernel_transposed<S: Simd, const P: usize>(s: S, u: [S::V; P]) -> [S::V; 3] {
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
fn column<V: Copy, const R: usize, const C: usize>(rows: &[[V; C]; R], j: usize) -> [V; R] {
    let mut r = [rows[0][j]; R];
    for i in 0..R {
        r[i] = rows[i][j];
    }
    r
}

/// Values between two points' ends and beginnings. A tile's values of all points are written one after another:
/// at distances of a power of two they would all compete for the same few lines of the cache.
pub(super) const APART: usize = 16;

/// Rows of `channels` values, `stride` apart, of which each point has `rows`.
#[derive(Clone, Copy)]
pub(super) struct Points {
    pub(super) rows: usize,
    pub(super) stride: usize,
    pub(super) channels: usize,
}

impl Points {
    pub(super) fn values(&self, points: usize) -> usize {
        points * self.point()
    }

    /// The distance from one point to the next.
    pub(super) fn point(&self) -> usize {
        self.rows * self.stride + APART
    }
}

/// Writes the transformed input tiles of `bands` to `to`, tile after tile in each point. `x` is the whole
/// batch, NHWC; around the images are zeros.
#[inline(always)]
pub(super) fn input_tiles<S: Simd, const P: usize>(
    s: S,
    tiling: &Tiling,
    x: &[f32],
    bands: Range<usize>,
    points: Points,
    to: &mut [f32],
) {
    let c = points.channels;
    for (tile, (image, top, left)) in tiles(tiling, bands).enumerate() {
        // Rows and columns of the tile that lie inside of the image; the tile starts one before `top`, `left`.
        let rows = usize::from(top == 0)..(tiling.height + 1 - top).min(P);
        let columns = usize::from(left == 0)..(tiling.width + 1 - left).min(P);
        let image = &x[image * tiling.height * tiling.width * c..][..tiling.height * tiling.width * c];
        for channel in (0..c).step_by(S::LANES) {
            let mut d = [[s.splat(0.0); P]; P];
            for i in rows.clone() {
                let row = &image[(top + i - 1) * tiling.width * c..][..tiling.width * c];
                for j in columns.clone() {
                    d[i][j] = s.load(&row[(left + j - 1) * c + channel..]);
                }
                d[i] = input(s, d[i]);
            }
            let at = tile * points.stride + channel;
            for j in 0..P {
                let values = input(s, column(&d, j));
                for i in 0..P {
                    s.store(&mut to[(i * P + j) * points.point() + at..], values[i]);
                }
            }
        }
    }
}

/// The image, and the top left output pixel in it, of each tile of `bands`.
fn tiles(tiling: &Tiling, bands: Range<usize>) -> impl Iterator<Item = (usize, usize, usize)> {
    let t = *tiling;
    bands.flat_map(move |band| {
        (0..t.columns).map(move |column| (band / t.rows, band % t.rows * t.size, column * t.size))
    })
}

/// Writes the output pixels of `bands` to `y`, or adds them if `accumulate`; `y` starts with their first row of pixels. `from` gives the
/// products' panel for a first channel, and the channels in a row of that panel.
#[inline(always)]
pub(super) fn output_tiles<'a, S: Simd, const P: usize, const M: usize>(
    s: S,
    tiling: &Tiling,
    outputs: usize,
    bands: Range<usize>,
    from: impl Fn(usize) -> (&'a [f32], Points),
    accumulate: bool,
    y: &mut [f32],
) {
    let first = tiling.pixel_row(bands.start);
    for (tile, (image, top, left)) in tiles(tiling, bands).enumerate() {
        let rows = (tiling.height - top).min(M);
        let columns = (tiling.width - left).min(M);
        let row = image * tiling.height + top - first;
        for channel in (0..outputs).step_by(S::LANES) {
            let (products, points) = from(channel);
            let at = tile * points.stride;
            let mut q = [[s.splat(0.0); M]; P];
            for i in 0..P {
                let mut m = [s.splat(0.0); P];
                for j in 0..P {
                    m[j] = s.load(&products[(i * P + j) * points.point() + at..]);
                }
                q[i] = output(s, m);
            }
            for j in 0..columns {
                let values: [S::V; M] = output(s, column(&q, j));
                for i in 0..rows {
                    let y = &mut y[((row + i) * tiling.width + left + j) * outputs + channel..];
                    s.store(y, if accumulate { s.add(s.load(y), values[i]) } else { values[i] });
                }
            }
        }
    }
}

/// Writes `A dy Aᵀ` of the tiles of `bands` to `to`. `dy` is the whole batch.
#[inline(always)]
pub(super) fn gradient_tiles<S: Simd, const P: usize, const M: usize>(
    s: S,
    tiling: &Tiling,
    dy: &[f32],
    bands: Range<usize>,
    points: Points,
    to: &mut [f32],
) {
    let c = points.channels;
    for (tile, (image, top, left)) in tiles(tiling, bands).enumerate() {
        let rows = (tiling.height - top).min(M);
        let columns = (tiling.width - left).min(M);
        let row = image * tiling.height + top;
        for channel in (0..c).step_by(S::LANES) {
            let mut q = [[s.splat(0.0); P]; M];
            for i in 0..rows {
                let mut d = [s.splat(0.0); M];
                for j in 0..columns {
                    d[j] = s.load(&dy[((row + i) * tiling.width + left + j) * c + channel..]);
                }
                q[i] = output_transposed(s, d);
            }
            let at = tile * points.stride + channel;
            for j in 0..P {
                let values: [S::V; P] = output_transposed(s, column(&q, j));
                for i in 0..P {
                    s.store(&mut to[(i * P + j) * points.point() + at..], values[i]);
                }
            }
        }
    }
}

/// A kernel `[3, 3, inputs, outputs]`.
#[derive(Clone, Copy)]
pub(super) struct Kernel<'a> {
    pub(super) values: &'a [f32],
    pub(super) inputs: usize,
    pub(super) outputs: usize,
}

/// Writes the transformed kernel of some input channels and of the `width` output channels from `start` to
/// `to`: point by point, one panel of two vectors after the other, input by input.
#[inline(always)]
pub(super) fn kernel_panels<S: Simd, const P: usize>(
    s: S,
    weight: Kernel<'_>,
    inputs: Range<usize>,
    start: usize,
    width: usize,
    to: &mut [f32],
) {
    let panel = 2 * S::LANES;
    let tap = weight.inputs * weight.outputs;
    let count = inputs.len();
    for lane in (0..width).step_by(S::LANES) {
        for (index, input) in inputs.clone().enumerate() {
            let from = input * weight.outputs + start + lane;
            let mut q = [[s.splat(0.0); P]; 3];
            for ky in 0..3 {
                let mut g = [s.splat(0.0); 3];
                for kx in 0..3 {
                    g[kx] = s.load(&weight.values[(ky * 3 + kx) * tap + from..]);
                }
                q[ky] = kernel(s, g);
            }
            let at = lane / panel * count * panel + index * panel + lane % panel;
            for j in 0..P {
                let values: [S::V; P] = kernel(s, column(&q, j));
                for i in 0..P {
                    s.store(&mut to[(i * P + j) * (count * width + APART) + at..], values[i]);
                }
            }
        }
    }
}

/// Writes `Gᵀ u G` of `rows` input channels to the nine taps' rows of `outputs` values, for the `width` output
/// channels from `start` on. `sums` are partial sums of `u`, added up in their order; in each, value `(point,
/// row, column)` is at `point * points.point() + row * points.stride + column`.
#[inline(always)]
pub(super) fn kernel_gradient<S: Simd, const P: usize>(
    s: S,
    sums: &[&[f32]],
    points: Points,
    rows: usize,
    outputs: usize,
    start: usize,
    taps: &mut [&mut [f32]; 9],
) {
    for row in 0..rows {
        for lane in (0..points.channels).step_by(S::LANES) {
            let mut q = [[s.splat(0.0); 3]; P];
            for i in 0..P {
                let mut u = [s.splat(0.0); P];
                for j in 0..P {
                    let at = (i * P + j) * points.point() + row * points.stride + lane;
                    for sum in sums {
                        u[j] = s.add(u[j], s.load(&sum[at..]));
                    }
                }
                q[i] = kernel_transposed(s, u);
            }
            for kx in 0..3 {
                let values = kernel_transposed(s, column(&q, kx));
                for ky in 0..3 {
                    s.store(&mut taps[ky * 3 + kx][row * outputs + start + lane..], values[ky]);
                }
            }
        }
    }
}
