//! Losses of logits as candle custom operations: checks of their options, and a gradient that is computed with the loss.

use crate::Error;
use crate::tensor_access::tensor;
use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

/// Options that both losses have.
pub(crate) struct Weighting<'a> {
    pub(crate) class_weights: Option<&'a [f32]>,
    pub(crate) label_smoothing: f32,
    pub(crate) focal_gamma: f32,
}

impl Weighting<'_> {
    /// Refuses what no loss of so many classes can be computed with.
    pub(crate) fn check(&self, operation: &'static str, classes: usize) -> Result<()> {
        let refuse = |message| Err(Error::Value { operation, message }.into());
        if !(0.0..=1.0).contains(&self.label_smoothing) {
            return refuse(format!("label smoothing must be from 0 to 1, found {}", self.label_smoothing));
        }
        if !(self.focal_gamma.is_finite() && self.focal_gamma >= 0.0) {
            return refuse(format!("focal gamma must be 0 or more, found {}", self.focal_gamma));
        }
        match self.class_weights {
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
        let gradient = self.gradient.iter().map(|gradient| gradient * upstream).collect();
        Ok(Some(tensor(gradient, logits.shape())?))
    }
}
