//! The two gradients of a convolution.

use crate::conv::{forward, row_chunk};
use crate::im2col::{Geometry, col2im, im2col, im2col_tap, with_scratch};
use crate::matrix::{Matrix, add_product, product, set_product};
use crate::output::{by_rows, each_row, written, zeroed};
use crate::simd::Level;
use crate::winograd::{self, Layer};
use rayon::prelude::*;
use std::ops::Range;

/// The gradient of the input, `[n, h, w, c_in]`, from the gradient `dy` of the output.
pub(crate) fn input_gradient(g: &Geometry, w: &[f32], dy: &[f32]) -> Vec<f32> {
    if g.is_pointwise() {
        let weight = Matrix::new(w, g.inputs, g.outputs).transposed();
        return by_rows(g.rows(), g.inputs, row_chunk(g.rows(), g.outputs), |rows, part| {
            let dy = &dy[rows.start * g.outputs..rows.end * g.outputs];
            product(part, Matrix::new(dy, rows.len(), g.outputs), weight)
        });
    }
    match mirrored(g) {
        Some(mirror) => forward(&mirror, dy, &mirrored_weight(g, w)),
        None => scattered(g, w, dy),
    }
}

/// The convolution of `dy` whose result is the input gradient of a convolution with stride 1: the same
/// kernel, rotated by half a turn and with its channels exchanged, and the complementary padding.
fn mirrored(g: &Geometry) -> Option<Geometry> {
    if g.stride != 1 || g.kernel_height != g.kernel_width {
        return None;
    }
    let padding = (g.kernel_height - 1).checked_sub(g.padding)?;
    Some(Geometry {
        height: g.out_height,
        width: g.out_width,
        inputs: g.outputs,
        outputs: g.inputs,
        padding,
        out_height: g.height,
        out_width: g.width,
        ..*g
    })
}

/// The weight for [`mirrored`]: `[kh, kw, c_out, c_in]`, taps in reverse order.
fn mirrored_weight(g: &Geometry, w: &[f32]) -> Vec<f32> {
    let (inputs, outputs) = (g.inputs, g.outputs);
    by_rows(g.taps() * outputs, inputs, outputs, |rows, part| {
        let tap = g.taps() - 1 - rows.start / outputs;
        let from = &w[tap * inputs * outputs..][..inputs * outputs];
        each_row(part, inputs, |output, row| written(row, from[output..].iter().step_by(outputs).copied()))
    })
}

/// The input gradient for any stride: the gradient of the column matrix, added back into the images. Each
/// piece of work is a group of whole images, so that no two threads add to the same pixel.
fn scattered(g: &Geometry, w: &[f32], dy: &[f32]) -> Vec<f32> {
    let weight = Matrix::new(w, g.depth(), g.outputs).transposed();
    let image = g.height * g.width * g.inputs;
    let chunk = row_chunk(g.rows(), g.depth());
    let group = chunk.div_ceil(g.rows_per_image()).min(g.images.div_ceil(8));
    by_rows(g.images, image, group, |images, part| {
        let dx = zeroed(part);
        let rows = images.start * g.rows_per_image()..images.end * g.rows_per_image();
        for rows in pieces(rows, chunk) {
            let dy = Matrix::new(&dy[rows.start * g.outputs..rows.end * g.outputs], rows.len(), g.outputs);
            with_scratch(rows.len() * g.depth(), |columns| {
                set_product(columns, dy, weight);
                col2im(g, columns, rows.clone(), images.start, dx);
            });
        }
        dx
    })
}

fn pieces(range: Range<usize>, chunk: usize) -> impl Iterator<Item = Range<usize>> {
    range.clone().step_by(chunk).map(move |start| start..(start + chunk).min(range.end))
}

/// The gradient of the weight, `[kh, kw, c_in, c_out]`, from the gradient `dy` of the output.
pub(crate) fn weight_gradient(g: &Geometry, x: &[f32], dy: &[f32]) -> Vec<f32> {
    let level = Level::best();
    if let Some((layer, method)) = Layer::of(g, level) {
        let mut dw = vec![0.0; g.depth() * g.outputs];
        winograd::weight_gradient(level, layer, method, x, dy, &mut dw);
        return dw;
    }
    const SMALL: usize = 1 << 18;
    const MANY_ROWS: usize = 2048;
    if g.depth() * g.outputs <= SMALL && g.rows() >= MANY_ROWS {
        weight_gradient_by_rows(g, x, dy)
    } else {
        weight_gradient_by_depth(g, x, dy)
    }
}

/// Adds up partial gradients, each over a fixed range of the output rows: for small weights and many rows.
fn weight_gradient_by_rows(g: &Geometry, x: &[f32], dy: &[f32]) -> Vec<f32> {
    const PARTS: usize = 16;
    let (rows, depth) = (g.rows(), g.depth());
    let part = rows.div_ceil(PARTS);
    let chunk = row_chunk(rows, depth);
    let ranges: Vec<_> = pieces(0..rows, part).collect();
    let partial: Vec<Vec<f32>> = ranges
        .into_par_iter()
        .map(|range| {
            let mut sum = vec![0.0; depth * g.outputs];
            for rows in pieces(range, chunk) {
                let dy =
                    Matrix::new(&dy[rows.start * g.outputs..rows.end * g.outputs], rows.len(), g.outputs);
                if g.is_pointwise() {
                    let x = &x[rows.start * depth..rows.end * depth];
                    add_product(&mut sum, Matrix::new(x, rows.len(), depth).transposed(), dy);
                } else {
                    with_scratch(rows.len() * depth, |columns| {
                        im2col(g, x, rows.clone(), columns);
                        add_product(&mut sum, Matrix::new(columns, rows.len(), depth).transposed(), dy);
                    });
                }
            }
            sum
        })
        .collect();
    sum_in_order(partial)
}

fn sum_in_order(partial: Vec<Vec<f32>>) -> Vec<f32> {
    const CHUNK: usize = 1 << 12;
    let mut partial = partial.into_iter();
    let mut sum = partial.next().unwrap_or_default();
    let rest: Vec<_> = partial.collect();
    sum.par_chunks_mut(CHUNK).enumerate().for_each(|(index, sum)| {
        for part in &rest {
            for (sum, value) in sum.iter_mut().zip(&part[index * CHUNK..]) {
                *sum += value;
            }
        }
    });
    sum
}

/// Computes disjoint blocks of the gradient, each a tap and a range of input channels, over all output rows:
/// for large weights, where partial sums would cost too much memory.
fn weight_gradient_by_depth(g: &Geometry, x: &[f32], dy: &[f32]) -> Vec<f32> {
    const CHANNELS: usize = 128;
    const ROWS: usize = 1024;
    let mut gradient = vec![0.0; g.depth() * g.outputs];
    blocks(g, CHANNELS, &mut gradient).into_par_iter().for_each(|(tap, channels, sum)| {
        for rows in pieces(0..g.rows(), ROWS) {
            let dy = Matrix::new(&dy[rows.start * g.outputs..rows.end * g.outputs], rows.len(), g.outputs);
            if g.is_pointwise() {
                let x = &x[rows.start * g.inputs + channels.start..rows.end * g.inputs];
                let x = Matrix::strided(x, rows.len(), channels.len(), g.inputs);
                add_product(sum, x.transposed(), dy);
            } else {
                with_scratch(rows.len() * channels.len(), |columns| {
                    im2col_tap(g, x, tap, channels.clone(), rows.clone(), columns);
                    add_product(sum, Matrix::new(columns, rows.len(), channels.len()).transposed(), dy);
                });
            }
        }
    });
    gradient
}

/// Cuts a weight gradient into (tap, at most `limit` input channels, the values that belong to them).
fn blocks<'a>(
    g: &Geometry,
    limit: usize,
    mut rest: &'a mut [f32],
) -> Vec<(usize, Range<usize>, &'a mut [f32])> {
    let mut blocks = Vec::new();
    for tap in 0..g.taps() {
        for channels in pieces(0..g.inputs, limit) {
            let (block, tail) = rest.split_at_mut(channels.len() * g.outputs);
            blocks.push((tap, channels, block));
            rest = tail;
        }
    }
    blocks
}
