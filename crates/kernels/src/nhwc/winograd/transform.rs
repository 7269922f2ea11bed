//! The transforms of tiles, kernels and their gradients, by the `formulas` in one dimension.
//!
//! In the notation of Lavin and Gray: the input's `Bᵀ d B`, the kernel's `G g Gᵀ`, the output's `Aᵀ m A`, and for
//! the gradient of the kernel the transposed ones, `A dy Aᵀ` and `Gᵀ u G`. A point of the transformed domain is
//! numbered `row * P + column`; `P` is the tile size plus two.

// Indices say more than iterators here: they are those of the formulas. And a vector in an iterator's hands may
// be compiled without the vector's instructions.
#![allow(clippy::needless_range_loop)]

use super::formulas::{column, input, kernel, kernel_transposed, output, output_transposed};
use super::tiling::Tiling;
use crate::simd::Simd;
use std::ops::Range;

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

    /// Sees to it that `rows` rows of whole vectors lie inside of a buffer of `len` values, in each point.
    #[inline(always)]
    fn check<S: Simd>(&self, rows: usize, points: usize, len: usize) {
        assert!(self.channels.is_multiple_of(S::LANES) && self.channels <= MAX_CHANNELS, "whole vectors");
        assert!(rows <= self.rows && self.channels <= self.stride, "room for all rows");
        assert!(self.values(points) <= len, "room for all points");
    }

    /// The distance from one point to the next.
    pub(super) fn point(&self) -> usize {
        self.rows * self.stride + APART
    }
}

/// What lies outside of the images, for as many channels as a layer may have.
static ZEROS: [f32; MAX_CHANNELS] = [0.0; MAX_CHANNELS];

/// The most channels of a layer.
pub(super) const MAX_CHANNELS: usize = 1 << 13;

/// Where the `N`×`N` pixels of a window begin, whose top left one is at `(top, left)` of an image that starts at
/// `first` in `x`; zeros for those outside of the image. All can be read for `channels` values.
#[inline(always)]
fn window<const N: usize>(
    tiling: &Tiling,
    x: &[f32],
    first: usize,
    (top, left): (isize, isize),
    channels: usize,
) -> [[*const f32; N]; N] {
    let mut pixels = [[ZEROS.as_ptr(); N]; N];
    for i in 0..N {
        let row = top + i as isize;
        for j in 0..N {
            let column = left + j as isize;
            let inside = row >= 0 && row < tiling.height as isize;
            if inside && column >= 0 && column < tiling.width as isize {
                let pixel = row as usize * tiling.width + column as usize;
                pixels[i][j] = x[first + pixel * channels..][..channels].as_ptr();
            }
        }
    }
    pixels
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
    points.check::<S>(bands.len() * tiling.columns, P * P, to.len());
    let image_len = tiling.height * tiling.width * c;
    let point = points.point();
    for (tile, (image, top, left)) in tiles(tiling, bands).enumerate() {
        let corner = (top as isize - 1, left as isize - 1);
        let pixels: [[*const f32; P]; P] = window(tiling, x, image * image_len, corner, c);
        // SAFETY: by `check`, channels come in whole vectors and every row of every point lies inside of `to`.
        unsafe {
            let to = to.as_mut_ptr().add(tile * points.stride);
            for channel in (0..c).step_by(S::LANES) {
                let mut d = [[s.splat(0.0); P]; P];
                for i in 0..P {
                    for j in 0..P {
                        d[i][j] = s.load(pixels[i][j].add(channel));
                    }
                    d[i] = input(s, d[i]);
                }
                let to = to.add(channel);
                for j in 0..P {
                    let values = input(s, column(&d, j));
                    for i in 0..P {
                        s.store(to.add((i * P + j) * point), values[i]);
                    }
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

/// Writes the output pixels of `bands` to `y`, or adds them if `accumulate`; `y` starts with their first row of
/// pixels. `from` gives the products from a first channel on, for [`Points`] whose channels it lies in.
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
    assert!(outputs.is_multiple_of(S::LANES), "whole vectors");
    let first = tiling.pixel_row(bands.start);
    let row_len = tiling.width * outputs;
    assert_eq!(y.len(), (tiling.pixel_row(bands.end) - first) * row_len, "the pixels of the bands");
    for channel in (0..outputs).step_by(S::LANES) {
        let (products, points) = from(channel);
        let point = points.point();
        let last = (bands.len() * tiling.columns).saturating_sub(1) * points.stride;
        assert!(products.len() >= (P * P - 1) * point + last + S::LANES, "the products of all tiles");
        for (tile, (image, top, left)) in tiles(tiling, bands.clone()).enumerate() {
            let rows = (tiling.height - top).min(M);
            let columns = (tiling.width - left).min(M);
            let row = image * tiling.height + top - first;
            // SAFETY: the products were checked for the last tile. The pixels lie inside of the image, by `rows`
            // and `columns`, and so inside of `y`, which holds all rows of pixels of the bands.
            unsafe {
                let products = products.as_ptr().add(tile * points.stride);
                let mut q = [[s.splat(0.0); M]; P];
                for i in 0..P {
                    let mut m = [s.splat(0.0); P];
                    for j in 0..P {
                        m[j] = s.load(products.add((i * P + j) * point));
                    }
                    q[i] = output(s, m);
                }
                let y = y.as_mut_ptr().add(row * row_len + left * outputs + channel);
                for j in 0..M {
                    let values: [S::V; M] = output(s, column(&q, j));
                    for i in 0..M {
                        if i < rows && j < columns {
                            let y = y.add(i * row_len + j * outputs);
                            let value = if accumulate { s.add(s.load(y), values[i]) } else { values[i] };
                            s.store(y, value);
                        }
                    }
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
    points.check::<S>(bands.len() * tiling.columns, P * P, to.len());
    let image_len = tiling.height * tiling.width * c;
    let point = points.point();
    for (tile, (image, top, left)) in tiles(tiling, bands).enumerate() {
        let corner = (top as isize, left as isize);
        let pixels: [[*const f32; M]; M] = window(tiling, dy, image * image_len, corner, c);
        // SAFETY: by `check`, channels come in whole vectors and every row of every point lies inside of `to`.
        unsafe {
            let to = to.as_mut_ptr().add(tile * points.stride);
            for channel in (0..c).step_by(S::LANES) {
                let mut q = [[s.splat(0.0); P]; M];
                for i in 0..M {
                    let mut d = [s.splat(0.0); M];
                    for j in 0..M {
                        d[j] = s.load(pixels[i][j].add(channel));
                    }
                    q[i] = output_transposed(s, d);
                }
                let to = to.add(channel);
                for j in 0..P {
                    let values: [S::V; P] = output_transposed(s, column(&q, j));
                    for i in 0..P {
                        s.store(to.add((i * P + j) * point), values[i]);
                    }
                }
            }
        }
    }
}

/// The kernels of a layer with so many inputs and outputs.
#[derive(Clone, Copy)]
pub(super) struct Kernel<'a> {
    /// `[3, 3, inputs, outputs]`, or, if mirrored, `[3, 3, outputs, inputs]` with the taps in reverse order.
    pub(super) values: &'a [f32],
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) mirrored: bool,
}

/// Input channels of a mirrored kernel that are turned around together.
const TURNED: usize = 16;
/// No level has more lanes.
const MAX_LANES: usize = 16;

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
    let point = count * width + APART;
    assert!(width.is_multiple_of(panel) && start + width <= weight.outputs, "whole panels");
    assert!(inputs.end <= weight.inputs && 9 * tap <= weight.values.len(), "the whole kernel");
    assert!(P * P * point <= to.len(), "room for all points");
    let mut turned = [0f32; 9 * TURNED * MAX_LANES];
    for lane in (0..width).step_by(S::LANES) {
        let output = start + lane;
        for first in (0..count).step_by(TURNED) {
            let block = (count - first).min(TURNED);
            if weight.mirrored {
                turn::<S>(&weight, inputs.start + first, block, output, &mut turned);
            }
            for index in first..first + block {
                // SAFETY: the input and the outputs lie inside of each tap's matrix, or of the turned block;
                // `index` is below `count` and `lane` below `width`, so that each point's values lie inside of
                // it, and all points inside of `to`.
                unsafe {
                    let (from, tap) = if weight.mirrored {
                        (turned.as_ptr().add((index - first) * S::LANES), TURNED * S::LANES)
                    } else {
                        let input = inputs.start + index;
                        (weight.values.as_ptr().add(input * weight.outputs + output), tap)
                    };
                    let mut q = [[s.splat(0.0); P]; 3];
                    for ky in 0..3 {
                        let mut g = [s.splat(0.0); 3];
                        for kx in 0..3 {
                            g[kx] = s.load(from.add((ky * 3 + kx) * tap));
                        }
                        q[ky] = kernel(s, g);
                    }
                    let at = lane / panel * count * panel + index * panel + lane % panel;
                    let to = to.as_mut_ptr().add(at);
                    for j in 0..P {
                        let values: [S::V; P] = kernel(s, column(&q, j));
                        for i in 0..P {
                            s.store(to.add((i * P + j) * point), values[i]);
                        }
                    }
                }
            }
        }
    }
}

/// Turns a block of a mirrored kernel around: for each tap and each of `count` inputs from `input` on, a vector of
/// outputs from `output` on.
#[inline(always)]
fn turn<S: Simd>(
    weight: &Kernel<'_>,
    input: usize,
    count: usize,
    output: usize,
    to: &mut [f32; 9 * TURNED * MAX_LANES],
) {
    let tap = weight.inputs * weight.outputs;
    for (number, to) in to.chunks_exact_mut(TURNED * S::LANES).take(9).enumerate() {
        for lane in 0..S::LANES {
            let from = (8 - number) * tap + (output + lane) * weight.inputs + input;
            for (index, value) in weight.values[from..from + count].iter().enumerate() {
                to[index * S::LANES + lane] = *value;
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
    let point = points.point();
    points.check::<S>(rows, 1, point);
    for sum in sums {
        assert!((P * P - 1) * point + rows * points.stride <= sum.len(), "sums of all points");
    }
    for tap in taps.iter() {
        assert!((rows.max(1) - 1) * outputs + start + points.channels <= tap.len(), "room for all rows");
    }
    for row in 0..rows {
        for lane in (0..points.channels).step_by(S::LANES) {
            let at = row * points.stride + lane;
            // SAFETY: the row and the lanes lie inside of each point of each sum, and of each tap's rows.
            unsafe {
                let mut q = [[s.splat(0.0); 3]; P];
                for i in 0..P {
                    let mut u = [s.splat(0.0); P];
                    for sum in sums {
                        let sum = sum.as_ptr().add(at);
                        for j in 0..P {
                            u[j] = s.add(u[j], s.load(sum.add((i * P + j) * point)));
                        }
                    }
                    q[i] = kernel_transposed(s, u);
                }
                for kx in 0..3 {
                    let values = kernel_transposed(s, column(&q, kx));
                    for ky in 0..3 {
                        let to = taps[ky * 3 + kx].as_mut_ptr().add(row * outputs + start + lane);
                        s.store(to, values[ky]);
                    }
                }
            }
        }
    }
}
