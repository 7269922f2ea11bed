//! Two-dimensional convolution and its gradients.

use super::direct;
use super::im2col::Geometry;
use super::winograd::{self, Layer, Method};
use crate::Error;
use crate::matrix::Matrix;
use crate::scratch::Scratch;
use crate::simd::Level;
use rayon::prelude::*;

/// A convolution of known shapes, ready to be computed.
#[derive(Clone, Copy, Debug)]
pub struct Convolution {
    geometry: Geometry,
    level: Level,
    /// How to compute it by Winograd's algorithm, where that pays.
    winograd: Option<(Layer, Method)>,
}

/// What is done to an output before it leaves the cache: `max(y * scale + shift + add, 0)`, each part if asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Epilogue<'a> {
    /// Scale and shift, one value per output channel each: a batch normalisation by known statistics.
    pub affine: Option<(&'a [f32], &'a [f32])>,
    /// As many values as the output has.
    pub add: Option<&'a [f32]>,
    /// Whether negative values become zero.
    pub relu: bool,
}

impl Convolution {
    /// The convolution of `x` `[n, h, w, c_in]` with `weight` `[kh, kw, c_in, c_out]`, giving `[n, oh, ow, c_out]`
    /// where `oh = (h + 2 * padding - kh) / stride + 1`, rounded down, and `ow` likewise. Zeros are padded.
    ///
    /// # Errors
    /// [`Error::Shape`] or [`Error::Value`] if these do not make a convolution.
    pub fn new(x: &[usize], weight: &[usize], stride: usize, padding: usize) -> Result<Self, Error> {
        let geometry = Geometry::new(x, weight, stride, padding)?;
        let level = Level::best();
        Ok(Self { geometry, level, winograd: Layer::of(&geometry, level) })
    }

    /// `[n, oh, ow, c_out]`.
    pub fn output_shape(&self) -> [usize; 4] {
        let g = &self.geometry;
        [g.images, g.out_height, g.out_width, g.outputs]
    }

    /// `[n, h, w, c_in]`.
    pub fn input_shape(&self) -> [usize; 4] {
        let g = &self.geometry;
        [g.images, g.height, g.width, g.inputs]
    }

    /// `[kh, kw, c_in, c_out]`.
    pub fn weight_shape(&self) -> [usize; 4] {
        let g = &self.geometry;
        [g.kernel_height, g.kernel_width, g.inputs, g.outputs]
    }

    /// Pixels from one window to the next.
    pub fn stride(&self) -> usize {
        self.geometry.stride
    }

    /// Multiplications and additions of the definition, counted one by one; each gradient has as many.
    pub fn operations(&self) -> u64 {
        let g = &self.geometry;
        2 * (g.rows() * g.outputs * g.depth()) as u64
    }

    fn check(&self, x: Option<usize>, weight: Option<usize>, y: Option<usize>) {
        let g = &self.geometry;
        let sizes = [g.images * g.height * g.width * g.inputs, g.depth() * g.outputs, g.rows() * g.outputs];
        for (what, (found, size)) in
            ["the input", "the weight", "the output"].iter().zip([x, weight, y].into_iter().zip(sizes))
        {
            assert!(found.is_none_or(|found| found == size), "{what} of {g:?} has {found:?} values");
        }
    }

    /// Writes the convolution of `x` with `weight` to `y`.
    pub fn forward(&self, x: &[f32], weight: &[f32], epilogue: Epilogue<'_>, y: &mut [f32]) {
        self.check(Some(x.len()), Some(weight.len()), Some(y.len()));
        match self.winograd {
            Some((layer, method)) => {
                winograd::convolve(self.level, layer, method, x, weight, false, false, epilogue, y);
            }
            None => {
                let g = &self.geometry;
                direct::forward(g, x, Matrix::new(weight, g.depth(), g.outputs), false, epilogue, y);
            }
        }
    }

    /// Writes the gradient of the input to `dx`, or adds it if `accumulate`, from the gradient `dy` of the output.
    pub fn input_gradient(&self, weight: &[f32], dy: &[f32], accumulate: bool, dx: &mut [f32]) {
        self.check(Some(dx.len()), Some(weight.len()), Some(dy.len()));
        let (g, nothing) = (&self.geometry, Epilogue::default());
        let Some(mirror) = g.mirrored() else {
            return direct::input_gradient(g, weight, dy, accumulate, dx);
        };
        if let Some((layer, method)) = Layer::of(&mirror, self.level) {
            return winograd::convolve(self.level, layer, method, dy, weight, true, accumulate, nothing, dx);
        }
        if g.is_pointwise() {
            let weight = Matrix::new(weight, g.inputs, g.outputs).transposed();
            return direct::forward(&mirror, dy, weight, accumulate, nothing, dx);
        }
        let mut mirrored = Scratch::new(weight.len());
        mirror_weight(g, weight, &mut mirrored);
        let weight = Matrix::new(&mirrored, mirror.depth(), mirror.outputs);
        direct::forward(&mirror, dy, weight, accumulate, nothing, dx);
    }

    /// Writes the gradient of the weight to `dw`, from the input and the gradient `dy` of the output.
    pub fn weight_gradient(&self, x: &[f32], dy: &[f32], dw: &mut [f32]) {
        self.check(Some(x.len()), Some(dw.len()), Some(dy.len()));
        match self.winograd {
            Some((layer, method)) => winograd::weight_gradient(self.level, layer, method, x, dy, dw),
            None => direct::weight_gradient(&self.geometry, x, dy, dw),
        }
    }
}

impl Epilogue<'_> {
    /// Finishes `y`, whose first value is number `start` of the whole output and belongs to the first channel.
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
            y.iter_mut().for_each(|y| *y = keep_nan_max(*y, 0.0));
        }
    }
}

/// `max(x, floor)`, but NaN stays NaN, so that a diverged network shows.
#[inline(always)]
pub(crate) fn keep_nan_max(x: f32, floor: f32) -> f32 {
    if x < floor { floor } else { x }
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
