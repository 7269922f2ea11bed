//! Neural network operations for the CPU: forward and backward passes of convolutional networks, and losses.
//!
//! Reads and writes slices and candle tensors in main memory; nothing on disk.
//!
//! | module, function | what |
//! |---|---|
//! | [`nhwc`] | convolution, batch normalisation, ReLU and pooling with their gradients, on plain slices |
//! | [`cross_entropy`] | softmax cross-entropy with class weights, ignored rows, label smoothing and focal loss |
//! | [`binary_cross_entropy`] | sigmoid cross-entropy, with the same |
//! | [`linear`] | heads in evaluation, photo by photo |
//! | [`sigmoid`], [`softplus`] | of single numbers |
//! | [`multiply_add_peak`], [`bf16_multiply_add_peak`] | what the CPU could do at best |
//!
//! The losses are plain functions on tensors that take part in candle's automatic differentiation.
//!
//! # Layout
//! Activations are NHWC, `[batch, height, width, channels]`; convolution weights are HWIO, `[kernel height,
//! kernel width, input channels, output channels]`. A convolution then is a row-major matrix product (GEMM) whose
//! result already lies where the next operation wants it. 3×3 convolutions at stride 1 go by Winograd's algorithm (Lavin
//! and Gray, 2016).
//!
//! # Instruction sets
//! Vector code is written once and compiled for AVX-512, AVX2 with FMA, and the target's baseline; the CPU decides at run
//! time ([`instruction_set`]). Products of `bf16` go by AMX, AVX512_BF16 or vectors ([`bf16_unit`]).
//!
//! # Determinism
//! Work is cut into pieces by the shapes alone, never by the number of threads, and partial sums are added in
//! a fixed order: on one machine results are the same to the bit under any rayon pool. Another CPU may take
//! another code path and round differently. [`NUMERICS_VERSION`] changes when the bits do.
//!
//! # Errors
//! Functions on tensors return candle's `Result`, so that `?` works in any candle program; what this crate itself
//! refuses is an [`Error`] inside it. A tensor on another device is refused, never copied silently.

mod binary_cross_entropy;
mod cross_entropy;
mod cut;
mod element;
mod error;
mod linear;
mod logistic;
mod loss;
mod matrix;
mod microkernel;
pub mod nhwc;
mod numerics;
mod packed;
mod peak;
mod scratch;
mod simd;
mod tensor_access;

pub use binary_cross_entropy::binary_cross_entropy;
pub use cross_entropy::{IGNORED, cross_entropy};
pub use error::Error;
pub use linear::linear;
pub use logistic::{sigmoid, softplus};
pub use loss::LossOptions;
pub use numerics::NUMERICS_VERSION;
pub use peak::{bf16_multiply_add_peak, bf16_unit, instruction_set, multiply_add_peak};
pub use tensor_access::read;
