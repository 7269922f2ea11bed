//! The fully connected (linear) layer, as a candle custom operation.

use crate::matrix::{Matrix, add_product, set_product};
use crate::tensor_access::{read, require_channels, require_f32, tensor, values, wrong_shape};
use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

const NAME: &str = "linear";

/// Rows of the input that one task takes on.
const ROWS: usize = 64;

/// `x weight^T + bias`, for `x` `[n, features]`, `weight` `[outputs, features]` as PyTorch stores it, and
/// `bias` `[outputs]`, giving `[n, outputs]`.
///
/// # Errors
/// [`Error::Shape`](crate::Error::Shape) or [`Error::Storage`](crate::Error::Storage) if the tensors do not
/// fit.
pub fn linear(x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor> {
    require_f32(NAME, "the input", x)?;
    require_f32(NAME, "the weight", weight)?;
    let [n, features] = *x.dims() else {
        return Err(wrong_shape(NAME, "the input", x, "[n, features]"));
    };
    let outputs = match *weight.dims() {
        [outputs, width] if outputs > 0 && width == features => outputs,
        _ => return Err(wrong_shape(NAME, "the weight", weight, format!("[outputs, {features}]"))),
    };
    if n == 0 || features == 0 {
        return Err(wrong_shape(NAME, "the input", x, "[n, features] without zeros"));
    }
    require_channels(NAME, "the bias", bias, outputs)?;
    x.contiguous()?.apply_op3(&weight.contiguous()?, &bias.contiguous()?, Linear { n, features, outputs })
}

struct Linear {
    n: usize,
    features: usize,
    outputs: usize,
}

impl CustomOp3 for Linear {
    fn name(&self) -> &'static str {
        NAME
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        xl: &Layout,
        weight: &CpuStorage,
        wl: &Layout,
        bias: &CpuStorage,
        bl: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let x = values(NAME, "the input", x, xl)?;
        let weight = values(NAME, "the weight", weight, wl)?;
        let bias = values(NAME, "the bias", bias, bl)?;
        let weight = Matrix::new(weight, self.outputs, self.features).transposed();
        let mut y = vec![0.0; self.n * self.outputs];
        let tasks = y.par_chunks_mut(ROWS * self.outputs).zip(x.par_chunks(ROWS * self.features));
        tasks.for_each(|(y, x)| {
            for y in y.chunks_exact_mut(self.outputs) {
                y.copy_from_slice(bias);
            }
            let rows = x.len() / self.features;
            add_product(y, Matrix::new(x, rows, self.features), weight);
        });
        Ok((CpuStorage::F32(y), Shape::from((self.n, self.outputs))))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        _y: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let dy = dy.contiguous()?;
        let dy = read(NAME, "the gradient", &dy)?;
        let dx = if x.track_op() {
            let weight = read(NAME, "the weight", weight)?;
            let weight = Matrix::new(&weight, self.outputs, self.features);
            let mut dx = vec![0.0; x.elem_count()];
            let tasks = dx.par_chunks_mut(ROWS * self.features).zip(dy.par_chunks(ROWS * self.outputs));
            tasks.for_each(|(dx, dy)| {
                set_product(dx, Matrix::new(dy, dy.len() / self.outputs, self.outputs), weight);
            });
            Some(tensor(dx, x.shape())?)
        } else {
            None
        };
        let dweight = if weight.track_op() {
            let x = read(NAME, "the input", x)?;
            let mut dweight = vec![0.0; self.outputs * self.features];
            let dy = Matrix::new(&dy, self.n, self.outputs).transposed();
            add_product(&mut dweight, dy, Matrix::new(&x, self.n, self.features));
            Some(tensor(dweight, weight.shape())?)
        } else {
            None
        };
        let dbias = if bias.track_op() {
            let mut sums = vec![0f64; self.outputs];
            for row in dy.chunks_exact(self.outputs) {
                for (sum, &value) in sums.iter_mut().zip(row) {
                    *sum += f64::from(value);
                }
            }
            Some(tensor(sums.iter().map(|&sum| sum as f32).collect(), bias.shape())?)
        } else {
            None
        };
        Ok((dx, dweight, dbias))
    }
}
