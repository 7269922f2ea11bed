//! Losses of logits as candle custom operations: checks of their options, and a gradient that is computed with the loss.

use crate::Error;
use candle_core::{CpuStorage, CustomOp1, Device, Layout, Result, Shape, Tensor};

/// Options of both losses. The default is the plain loss: no class weights, label smoothing or focal term.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LossOptions {
    /// One non-negative weight per class, `[k]`; `None` for ones. In binary cross-entropy the weight of the presence of
    /// a class against its absence: PyTorch's `pos_weight`.
    pub class_weights: Option<Vec<f32>>,
    /// Label smoothing in `[0, 1]`: this share of the target goes to all classes evenly (Szegedy et al., 2016); in
    /// binary cross-entropy targets are moved this share of the way to one half.
    pub label_smoothing: f32,
    /// Gamma of the focal loss, 0 or more: each class's term is multiplied by `(1 - q)^gamma`, where `q` is the
    /// probability of what is true of it (Lin et al., *Focal Loss for Dense Object Detection*, 2017, arXiv:1708.02002,
    /// without alpha). 0 for plain cross-entropy.
    pub focal_gamma: f32,
}

impl LossOptions {
    /// Refuses what no loss of so many classes can be computed with.
    pub(crate) fn check(&self, operation: &'static str, classes: usize) -> Result<()> {
        let refuse = |message| Err(Error::Value { operation, message }.into());
        if !(0.0..=1.0).contains(&self.label_smoothing) {
            return refuse(format!("label smoothing must be from 0 to 1, found {}", self.label_smoothing));
        }
        if !(self.focal_gamma.is_finite() && self.focal_gamma >= 0.0) {
            return refuse(format!("focal gamma must be 0 or more, found {}", self.focal_gamma));
        }
        match &self.class_weights {
            Some(weights) if weights.len() != classes => {
                refuse(format!("{} class weights for {classes} classes", weights.len()))
            }
            Some(weights) if !weights.iter().all(|weight| weight.is_finite() && *weight >= 0.0) => {
                refuse(format!("class weights must be finite and not negative, found {weights:?}"))
            }
            _ => Ok(()),
        }
    }
}

/// A loss that was computed together with its gradient, as an operation on the logits.
pub(crate) struct Loss {
    pub(crate) operation: &'static str,
    pub(crate) loss: f32,
    /// Of the logits.
    pub(crate) gradient: Vec<f32>,
}

impl CustomOp1 for Loss {
    fn name(&self) -> &'static str {
        self.operation
    }

    fn cpu_fwd(&self, _logits: &CpuStorage, _layout: &Layout) -> Result<(CpuStorage, Shape)> {
        Ok((CpuStorage::F32(vec![self.loss]), Shape::from(())))
    }

    fn bwd(&self, logits: &Tensor, _loss: &Tensor, upstream: &Tensor) -> Result<Option<Tensor>> {
        let upstream = upstream.to_scalar::<f32>()?;
        let gradient: Vec<f32> = self.gradient.iter().map(|gradient| gradient * upstream).collect();
        Ok(Some(Tensor::from_vec(gradient, logits.shape(), &Device::Cpu)?))
    }
}
