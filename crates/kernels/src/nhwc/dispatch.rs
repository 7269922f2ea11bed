//! Which algorithm computes a convolution or one of its gradients: one table by element type, instruction set and
//! shape, and the calls that carry out what it says.
//!
//! | element type | pass, shape | algorithm |
//! |---|---|---|
//! | `f32` | 3×3 at stride 1, channels that fill vectors, tiles that save multiplications | Winograd, F(4×4, 3×3) |
//! | `f32` | everything else | GEMM over the column matrix (im2col) |
//! | `bf16` | all | GEMM of 32×32 blocks, by the best unit of the CPU ([`Bf16Unit`]) |

use super::bf16::{self, Bf16Unit};
use super::conv_input::ConvInput;
use super::epilogue::Epilogue;
use super::geometry::Geometry;
use super::im2col_gemm;
use super::winograd::{self, Layer};
use crate::element::{Element, ElementType};
use crate::simd::Level;

/// The three computations that there are of a convolution.
#[derive(Clone, Copy)]
enum Pass {
    Forward,
    InputGradient,
    WeightGradient,
}

/// A way of computing one pass in `f32`.
enum F32Algorithm {
    Winograd(Layer),
    Im2colGemm,
}

/// What is fastest in `f32`. In `bf16` there is one algorithm for all shapes.
fn f32_algorithm(level: Level, g: &Geometry, pass: Pass) -> F32Algorithm {
    let layer = match pass {
        Pass::Forward | Pass::WeightGradient => Layer::of(g, level),
        // At stride 1 it is a convolution of the output's gradient.
        Pass::InputGradient => g.mirrored().and_then(|mirrored| Layer::of(&mirrored, level)),
    };
    layer.map_or(F32Algorithm::Im2colGemm, F32Algorithm::Winograd)
}

/// Writes the convolution of `x` with `weight` to `y`.
pub(super) fn forward<T: Element, E: Element>(
    level: Level,
    g: &Geometry,
    x: ConvInput<'_, T>,
    weight: &[f32],
    epilogue: Epilogue<'_, E>,
    y: &mut [E],
) {
    match E::TYPE {
        ElementType::F32(cast) => {
            let (epilogue, y) = (epilogue.cast(cast), (cast.slice_mut)(y));
            x.with_f32(|x| match f32_algorithm(level, g, Pass::Forward) {
                F32Algorithm::Winograd(layer) => {
                    winograd::convolve(level, layer, x, weight, false, false, epilogue, y);
                }
                F32Algorithm::Im2colGemm => im2col_gemm::forward(level, g, x, weight, epilogue, y),
            });
        }
        ElementType::Bf16(cast) => {
            bf16::forward(Bf16Unit::best(), g, x, weight, epilogue.cast(cast), (cast.slice_mut)(y));
        }
    }
}

/// Writes the gradient of the input to `dx`, or adds it if `accumulate`.
pub(super) fn input_gradient<E: Element>(
    level: Level,
    g: &Geometry,
    weight: &[f32],
    dy: &[E],
    accumulate: bool,
    dx: &mut [E],
) {
    match E::TYPE {
        ElementType::F32(cast) => {
            let (dy, dx) = ((cast.slice)(dy), (cast.slice_mut)(dx));
            match f32_algorithm(level, g, Pass::InputGradient) {
                F32Algorithm::Winograd(layer) => {
                    let (dy, nothing) = (ConvInput::plain(dy), Epilogue::default());
                    winograd::convolve(level, layer, dy, weight, true, accumulate, nothing, dx);
                }
                F32Algorithm::Im2colGemm => {
                    im2col_gemm::input_gradient(level, g, weight, dy, accumulate, dx);
                }
            }
        }
        ElementType::Bf16(cast) => {
            let (dy, dx) = ((cast.slice)(dy), (cast.slice_mut)(dx));
            bf16::input_gradient(Bf16Unit::best(), g, weight, dy, accumulate, dx);
        }
    }
}

/// Writes the gradient of the weight to `dw`.
pub(super) fn weight_gradient<T: Element, E: Element>(
    level: Level,
    g: &Geometry,
    x: ConvInput<'_, T>,
    dy: &[E],
    dw: &mut [f32],
) {
    match E::TYPE {
        ElementType::F32(cast) => {
            let dy = (cast.slice)(dy);
            x.with_f32(|x| match f32_algorithm(level, g, Pass::WeightGradient) {
                F32Algorithm::Winograd(layer) => winograd::weight_gradient(level, layer, x, dy, dw),
                F32Algorithm::Im2colGemm => im2col_gemm::weight_gradient(g, x, dy, dw),
            });
        }
        ElementType::Bf16(cast) => bf16::weight_gradient(Bf16Unit::best(), g, x, (cast.slice)(dy), dw),
    }
}
