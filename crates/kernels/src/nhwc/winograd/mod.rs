//! Convolution with 3×3 kernels at stride 1 by Winograd's minimal filtering, F(4×4, 3×3) (Lavin and Gray, *Fast Algorithms
//! for Convolutional Neural Networks*, CVPR 2016, arXiv:1509.09308).
//!
//! An output tile of `M`×`M` pixels takes `(M + 2)²` multiplications per pair of channels instead of `9 M²`: a quarter of
//! them for `M = 4`. What is left of an image at the right and bottom edge is done in smaller ones, F(2×2, 3×3) and the like. The image's tiles, the kernel and
//! the output are transformed to and from that domain by small matrices; between, each of the `(M + 2)²` points is a
//! matrix product over the channels.
//!
//! The price is accuracy: the transforms subtract numbers of like size. Relative errors (in the norm, f32) are
//! about 1e-6 for `M = 4`, where the direct sum has about 2e-7.
//!
//! Work is cut by shapes alone, so that results do not depend on the number of threads.

mod convolve;
mod formulas;
mod kernel;
mod points;
#[cfg(test)]
mod tests;
mod tiling;
mod transform;
mod weight_gradient;

pub(crate) use convolve::convolve;
pub(crate) use tiling::Layer;
pub(crate) use weight_gradient::weight_gradient;
