//! The precision of the passes, and their buffers in either.

use half::bf16;
use serde::Serialize;

use super::activations::Activations;
use super::evaluate::Evaluator;

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
    pub(crate) single: Activations<f32>,
    pub(crate) half: Activations<bf16>,
}

/// [`Evaluator`]s of either precision.
#[derive(Debug, Default)]
pub(crate) struct EvaluationBuffers {
    pub(crate) single: Evaluator<f32>,
    pub(crate) half: Evaluator<bf16>,
}
