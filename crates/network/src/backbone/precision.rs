//! The passes in the precision that is asked for.

use std::ops::Range;

use candle_core::Tensor;
use half::bf16;
use serde::Serialize;

use super::activations::Activations;
use super::evaluate::Evaluator;
use crate::Result;
use crate::gradients::Gradients;
use crate::layers::Layers;

/// The type of the activations in the backbone. Weights, statistics, gradients of weights, and the heads are f32 in any
/// case, as in PyTorch's automatic mixed precision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// Activations and products in f32.
    #[default]
    F32,
    /// Activations in bf16, and products of bf16 summed in f32: faster where the CPU has units for that.
    Bf16,
}

impl Precision {
    /// The words for them in configurations and reports.
    pub const WORDS: [(&'static str, Self); 2] = [("f32", Self::F32), ("bf16", Self::Bf16)];

    /// The faster one on this CPU: bf16 where it has a unit for that.
    pub fn fastest() -> Self {
        if marque_kernels::bf16_unit().is_some() { Self::Bf16 } else { Self::F32 }
    }

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
        }
    }
}

/// [`Activations`] of either precision; those of the precision that is not in use are empty.
#[derive(Debug, Default)]
pub(crate) struct TrainingBuffers {
    single: Activations<f32>,
    half: Activations<bf16>,
}

impl TrainingBuffers {
    /// As [`Activations::forward`].
    pub(crate) fn forward(
        &mut self,
        precision: Precision,
        layers: &Layers,
        momentum: Option<f64>,
        from: usize,
        input: &Tensor,
    ) -> Result<Tensor> {
        match precision {
            Precision::F32 => self.single.forward(layers, momentum, from, input),
            Precision::Bf16 => self.half.forward(layers, momentum, from, input),
        }
    }

    /// As [`Activations::backward`].
    pub(crate) fn backward(
        &mut self,
        precision: Precision,
        layers: &Layers,
        input: &Tensor,
        features: &Tensor,
        gradients: &mut Gradients,
    ) -> Result<()> {
        match precision {
            Precision::F32 => self.single.backward(layers, input, features, gradients),
            Precision::Bf16 => self.half.backward(layers, input, features, gradients),
        }
    }

    /// As [`Activations::first_not_finite`].
    pub(crate) fn first_not_finite(&self, precision: Precision, layers: &Layers) -> Option<String> {
        match precision {
            Precision::F32 => self.single.first_not_finite(layers),
            Precision::Bf16 => self.half.first_not_finite(layers),
        }
    }
}

/// [`Evaluator`]s of either precision.
#[derive(Debug, Default)]
pub(crate) struct EvaluationBuffers {
    single: Evaluator<f32>,
    half: Evaluator<bf16>,
}

impl EvaluationBuffers {
    /// As [`Evaluator::run`].
    pub(crate) fn run(
        &mut self,
        precision: Precision,
        layers: &Layers,
        parts: Range<usize>,
        input: &Tensor,
    ) -> Result<Tensor> {
        match precision {
            Precision::F32 => self.single.run(layers, parts, input),
            Precision::Bf16 => self.half.run(layers, parts, input),
        }
    }
}
