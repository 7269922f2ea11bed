//! Neural network operations for the CPU, as candle custom operations with hand-written backward passes.
//!
//! Reads and writes candle tensors of `f32` on the CPU; nothing on disk. Every operation is a plain function
//! on tensors that takes part in candle's automatic differentiation:
//!
//! | function | what |
//! |---|---|
//! | [`conv2d`] | convolution, any kernel, stride and zero padding |
//! | [`max_pool2d`] | maximum pooling that can be trained through at any stride |
//! | [`batch_norm_train`] | batch normalisation by the batch's own statistics, optionally with ReLU |
//! | [`affine_relu`] | `x * scale + shift` per channel, optionally with ReLU: batch normalisation in evaluation |
//! | [`add_relu`] | `max(a + b, 0)`, the end of a residual block |
//! | [`global_average_pool`] | mean over the pixels |
//! | [`linear`] | fully connected layer |
//! | [`cross_entropy`] | softmax cross-entropy with class weights, ignored rows, label smoothing and focus |
//! | [`binary_cross_entropy`] | sigmoid cross-entropy, with the same |
//!
//! The computation itself, for passes over whole networks written by hand, is in [`nhwc`]. Some things are there alone
//! and no part of the operations on tensors: activations in `bf16`, batch normalisation and the sum of a residual block
//! done to a convolution's output while it is in the cache ([`nhwc::Epilogue`]), normalisation of its input on the way
//! ([`nhwc::Source`]), and gradients that are added to what is there.
//!
//! # Layout
//! Activations are NHWC, `[batch, height, width, channels]`; convolution weights are HWIO, `[kernel height,
//! kernel width, input channels, output channels]`. A convolution then is a row-major matrix product whose
//! result already lies where the next operation wants it. Inputs that are not contiguous are copied first.
//!
//! # Determinism
//! Work is cut into pieces by the shapes alone, never by the number of threads, and partial sums are added in
//! a fixed order: on one machine results are the same to the bit under any rayon pool. (Another CPU may take
//! another code path of the matrix product and round differently.)
//!
//! # Errors
//! Functions return candle's `Result`, so that `?` works in any candle program; what this crate itself
//! refuses is an [`Error`] inside it. A tensor on another device is refused, never copied silently.

mod batch_norm;
mod binary_cross_entropy;
mod conv;
mod cross_entropy;
mod elementwise;
mod error;
mod linear;
mod loss;
mod matrix;
mod microkernel;
pub mod nhwc;
mod peak;
mod pool;
mod scratch;
mod simd;
mod tensor_access;

pub use batch_norm::{BatchNorm, batch_norm_train};
pub use binary_cross_entropy::{BinaryCrossEntropy, binary_cross_entropy};
pub use conv::conv2d;
pub use cross_entropy::{CrossEntropy, IGNORED, cross_entropy};
pub use elementwise::{add_relu, affine_relu};
pub use error::Error;
pub use linear::linear;
pub use peak::{bf16_multiply_add_peak, bf16_unit, instruction_set, multiply_add_peak};
pub use pool::{global_average_pool, max_pool2d};
pub use tensor_access::read;
