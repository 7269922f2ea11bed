//! Batch normalisation by the statistics of the batch (Ioffe and Szegedy, 2015), fused with ReLU.

use crate::Error;
use crate::nhwc::{Moments, Norm, NormGradient, normalise};
use crate::tensor_access::{nhwc, read, require_channels, require_f32, tensor, values};
use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};

const NAME: &str = "batch_norm_train";

/// What batch normalisation gives in training.
#[derive(Debug, Clone)]
pub struct BatchNorm {
    /// The normalised activation, shaped like the input.
    pub y: Tensor,
    /// Mean of the batch per channel, `[c]`; outside of the graph.
    pub mean: Tensor,
    /// Biased variance of the batch per channel (divided by the count), `[c]`; outside of the graph. Running
    /// statistics take the unbiased one: multiply by `count / (count - 1)`, where `count = n * h * w`.
    pub variance: Tensor,
}

/// Normalises `x` `[n, h, w, c]` per channel to `(x - mean) / sqrt(variance + eps) * gamma + beta`, with mean
/// and biased variance over the batch and its pixels, and takes `max(., 0)` of that if `relu`. `gamma` and
/// `beta` are `[c]`.
///
/// Statistics are accumulated by Chan, Golub and LeVeque's pairwise updating (1983) in `f64`, so that a large
/// mean does not swallow the variance. Gradients flow to `x`, `gamma` and `beta`, through the statistics too.
///
/// # Errors
/// [`Error::Value`] if there is but one value per channel, whose variance is nothing to normalise by, or if
/// `eps` is not a positive number; [`Error::Shape`] and [`Error::Storage`] if tensors do not fit.
pub fn batch_norm_train(
    x: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
    eps: f32,
    relu: bool,
) -> Result<BatchNorm> {
    require_f32(NAME, "the input", x)?;
    let [n, h, w, channels] = nhwc(NAME, x)?;
    require_channels(NAME, "gamma", gamma, channels)?;
    require_channels(NAME, "beta", beta, channels)?;
    if !(eps > 0.0 && eps.is_finite()) {
        return Err(
            Error::Value { operation: NAME, message: format!("eps must be positive, found {eps}") }.into()
        );
    }
    if n * h * w < 2 {
        let message = format!("needs more than one value per channel, found shape {:?}", x.dims());
        return Err(Error::Value { operation: NAME, message }.into());
    }
    let x = x.contiguous()?;
    let (gamma, beta) = (gamma.contiguous()?, beta.contiguous()?);
    let moments = Moments::of(&read(NAME, "the input", &x)?, channels);
    let norm = Norm::new(&moments, &read(NAME, "gamma", &gamma)?, &read(NAME, "beta", &beta)?, eps);
    let y = x.apply_op3(&gamma, &beta, Normalise { norm, relu })?;
    let mean = tensor(moments.mean, channels)?;
    let variance = tensor(moments.variance, channels)?;
    Ok(BatchNorm { y, mean, variance })
}

struct Normalise {
    norm: Norm,
    relu: bool,
}

impl CustomOp3 for Normalise {
    fn name(&self) -> &'static str {
        NAME
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        xl: &Layout,
        gamma: &CpuStorage,
        gl: &Layout,
        beta: &CpuStorage,
        bl: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let x = values(NAME, "the input", x, xl)?;
        // Both are in the norm already.
        values(NAME, "gamma", gamma, gl)?;
        values(NAME, "beta", beta, bl)?;
        let mut y = vec![0.0; x.len()];
        normalise(x, &self.norm, self.relu, &mut y);
        Ok((CpuStorage::F32(y), xl.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        gamma: &Tensor,
        beta: &Tensor,
        _y: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let channels = gamma.elem_count();
        let dy = dy.contiguous()?;
        let (values, dy) = (read(NAME, "the input", x)?, read(NAME, "the gradient", &dy)?);
        let gradient = NormGradient::new(&values, &self.norm, self.relu, &dy);
        let dx = if x.track_op() {
            let mut dx = vec![0.0; dy.len()];
            gradient.input(&dy, &mut dx);
            Some(tensor(dx, x.shape())?)
        } else {
            None
        };
        let dgamma = gamma.track_op().then(|| tensor(gradient.gamma().collect(), channels)).transpose()?;
        let dbeta = beta.track_op().then(|| tensor(gradient.beta().collect(), channels)).transpose()?;
        Ok((dx, dgamma, dbeta))
    }
}
