//! Two-dimensional convolution: the operation and its forward pass.

use crate::conv_backward;
use crate::im2col::{Geometry, im2col, with_scratch};
use crate::matrix::{Matrix, product};
use crate::output::by_rows;
use crate::simd::Level;
use crate::tensor_access::{read, require_f32, tensor, values};
use crate::winograd::{self, Layer};
use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor};

const NAME: &str = "conv2d";

/// Convolves `x` `[n, h, w, c_in]` with `weight` `[kh, kw, c_in, c_out]`, giving `[n, oh, ow, c_out]` where
/// `oh = (h + 2 * padding - kh) / stride + 1`, rounded down, and `ow` likewise.
///
/// As everywhere in deep learning this is the cross-correlation: the kernel is not flipped. There is no bias
/// and no dilation. Padding is with zeros. In the backward pass the gradient of `x` is computed only if `x`
/// descends from a variable, so an image costs nothing.
///
/// # Errors
/// An [`Error`](crate::Error) if the sizes do not match, the kernel does not fit into the
/// padded image, the stride is zero, or a tensor is not `f32` on the CPU.
pub fn conv2d(x: &Tensor, weight: &Tensor, stride: usize, padding: usize) -> Result<Tensor> {
    require_f32(NAME, "the input", x)?;
    require_f32(NAME, "the weight", weight)?;
    Geometry::new(x.dims(), weight.dims(), stride, padding)?;
    x.contiguous()?.apply_op2(&weight.contiguous()?, Conv2d { stride, padding })
}

struct Conv2d {
    stride: usize,
    padding: usize,
}

impl Conv2d {
    fn geometry(&self, x: &[usize], weight: &[usize]) -> Result<Geometry> {
        Ok(Geometry::new(x, weight, self.stride, self.padding)?)
    }
}

impl CustomOp2 for Conv2d {
    fn name(&self) -> &'static str {
        NAME
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        xl: &Layout,
        w: &CpuStorage,
        wl: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let g = self.geometry(xl.dims(), wl.dims())?;
        let y = forward(&g, values(NAME, "the input", x, xl)?, values(NAME, "the weight", w, wl)?);
        Ok((CpuStorage::F32(y), Shape::from((g.images, g.out_height, g.out_width, g.outputs))))
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        _y: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let g = self.geometry(x.dims(), w.dims())?;
        let dy = dy.contiguous()?;
        let dy = read(NAME, "the gradient", &dy)?;
        let dx = if x.track_op() {
            let dx = conv_backward::input_gradient(&g, &read(NAME, "the weight", w)?, &dy);
            Some(tensor(dx, x.shape())?)
        } else {
            None
        };
        let dw = if w.track_op() {
            let dw = conv_backward::weight_gradient(&g, &read(NAME, "the input", x)?, &dy);
            Some(tensor(dw, w.shape())?)
        } else {
            None
        };
        Ok((dx, dw))
    }
}

/// The convolution of `x` with `w`, a piece of the output rows at a time.
pub(crate) fn forward(g: &Geometry, x: &[f32], w: &[f32]) -> Vec<f32> {
    let level = Level::best();
    if let Some((layer, method)) = Layer::of(g, level) {
        let mut y = vec![0.0; g.rows() * g.outputs];
        winograd::convolve(level, layer, method, x, w, &mut y);
        return y;
    }
    let weight = Matrix::new(w, g.depth(), g.outputs);
    by_rows(g.rows(), g.outputs, row_chunk(g.rows(), g.depth()), |rows, part| {
        if g.is_pointwise() {
            let x = &x[rows.start * g.inputs..rows.end * g.inputs];
            product(part, Matrix::new(x, rows.len(), g.inputs), weight)
        } else {
            with_scratch(rows.len() * g.depth(), |columns| {
                im2col(g, x, rows.clone(), columns);
                product(part, Matrix::new(columns, rows.len(), g.depth()), weight)
            })
        }
    })
}

/// How many rows of a column matrix with `depth` columns to handle at a time: few enough for the scratch
/// space to stay in the cache and for several threads to find work, enough for reading the weights to pay.
/// Depends on the shape alone.
pub(crate) fn row_chunk(rows: usize, depth: usize) -> usize {
    const SCRATCH: usize = 1 << 18;
    const PIECES: usize = 8;
    let cached = (SCRATCH / depth).clamp(128, 4096);
    let shared = rows.div_ceil(PIECES).max(32);
    // Pieces of equal size, so that no thread is left waiting for a last large one.
    let pieces = rows.div_ceil(cached.min(shared));
    rows.div_ceil(pieces)
}
