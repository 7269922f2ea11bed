//! The passes of the backbone, written by hand over buffers that are reused from step to step, for activations in f32 or
//! bf16.
//!
//! In training the forward pass stores only the convolutions' outputs, the statistics of their normalisations and the
//! blocks' outputs ([`activations`]); normalised values are recomputed in the backward pass, which takes less time than
//! reading them back from memory would. In evaluation nothing is stored.

mod activations;
mod backward;
mod buffer_pool;
mod evaluate;
mod forward;
mod precision;
mod tensors;

pub(crate) use buffer_pool::BufferPool;
pub use precision::Precision;
pub(crate) use precision::{EvaluationBuffers, TrainingBuffers};
pub(crate) use tensors::is_finite;
