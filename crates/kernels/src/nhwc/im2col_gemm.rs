//! Convolutions in `f32` as GEMMs: products of the column matrix (im2col), which is made a piece at a time and stays in
//! the cache, with the weights. 1×1 convolutions at stride 1 need no copy.

use super::conv_input::ConvInput;
use super::epilogue::Epilogue;
use super::geometry::Geometry;
use super::im2col::{col2im, im2col, im2col_tap};
use crate::cut::cut;
use crate::matrix::{Matrix, product};
use crate::packed::PackedMatrix;
use crate::scratch::Scratch;
use crate::simd::{Level, Simd, Work};
use rayon::prelude::*;
use std::ops::Range;

/// Pieces of work that there should be at least.
const PIECES: usize = 8;

/// A right factor that pieces of the left are multiplied with: packed for our microkernel where its columns fill whole
/// panels, else as it is, for the `gemm` crate.
enum Factor<'a> {
    Packed(PackedMatrix),
    Plain(Matrix<'a>),
}

impl<'a> Factor<'a> {
    fn new(level: Level, matrix: Matrix<'a>) -> Self {
        PackedMatrix::new(level, matrix).map_or(Self::Plain(matrix), Self::Packed)
    }

    /// Writes, or adds if `accumulate`, the product of some rows with it.
    fn multiply(&self, rows: &[f32], accumulate: bool, result: &mut [f32]) {
        match self {
            Self::Packed(packed) => packed.multiply(rows, accumulate, result),
            Self::Plain(matrix) => {
                let (depth, _) = matrix.shape();
                product(accumulate, result, Matrix::new(rows, rows.len() / depth, depth), *matrix);
            }
        }
    }
}

/// Writes the convolution of `x` with `weight` to `y`.
pub(super) fn forward(
    level: Level,
    g: &Geometry,
    x: ConvInput<'_, f32>,
    weight: &[f32],
    epilogue: Epilogue<'_, f32>,
    y: &mut [f32],
) {
    let weight = Matrix::new(weight, g.depth(), g.outputs);
    convolve(level, g, &x.all_as_f32(), weight, false, epilogue, y);
}

/// Writes the input gradient, or adds it if `accumulate`: at stride 1 as the convolution of the output's gradient with
/// the mirrored weight, else by col2im.
pub(super) fn input_gradient(
    level: Level,
    g: &Geometry,
    weight: &[f32],
    dy: &[f32],
    accumulate: bool,
    dx: &mut [f32],
) {
    let nothing = Epilogue::default();
    let Some(mirror) = g.mirrored() else {
        return input_gradient_by_col2im(level, g, weight, dy, accumulate, dx);
    };
    if g.is_pointwise() {
        let weight = Matrix::new(weight, g.inputs, g.outputs).transposed();
        return convolve(level, &mirror, dy, weight, accumulate, nothing, dx);
    }
    let mut mirrored = Scratch::new(weight.len());
    mirror_weight(g, weight, &mut mirrored);
    let weight = Matrix::new(&mirrored, mirror.depth(), mirror.outputs);
    convolve(level, &mirror, dy, weight, accumulate, nothing, dx);
}

/// Writes, or adds if `accumulate`, the convolution of `x` with `weight`, a matrix of the values under the kernel by
/// the outputs, a piece of the output rows at a time.
fn convolve(
    level: Level,
    g: &Geometry,
    x: &[f32],
    weight: Matrix<'_>,
    accumulate: bool,
    epilogue: Epilogue<'_, f32>,
    y: &mut [f32],
) {
    let chunk = row_chunk(g.rows(), g.depth());
    let weight = Factor::new(level, weight);
    y.par_chunks_mut(chunk * g.outputs).enumerate().for_each(|(index, y)| {
        let start = index * chunk;
        let rows = start..start + y.len() / g.outputs;
        if g.is_pointwise() {
            let x = &x[rows.start * g.inputs..rows.end * g.inputs];
            weight.multiply(x, accumulate, y);
        } else {
            let columns = &mut *Scratch::new(rows.len() * g.depth());
            im2col(g, x, rows.clone(), columns);
            weight.multiply(columns, accumulate, y);
        }
        level.run(Finish { epilogue: &epilogue, start: start * g.outputs, y });
    });
}

/// Applies the epilogue to a piece of the output.
struct Finish<'a> {
    epilogue: &'a Epilogue<'a, f32>,
    start: usize,
    y: &'a mut [f32],
}

impl Work for Finish<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        self.epilogue.apply(self.start, self.y);
    }
}

/// How many rows of a column matrix with `depth` columns to handle at a time: few enough for the scratch
/// space to stay in the cache and for several threads to find work, enough for reading the weights to pay.
/// Depends on the shape alone.
fn row_chunk(rows: usize, depth: usize) -> usize {
    const SCRATCH: usize = 1 << 18;
    let cached = (SCRATCH / depth).clamp(128, 4096);
    let shared = rows.div_ceil(PIECES).max(32);
    // Pieces of equal size, so that no thread is left waiting for a last large one.
    let pieces = rows.div_ceil(cached.min(shared));
    rows.div_ceil(pieces)
}

/// Writes the input gradient for any stride, or adds it if `accumulate`: the gradient of the column matrix,
/// scattered back into the images (col2im). Each piece of work is a group of whole images or, of few images, a band of rows, so
/// that no two threads add to the same pixel.
fn input_gradient_by_col2im(
    level: Level,
    g: &Geometry,
    w: &[f32],
    dy: &[f32],
    accumulate: bool,
    dx: &mut [f32],
) {
    let weight = Factor::new(level, Matrix::new(w, g.depth(), g.outputs).transposed());
    let chunk = row_chunk(g.rows(), g.depth());
    let size = if g.images < PIECES {
        // Windows that reach over the edge of a band are computed on both sides of it.
        (g.images * g.height).div_ceil(PIECES).max(2 * g.kernel_height)
    } else {
        chunk.div_ceil(g.rows_per_image()).min(g.images.div_ceil(PIECES)) * g.height
    };
    let row = g.width * g.inputs;
    dx.par_chunks_mut(size * row).enumerate().for_each(|(index, dx)| {
        if !accumulate {
            dx.fill(0.0);
        }
        let first = index * size;
        for rows in pieces(g.covering(first..first + dx.len() / row), chunk) {
            let columns = &mut *Scratch::new(rows.len() * g.depth());
            weight.multiply(&dy[rows.start * g.outputs..rows.end * g.outputs], false, columns);
            col2im(g, columns, rows.clone(), first, dx);
        }
    });
}

fn pieces(range: Range<usize>, chunk: usize) -> impl Iterator<Item = Range<usize>> {
    range.clone().step_by(chunk).map(move |start| start..(start + chunk).min(range.end))
}

/// Writes the gradient of the weight, `[kh, kw, c_in, c_out]`, from the gradient `dy` of the output.
pub(super) fn weight_gradient(g: &Geometry, x: ConvInput<'_, f32>, dy: &[f32], dw: &mut [f32]) {
    const SMALL: usize = 1 << 18;
    const MANY_ROWS: usize = 2048;
    if g.depth() * g.outputs <= SMALL && g.rows() >= MANY_ROWS {
        weight_gradient_by_rows(g, &x.all_as_f32(), dy, dw);
    } else {
        weight_gradient_by_depth(g, &x.all_as_f32(), dy, dw);
    }
}

/// Adds up partial gradients, each over a fixed range of the output rows: for small weights and many rows.
fn weight_gradient_by_rows(g: &Geometry, x: &[f32], dy: &[f32], dw: &mut [f32]) {
    const PARTS: usize = 16;
    let (rows, depth) = (g.rows(), g.depth());
    let part = rows.div_ceil(PARTS);
    let chunk = row_chunk(rows, depth);
    let ranges: Vec<_> = pieces(0..rows, part).collect();
    let size = depth * g.outputs;
    let partial = &mut *Scratch::new(ranges.len() * size);
    partial.par_chunks_mut(size).zip(ranges).for_each(|(sum, range)| {
        let start = range.start;
        for rows in pieces(range, chunk) {
            let first = rows.start == start;
            let dy = Matrix::new(&dy[rows.start * g.outputs..rows.end * g.outputs], rows.len(), g.outputs);
            if g.is_pointwise() {
                let x = &x[rows.start * depth..rows.end * depth];
                product(!first, sum, Matrix::new(x, rows.len(), depth).transposed(), dy);
            } else {
                let columns = &mut *Scratch::new(rows.len() * depth);
                im2col(g, x, rows.clone(), columns);
                product(!first, sum, Matrix::new(columns, rows.len(), depth).transposed(), dy);
            }
        }
    });
    sum_in_order(partial, dw);
}

fn sum_in_order(partial: &[f32], sum: &mut [f32]) {
    const CHUNK: usize = 1 << 12;
    let size = sum.len();
    sum.par_chunks_mut(CHUNK).enumerate().for_each(|(index, sum)| {
        for (part, values) in partial.chunks_exact(size).enumerate() {
            for (sum, value) in sum.iter_mut().zip(&values[index * CHUNK..]) {
                *sum = if part == 0 { *value } else { *sum + value };
            }
        }
    });
}

/// Computes disjoint blocks of the gradient, each a tap and a range of input channels, over all output rows:
/// for large weights, where partial sums would cost too much memory.
fn weight_gradient_by_depth(g: &Geometry, x: &[f32], dy: &[f32], dw: &mut [f32]) {
    const CHANNELS: usize = 128;
    const ROWS: usize = 1024;
    blocks(g, CHANNELS, dw).into_par_iter().for_each(|((tap, channels), sum)| {
        for rows in pieces(0..g.rows(), ROWS) {
            let add = rows.start > 0;
            let dy = Matrix::new(&dy[rows.start * g.outputs..rows.end * g.outputs], rows.len(), g.outputs);
            if g.is_pointwise() {
                let x = &x[rows.start * g.inputs + channels.start..rows.end * g.inputs];
                let x = Matrix::strided(x, rows.len(), channels.len(), g.inputs);
                product(add, sum, x.transposed(), dy);
            } else {
                let columns = &mut *Scratch::new(rows.len() * channels.len());
                im2col_tap(g, x, tap, channels.clone(), rows.clone(), columns);
                product(add, sum, Matrix::new(columns, rows.len(), channels.len()).transposed(), dy);
            }
        }
    });
}

/// A tap, some input channels, and the values of a weight gradient that belong to them.
type Block<'a> = ((usize, Range<usize>), &'a mut [f32]);

/// Cuts a weight gradient into blocks of at most `limit` input channels.
fn blocks<'a>(g: &Geometry, limit: usize, dw: &'a mut [f32]) -> Vec<Block<'a>> {
    let of_tap = |tap| pieces(0..g.inputs, limit).map(move |channels| (tap, channels));
    let blocks: Vec<_> = (0..g.taps()).flat_map(of_tap).collect();
    let values = cut(dw, blocks.iter().map(|(_, channels)| channels.len() * g.outputs));
    blocks.into_iter().zip(values).collect()
}

/// The weight for the mirrored convolution: `[kh, kw, c_out, c_in]`, taps in reverse order.
fn mirror_weight(g: &Geometry, weight: &[f32], to: &mut [f32]) {
    const BLOCK: usize = 16;
    let (inputs, outputs) = (g.inputs, g.outputs);
    let taps = to.par_chunks_mut(inputs * outputs).zip(weight.par_chunks(inputs * outputs).rev());
    taps.for_each(|(to, from)| {
        to.par_chunks_mut(BLOCK * inputs).enumerate().for_each(|(block, to)| {
            // In squares that stay in the cache.
            for start in (0..inputs).step_by(BLOCK) {
                let end = (start + BLOCK).min(inputs);
                for (row, to) in to.chunks_exact_mut(inputs).enumerate() {
                    let output = block * BLOCK + row;
                    for (to, input) in to[start..end].iter_mut().zip(start..) {
                        *to = from[input * outputs + output];
                    }
                }
            }
        });
    });
}
