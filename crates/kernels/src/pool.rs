//! Pooling: the maximum of a window, and the mean of a whole image.

use crate::Error;
use crate::nhwc::{MaxPool, average, average_gradient};
use crate::tensor_access::{nhwc, read, require_f32, tensor, values};
use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use std::sync::OnceLock;

const MAX: &str = "max_pool2d";
const MEAN: &str = "global_average_pool";

/// The maximum over `kernel` by `kernel` windows of `x` `[n, h, w, c]`, giving `[n, oh, ow, c]` where
/// `oh = (h + 2 * padding - kernel) / stride + 1`, rounded down, and `ow` likewise.
///
/// As in PyTorch: padding counts as minus infinity, NaN wins, and the gradient goes to the first of equal
/// maxima in reading order.
///
/// # Errors
/// [`Error::Value`] if kernel or stride is zero, the kernel is above 15, the padding is more than half of the kernel (windows of
/// nothing but padding would result), or the kernel does not fit; [`Error::Shape`] and [`Error::Storage`] as
/// elsewhere.
pub fn max_pool2d(x: &Tensor, kernel: usize, stride: usize, padding: usize) -> Result<Tensor> {
    require_f32(MAX, "the input", x)?;
    let pool = MaxPool::new(nhwc(MAX, x)?, kernel, stride, padding)?;
    x.contiguous()?.apply_op1(Max { pool, chosen: OnceLock::new() })
}

struct Max {
    pool: MaxPool,
    /// Which value of its window each output is. Set by the forward pass.
    chosen: OnceLock<Vec<u8>>,
}

impl CustomOp1 for Max {
    fn name(&self) -> &'static str {
        MAX
    }

    fn cpu_fwd(&self, x: &CpuStorage, xl: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = values(MAX, "the input", x, xl)?;
        let shape = Shape::from_dims(&self.pool.output_shape());
        let (mut y, mut chosen) = (vec![0f32; shape.elem_count()], vec![0u8; shape.elem_count()]);
        self.pool.forward(x, &mut y, &mut chosen);
        // A second forward pass of the same operation would choose the same.
        self.chosen.get_or_init(|| chosen);
        Ok((CpuStorage::F32(y), shape))
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        let Some(chosen) = self.chosen.get() else {
            let message = "the backward pass came before the forward pass".to_owned();
            return Err(Error::Value { operation: MAX, message }.into());
        };
        let dy = dy.contiguous()?;
        let mut dx = vec![0.0; x.elem_count()];
        self.pool.backward(chosen, &read(MAX, "the gradient", &dy)?, &mut dx);
        Ok(Some(tensor(dx, x.shape())?))
    }
}

/// The mean over all pixels of each image: `[n, h, w, c]` to `[n, c]`. Summed in `f64`.
///
/// # Errors
/// [`Error::Shape`] or [`Error::Storage`] if `x` is not an `f32` activation on the CPU.
pub fn global_average_pool(x: &Tensor) -> Result<Tensor> {
    require_f32(MEAN, "the input", x)?;
    let [_, height, width, channels] = nhwc(MEAN, x)?;
    x.contiguous()?.apply_op1(Mean { pixels: height * width, channels })
}

struct Mean {
    pixels: usize,
    channels: usize,
}

impl CustomOp1 for Mean {
    fn name(&self) -> &'static str {
        MEAN
    }

    fn cpu_fwd(&self, x: &CpuStorage, xl: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = values(MEAN, "the input", x, xl)?;
        let image = self.pixels * self.channels;
        let images = x.len() / image;
        let mut y = vec![0.0; images * self.channels];
        average(x, self.pixels, self.channels, &mut y);
        Ok((CpuStorage::F32(y), Shape::from((images, self.channels))))
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        let dy = dy.contiguous()?;
        let dy = read(MEAN, "the gradient", &dy)?;
        let mut dx = vec![0.0; x.elem_count()];
        average_gradient(&dy, self.pixels, self.channels, &mut dx);
        Ok(Some(tensor(dx, x.shape())?))
    }
}
