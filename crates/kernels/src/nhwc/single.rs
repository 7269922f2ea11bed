//! Convolutions in `f32`: by Winograd's algorithm where that pays, else as matrix products.

use super::convolution::{Convolution, Epilogue, keep_nan_max};
use super::direct;
use super::element::Source;
use super::im2col::Geometry;
use super::winograd::{self, Layer};
use crate::matrix::Matrix;
use crate::scratch::Scratch;
use rayon::prelude::*;

/// Writes the convolution of `x` with `weight` to `y`.
pub(super) fn forward(
    convolution: &Convolution,
    x: Source<'_, f32>,
    weight: &[f32],
    epilogue: Epilogue<'_, f32>,
    y: &mut [f32],
) {
    let (g, level) = (&convolution.geometry, convolution.level);
    match convolution.winograd {
        Some(layer) => winograd::convolve(level, layer, x, weight, false, false, epilogue, y),
        None => {
            let weight = Matrix::new(weight, g.depth(), g.outputs);
            direct::forward(level, g, &x.all_as_f32(), weight, false, epilogue, y);
        }
    }
}

/// Writes the gradient of the input to `dx`, or adds it if `accumulate`.
pub(super) fn input_gradient(
    convolution: &Convolution,
    weight: &[f32],
    dy: &[f32],
    accumulate: bool,
    dx: &mut [f32],
) {
    let (g, level, nothing) = (&convolution.geometry, convolution.level, Epilogue::default());
    let Some(mirror) = g.mirrored() else {
        return direct::input_gradient(level, g, weight, dy, accumulate, dx);
    };
    if let Some(layer) = Layer::of(&mirror, level) {
        return winograd::convolve(level, layer, Source::plain(dy), weight, true, accumulate, nothing, dx);
    }
    if g.is_pointwise() {
        let weight = Matrix::new(weight, g.inputs, g.outputs).transposed();
        return direct::forward(level, &mirror, dy, weight, accumulate, nothing, dx);
    }
    let mut mirrored = Scratch::new(weight.len());
    mirror_weight(g, weight, &mut mirrored);
    let weight = Matrix::new(&mirrored, mirror.depth(), mirror.outputs);
    direct::forward(level, &mirror, dy, weight, accumulate, nothing, dx);
}

/// Writes the gradient of the weight to `dw`.
pub(super) fn weight_gradient(convolution: &Convolution, x: Source<'_, f32>, dy: &[f32], dw: &mut [f32]) {
    match convolution.winograd {
        Some(layer) => winograd::weight_gradient(convolution.level, layer, x, dy, dw),
        None => direct::weight_gradient(&convolution.geometry, &x.all_as_f32(), dy, dw),
    }
}

impl Epilogue<'_, f32> {
    /// Finishes `y`, whose first value is number `start` of the whole output and belongs to the first channel. Inlined, so
    /// that it is compiled for the vectors of the function around it.
    #[inline(always)]
    pub(super) fn apply(&self, start: usize, y: &mut [f32]) {
        if let Some((scale, shift)) = self.affine {
            for row in y.chunks_exact_mut(scale.len()) {
                for ((y, scale), shift) in row.iter_mut().zip(scale).zip(shift) {
                    *y = *y * scale + shift;
                }
            }
        }
        if let Some(add) = self.add {
            for (y, add) in y.iter_mut().zip(&add[start..]) {
                *y += add;
            }
        }
        if self.relu {
            for y in y {
                *y = keep_nan_max(*y, 0.0);
            }
        }
    }
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
