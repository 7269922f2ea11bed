//! Pooling: the maximum of a window, and the mean of a whole image.

use crate::Error;
use crate::output::{by_rows, each_row, written};
use crate::tensor_access::{nhwc, read, require_f32, tensor, values};
use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use rayon::prelude::*;
use std::ops::Range;
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
/// [`Error::Value`] if kernel or stride is zero, the padding is more than half of the kernel (windows of
/// nothing but padding would result), or the kernel does not fit; [`Error::Shape`] and [`Error::Storage`] as
/// elsewhere.
pub fn max_pool2d(x: &Tensor, kernel: usize, stride: usize, padding: usize) -> Result<Tensor> {
    require_f32(MAX, "the input", x)?;
    let windows = Windows::new(nhwc(MAX, x)?, kernel, stride, padding)?;
    x.contiguous()?.apply_op1(MaxPool { windows, chosen: OnceLock::new() })
}

#[derive(Clone, Copy)]
struct Windows {
    images: usize,
    height: usize,
    width: usize,
    channels: usize,
    kernel: usize,
    stride: usize,
    padding: usize,
    out_height: usize,
    out_width: usize,
}

impl Windows {
    fn new(
        [images, height, width, channels]: [usize; 4],
        kernel: usize,
        stride: usize,
        padding: usize,
    ) -> Result<Self> {
        let refuse = |message: String| Err(Error::Value { operation: MAX, message }.into());
        if kernel == 0 || stride == 0 {
            return refuse(format!("kernel and stride must be at least 1, found {kernel} and {stride}"));
        }
        if padding > kernel / 2 {
            return refuse(format!(
                "the padding must be at most half of the kernel, found {padding} and {kernel}"
            ));
        }
        let size = height.min(width).saturating_add(2 * padding);
        if kernel > size || u32::try_from(height * width).is_err() {
            return refuse(format!(
                "a {kernel}x{kernel} window does not fit a {height}x{width} image padded by {padding}"
            ));
        }
        let out = |size: usize| (size + 2 * padding - kernel) / stride + 1;
        let (out_height, out_width) = (out(height), out(width));
        Ok(Self { images, height, width, channels, kernel, stride, padding, out_height, out_width })
    }

    /// The image rows (or columns) under the window at `out`.
    fn window(&self, out: usize, size: usize) -> Range<usize> {
        let start = out * self.stride;
        start.saturating_sub(self.padding)..(start + self.kernel).saturating_sub(self.padding).min(size)
    }

    /// The output rows (or columns) whose window holds image row (or column) `at`.
    fn covering(&self, at: usize, out_size: usize) -> Range<usize> {
        let at = at + self.padding;
        let first = (at + 1).saturating_sub(self.kernel).div_ceil(self.stride);
        first..(at / self.stride + 1).min(out_size).max(first)
    }
}

struct MaxPool {
    windows: Windows,
    /// For each output value, where in its image the maximum lies (row * width + column). Set by the forward
    /// pass.
    chosen: OnceLock<Vec<u32>>,
}

impl MaxPool {
    /// Fills one row of output pixels.
    fn pool_row(&self, x: &[f32], out_row: usize, y: &mut [f32], chosen: &mut [u32]) {
        let w = &self.windows;
        let image = &x[out_row / w.out_height * w.height * w.width * w.channels..];
        let rows = w.window(out_row % w.out_height, w.height);
        let pixels = y.chunks_exact_mut(w.channels).zip(chosen.chunks_exact_mut(w.channels));
        for (ox, (y, chosen)) in pixels.enumerate() {
            y.fill(f32::NEG_INFINITY);
            let columns = w.window(ox, w.width);
            chosen.fill((rows.start * w.width + columns.start) as u32);
            for iy in rows.clone() {
                for ix in columns.clone() {
                    let at = iy * w.width + ix;
                    let values = &image[at * w.channels..][..w.channels];
                    for ((best, chosen), &value) in y.iter_mut().zip(chosen.iter_mut()).zip(values) {
                        let better = value > *best || value.is_nan();
                        *best = if better { value } else { *best };
                        *chosen = if better { at as u32 } else { *chosen };
                    }
                }
            }
        }
    }

    /// The gradient of the input. Gathered: each input pixel looks at the windows it lies in, so that pixels
    /// are independent.
    fn gradient(&self, chosen: &[u32], dy: &[f32]) -> Vec<f32> {
        let w = &self.windows;
        let c = w.channels;
        by_rows(w.images * w.height, w.width * c, 4, |rows, part| {
            each_row(part, w.width * c, |row, slots| {
                let (image, iy) = ((rows.start + row) / w.height, (rows.start + row) % w.height);
                let dx = crate::output::zeroed(slots);
                for (ix, dx) in dx.chunks_exact_mut(c).enumerate() {
                    let at = (iy * w.width + ix) as u32;
                    for oy in w.covering(iy, w.out_height) {
                        for ox in w.covering(ix, w.out_width) {
                            let from = ((image * w.out_height + oy) * w.out_width + ox) * c;
                            let gradients = chosen[from..from + c].iter().zip(&dy[from..from + c]);
                            for (dx, (&chosen, &dy)) in dx.iter_mut().zip(gradients) {
                                *dx += if chosen == at { dy } else { 0.0 };
                            }
                        }
                    }
                }
                dx
            })
        })
    }
}

impl CustomOp1 for MaxPool {
    fn name(&self) -> &'static str {
        MAX
    }

    fn cpu_fwd(&self, x: &CpuStorage, xl: &Layout) -> Result<(CpuStorage, Shape)> {
        let w = &self.windows;
        let x = values(MAX, "the input", x, xl)?;
        let row = w.out_width * w.channels;
        let mut y = vec![0f32; w.images * w.out_height * row];
        let mut chosen = vec![0u32; y.len()];
        y.par_chunks_mut(row)
            .zip(chosen.par_chunks_mut(row))
            .enumerate()
            .for_each(|(out_row, (y, chosen))| self.pool_row(x, out_row, y, chosen));
        // A second forward pass of the same operation would choose the same.
        self.chosen.get_or_init(|| chosen);
        Ok((CpuStorage::F32(y), Shape::from((w.images, w.out_height, w.out_width, w.channels))))
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        let Some(chosen) = self.chosen.get() else {
            let message = "the backward pass came before the forward pass".to_owned();
            return Err(Error::Value { operation: MAX, message }.into());
        };
        let dy = dy.contiguous()?;
        let dx = self.gradient(chosen, &read(MAX, "the gradient", &dy)?);
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
        let y = by_rows(images, self.channels, 1, |rows, part| {
            let mut sums = vec![0f64; self.channels];
            for pixel in x[rows.start * image..rows.end * image].chunks_exact(self.channels) {
                for (sum, &value) in sums.iter_mut().zip(pixel) {
                    *sum += f64::from(value);
                }
            }
            written(part, sums.iter().map(|sum| (sum / self.pixels as f64) as f32))
        });
        Ok((CpuStorage::F32(y), Shape::from((images, self.channels))))
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        let dy = dy.contiguous()?;
        let dy = read(MEAN, "the gradient", &dy)?;
        let share = 1.0 / self.pixels as f32;
        let dx = by_rows(x.elem_count() / self.channels, self.channels, self.pixels, |rows, part| {
            let dy = &dy[rows.start / self.pixels * self.channels..][..self.channels];
            each_row(part, self.channels, |_, slots| written(slots, dy.iter().map(|dy| dy * share)))
        });
        Ok(Some(tensor(dx, x.shape())?))
    }
}
