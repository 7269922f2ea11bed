//! The computation itself, on plain slices: convolution, batch normalisation, ReLU and pooling with their gradients, for
//! forward and backward passes over whole networks.
//!
//! Activations are NHWC, `[batch, height, width, channels]`, of `f32` or [`bf16`](half::bf16) ([`Element`]); convolution
//! weights are HWIO, `[kernel height, kernel width, input channels, output channels]`, and `f32`; all are contiguous.
//! Accumulators are `f32`, or `f64` where sums go over a whole batch. Every function writes to memory that the caller
//! brings, so that a training loop can use the same buffers in every step, and shares its work among the threads of the
//! current rayon pool, cut by shapes alone.
//!
//! | module | what |
//! |---|---|
//! | `convolution` | [`Convolution`]: checks of shapes, and which algorithm computes what |
//! | `conv_input`, `epilogue` | prologue and epilogue: normalisation, sum and ReLU fused with a convolution |
//! | `winograd` | 3×3 convolutions in `f32` by Winograd's minimal filtering |
//! | `im2col_gemm` | all other convolutions in `f32`, as matrix products over the column matrix (`im2col`) |
//! | `bf16` | convolutions in `bf16`, by AMX, AVX512_BF16 or vectors |
//! | `moments`, `batch_norm`, `batch_norm_gradient` | batch statistics, normalisation, ReLU |
//! | `pool` | maximum and global average pooling |
//!
//! # Panics
//! All functions here panic if a slice does not have the length that the shapes ask for.

mod batch_norm;
mod batch_norm_gradient;
pub(crate) mod bf16;
mod conv_input;
mod convolution;
mod epilogue;
mod geometry;
mod im2col;
mod im2col_gemm;
mod moments;
mod pool;
mod winograd;

pub use crate::element::{Cast, Element, ElementType};
pub use batch_norm::{Normalisation, normalise, normalise_add_relu, relu_gradient};
pub use batch_norm_gradient::NormalisationGradient;
pub(crate) use bf16::{Bf16Unit, block_product};
pub use conv_input::ConvInput;
pub use convolution::Convolution;
pub use epilogue::Epilogue;
pub use moments::Moments;
pub use pool::{MaxPool, global_average_pool, global_average_pool_gradient};
