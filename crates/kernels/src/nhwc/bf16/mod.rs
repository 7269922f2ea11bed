//! Convolutions of `bf16` as implicit GEMMs of 32×32 blocks, by the units that CPUs have for it: AMX's tiles,
//! AVX512_BF16's dot products of pairs, or, elsewhere, vectors of `f32`. Weights are narrowed to `bf16` as they are packed;
//! accumulators are `f32`, and only results are narrowed.
//!
//! | module | what |
//! |---|---|
//! | `block` | the product of two blocks as data |
//! | `amx`, `avx512_bf16`, `vectors` | its microkernels |
//! | `unit` | which of them this CPU has |
//! | `pixel_packing` | pixels, packed as the left factor |
//! | `weight_panels` | weights, packed into panels as the right factor |
//! | `correlation` | convolution, and gradient of the input |
//! | `weight_gradient` | gradient of the weight |

#[cfg(target_arch = "x86_64")]
mod amx;
#[cfg(target_arch = "x86_64")]
mod avx512_bf16;
mod block;
mod correlation;
mod pixel_packing;
#[cfg(test)]
mod tests;
mod unit;
mod vectors;
mod weight_gradient;
mod weight_panels;

pub(crate) use unit::{Bf16Unit, block_product};

use super::conv_input::ConvInput;
use super::epilogue::Epilogue;
use super::geometry::Geometry;
use crate::element::Element;
use correlation::{Correlation, Phase};
use half::bf16;
use pixel_packing::{PixelPacking, Tap};
use weight_panels::{Weight, WeightPanels};

/// Writes the convolution of `x` with `weight` to `y`.
pub(crate) fn forward<T: Element>(
    unit: Bf16Unit,
    g: &Geometry,
    x: ConvInput<'_, T>,
    weight: &[f32],
    epilogue: Epilogue<'_, bf16>,
    y: &mut [bf16],
) {
    let (packing, taps) = PixelPacking::of(g);
    let weight = Weight { values: weight, inputs: packing.depth(), outputs: g.outputs, transposed: false };
    let panels = WeightPanels::new(unit.level(), weight, &(0..taps.len()).collect::<Vec<_>>());
    let phase = Phase { rows: g.out_height, columns: g.out_width, top: 0, left: 0, taps, panels };
    Correlation {
        unit,
        packing,
        phases: vec![phase],
        images: g.images,
        height: g.out_height,
        width: g.out_width,
        weight,
        scale: 1,
    }
    .run(x, epilogue, false, y);
}

/// Writes the gradient of the input to `dx`, or adds it if `accumulate`.
///
/// An input pixel is under the same taps as those that are a stride away. So the gradient falls into as many phases as
/// the stride has steps each way, each of them a convolution of its own.
pub(crate) fn input_gradient(
    unit: Bf16Unit,
    g: &Geometry,
    weight: &[f32],
    dy: &[bf16],
    accumulate: bool,
    dx: &mut [bf16],
) {
    let weight = Weight { values: weight, inputs: g.inputs, outputs: g.outputs, transposed: true };
    let taps_at = |top: usize, left: usize| {
        let mut taps = Vec::new();
        for row in (0..g.kernel_height).filter(|row| (top + g.padding) % g.stride == row % g.stride) {
            for column in
                (0..g.kernel_width).filter(|column| (left + g.padding) % g.stride == column % g.stride)
            {
                // Exact: the remainders are equal.
                let place =
                    |at: usize, tap: usize| ((at + g.padding) as isize - tap as isize) / g.stride as isize;
                let tap = Tap { row: place(top, row), column: place(left, column) };
                taps.push((row * g.kernel_width + column, tap));
            }
        }
        taps
    };
    let mut phases = Vec::new();
    for top in 0..g.stride.min(g.height) {
        for left in 0..g.stride.min(g.width) {
            let (numbers, taps): (Vec<_>, Vec<_>) = taps_at(top, left).into_iter().unzip();
            phases.push(Phase {
                rows: (g.height - top).div_ceil(g.stride),
                columns: (g.width - left).div_ceil(g.stride),
                top,
                left,
                taps,
                panels: WeightPanels::new(unit.level(), weight, &numbers),
            });
        }
    }
    let all: Vec<_> = phases.iter().flat_map(|phase| phase.taps.iter().copied()).collect();
    let columns = g.width.div_ceil(g.stride);
    let packing = PixelPacking::new([g.out_height, g.out_width, g.outputs], 1, columns, &all);
    Correlation {
        unit,
        packing,
        phases,
        images: g.images,
        height: g.height,
        width: g.width,
        weight,
        scale: g.stride,
    }
    .run(ConvInput::plain(dy), Epilogue::default(), accumulate, dx);
}

/// Writes the gradient of the weight to `dw`.
pub(crate) fn weight_gradient<T: Element>(
    unit: Bf16Unit,
    g: &Geometry,
    x: ConvInput<'_, T>,
    dy: &[bf16],
    dw: &mut [f32],
) {
    weight_gradient::weight_gradient(unit, g, weight_gradient::CHUNK, x, dy, dw);
}
