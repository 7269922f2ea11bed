//! Operations that take one value to one value: a scale and shift per channel, and the end of a residual
//! block.

use crate::nhwc::{self, Norm};
use crate::tensor_access::{nhwc, read, require_channels, require_f32, tensor, values, wrong_shape};
use candle_core::{CpuStorage, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

/// Values that one task takes on.
const PIECE: usize = 1 << 16;

/// `x * scale + shift` per channel of `x` `[n, h, w, c]`, and `max(., 0)` of that if `relu`; `scale` and
/// `shift` are `[c]`.
///
/// Batch normalisation in evaluation, or frozen, is this with `scale = gamma / sqrt(variance + eps)` and
/// `shift = beta - mean * scale`. Gradients flow to all three.
///
/// # Errors
/// [`Error::Shape`](crate::Error::Shape) or [`Error::Storage`](crate::Error::Storage) if the tensors do not
/// fit.
pub fn affine_relu(x: &Tensor, scale: &Tensor, shift: &Tensor, relu: bool) -> Result<Tensor> {
    require_f32(AFFINE, "the input", x)?;
    let [.., channels] = nhwc(AFFINE, x)?;
    require_channels(AFFINE, "the scale", scale, channels)?;
    require_channels(AFFINE, "the shift", shift, channels)?;
    x.contiguous()?.apply_op3(&scale.contiguous()?, &shift.contiguous()?, Affine { relu })
}

const AFFINE: &str = "affine_relu";

struct Affine {
    relu: bool,
}

impl Affine {
    /// The output has no values below this, and no gradient at it.
    fn floor(&self) -> f32 {
        if self.relu { 0.0 } else { f32::NEG_INFINITY }
    }
}

fn rows_per_piece(channels: usize) -> usize {
    (PIECE / channels).max(1)
}

impl CustomOp3 for Affine {
    fn name(&self) -> &'static str {
        AFFINE
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        xl: &Layout,
        scale: &CpuStorage,
        scale_layout: &Layout,
        shift: &CpuStorage,
        shift_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let x = values(AFFINE, "the input", x, xl)?;
        let scale = values(AFFINE, "the scale", scale, scale_layout)?;
        let shift = values(AFFINE, "the shift", shift, shift_layout)?;
        let norm = Norm {
            mean: vec![0.0; scale.len()],
            scale: scale.to_vec(),
            shift: shift.to_vec(),
            inverse_deviation: Vec::new(),
        };
        let mut y = vec![0.0; x.len()];
        nhwc::normalise(x, &norm, self.relu, &mut y);
        Ok((CpuStorage::F32(y), xl.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        scale: &Tensor,
        shift: &Tensor,
        y: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let dy = dy.contiguous()?;
        let (y, dy) = (read(AFFINE, "the output", y)?, read(AFFINE, "the gradient", &dy)?);
        let (channels, floor) = (scale.elem_count(), self.floor());
        let dx = if x.track_op() {
            let scale = read(AFFINE, "the scale", scale)?;
            let mut dx = vec![0.0; y.len()];
            let size = rows_per_piece(channels) * channels;
            dx.par_chunks_mut(size).zip(y.par_chunks(size)).zip(dy.par_chunks(size)).for_each(
                |((dx, y), dy)| {
                    for (at, dx) in dx.iter_mut().enumerate() {
                        *dx = if y[at] > floor { dy[at] * scale[at % channels] } else { 0.0 };
                    }
                },
            );
            Some(tensor(dx, x.shape())?)
        } else {
            None
        };
        if !scale.track_op() && !shift.track_op() {
            return Ok((dx, None, None));
        }
        let (dscale, dshift) = affine_sums(&read(AFFINE, "the input", x)?, &y, &dy, channels, floor);
        Ok((
            dx,
            scale.track_op().then(|| tensor(dscale, channels)).transpose()?,
            shift.track_op().then(|| tensor(dshift, channels)).transpose()?,
        ))
    }
}

/// The sums over all rows of `g * x` and of `g`, where `g` is the gradient where it passes. In `f64`: the two
/// serve frozen normalisations only, where accuracy is worth more than the time.
fn affine_sums(x: &[f32], y: &[f32], dy: &[f32], channels: usize, floor: f32) -> (Vec<f32>, Vec<f32>) {
    let size = rows_per_piece(channels) * channels;
    let parts: Vec<Vec<[f64; 2]>> = x
        .par_chunks(size)
        .zip(y.par_chunks(size))
        .zip(dy.par_chunks(size))
        .map(|((x, y), dy)| {
            let mut sums = vec![[0.0; 2]; channels];
            let rows = x.chunks_exact(channels).zip(y.chunks_exact(channels)).zip(dy.chunks_exact(channels));
            for ((x, y), dy) in rows {
                for (sum, ((x, y), dy)) in sums.iter_mut().zip(x.iter().zip(y).zip(dy)) {
                    let gradient = if *y > floor { f64::from(*dy) } else { 0.0 };
                    sum[0] += gradient * f64::from(*x);
                    sum[1] += gradient;
                }
            }
            sums
        })
        .collect();
    let total = |which: usize| {
        (0..channels)
            .map(|channel| parts.iter().map(|part| part[channel][which]).sum::<f64>() as f32)
            .collect()
    };
    (total(0), total(1))
}

/// `max(a + b, 0)`, for two tensors of the same shape: the end of a residual block.
///
/// # Errors
/// [`Error::Shape`](crate::Error::Shape) or [`Error::Storage`](crate::Error::Storage) if the tensors do not
/// fit.
pub fn add_relu(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    require_f32(ADD, "the first summand", a)?;
    require_f32(ADD, "the second summand", b)?;
    if a.dims() != b.dims() {
        return Err(wrong_shape(ADD, "the second summand", b, format!("{:?} like the first", a.dims())));
    }
    a.contiguous()?.apply_op2(&b.contiguous()?, AddRelu)
}

const ADD: &str = "add_relu";

struct AddRelu;

impl CustomOp2 for AddRelu {
    fn name(&self) -> &'static str {
        ADD
    }

    fn cpu_fwd(
        &self,
        a: &CpuStorage,
        al: &Layout,
        b: &CpuStorage,
        bl: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let a = values(ADD, "the first summand", a, al)?;
        let b = values(ADD, "the second summand", b, bl)?;
        let mut y = vec![0.0; a.len()];
        nhwc::add_relu(a, b, &mut y);
        Ok((CpuStorage::F32(y), al.shape().clone()))
    }

    fn bwd(
        &self,
        a: &Tensor,
        b: &Tensor,
        y: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let dy = dy.contiguous()?;
        let (y, dy) = (read(ADD, "the output", y)?, read(ADD, "the gradient", &dy)?);
        let mut gradient = dy.to_vec();
        nhwc::mask(&y, &mut gradient);
        let gradient = tensor(gradient, a.shape())?;
        Ok((a.track_op().then(|| gradient.clone()), b.track_op().then_some(gradient)))
    }
}
