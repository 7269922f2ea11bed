//! Two-dimensional convolution, forward and backward.

use crate::nhwc::{Convolution, Epilogue, Source};
use crate::tensor_access::{read, require_f32, tensor, values};
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
    let convolution = Convolution::new(x.dims(), weight.dims(), stride, padding)?;
    x.contiguous()?.apply_op2(&weight.contiguous()?, Conv2d(convolution))
}

struct Conv2d(Convolution);

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
        let shape = Shape::from_dims(&self.0.output_shape());
        let mut y = vec![0.0; shape.elem_count()];
        let (x, w) = (values(NAME, "the input", x, xl)?, values(NAME, "the weight", w, wl)?);
        self.0.forward(Source::plain(x), w, Epilogue::default(), &mut y);
        Ok((CpuStorage::F32(y), shape))
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        _y: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let dy = dy.contiguous()?;
        let dy = read(NAME, "the gradient", &dy)?;
        let dx = if x.track_op() {
            let mut dx = vec![0.0; x.elem_count()];
            self.0.input_gradient(&read(NAME, "the weight", w)?, &dy, false, &mut dx);
            Some(tensor(dx, x.shape())?)
        } else {
            None
        };
        let dw = if w.track_op() {
            let mut dw = vec![0.0; w.elem_count()];
            self.0.weight_gradient(Source::plain(&read(NAME, "the input", x)?), &dy, &mut dw);
            Some(tensor(dw, w.shape())?)
        } else {
            None
        };
        Ok((dx, dw))
    }
}
