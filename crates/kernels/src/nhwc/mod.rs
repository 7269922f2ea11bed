//! The computation itself, on plain slices: what the tensor operations of this crate and hand-written passes
//! over whole networks are made of.
//!
//! Activations are NHWC, of `f32` or [`bf16`](half::bf16) ([`Element`]); convolution weights are HWIO and `f32`; all
//! are contiguous. Every function writes to memory
//! that the caller brings, so that a training loop can use the same buffers in every step, and shares its work
//! among the threads of the current rayon pool, cut by shapes alone.
//!
//! # Panics
//! All functions here panic if a slice does not have the length that the shapes ask for.

mod bf16;
mod convolution;
mod direct;
mod element;
mod im2col;
mod norm_gradient;
mod normalise;
mod packed;
mod pool;
mod single;
mod winograd;

pub(crate) use bf16::{Unit, block_product};
pub use convolution::{Convolution, Epilogue};
pub use element::{Element, Source};
pub use norm_gradient::NormGradient;
pub use normalise::{Moments, Norm, add_relu, mask, normalise, normalise_add_relu};
pub use pool::{MaxPool, average, average_gradient};
