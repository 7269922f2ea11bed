//! Convolutions of `bf16` by the units that CPUs have for it: AMX's tiles, AVX512_BF16's pairs, or, elsewhere, vectors
//! of `f32`. Weights are narrowed to `bf16` on the way; all sums are `f32`, and only what is kept is narrowed.
//!
//! | module | what |
//! |---|---|
//! | `block` | the product of two blocks, by whatever unit there is (`amx`, `dot`) |
//! | `frame` | pixels as the left factor |
//! | `panels` | weights as the right factor |
//! | `correlation` | convolution, and gradient of the input |
//! | `weight_gradient` | gradient of the weight |

#[cfg(target_arch = "x86_64")]
mod amx;
mod block;
mod correlation;
#[cfg(target_arch = "x86_64")]
mod dot;
mod frame;
mod panels;
#[cfg(test)]
mod tests;
mod weight_gradient;

pub(crate) use block::{Unit, block_product};

use super::convolution::Epilogue;
use super::element::{Element, Source};
use super::im2col::Geometry;
use correlation::{Correlation, Phase};
use frame::{Frame, Tap};
use half::bf16;
use panels::{Panels, Weight};

/// Writes the convolution of `x` with `weight` to `y`.
pub(super) fn forward<T: Element>(
    g: &Geometry,
    x: Source<'_, T>,
    weight: &[f32],
    epilogue: Epilogue<'_, bf16>,
    y: &mut [bf16],
) {
    forward_by(Unit::best(), g, x, weight, epilogue, y);
}

fn forward_by<T: Element>(
    unit: Unit,
    g: &Geometry,
    x: Source<'_, T>,
    weight: &[f32],
    epilogue: Epilogue<'_, bf16>,
    y: &mut [bf16],
) {
    let (frame, taps) = Frame::of(g);
    let weight = Weight { values: weight, inputs: frame.depth(), outputs: g.outputs, transposed: false };
    let panels = Panels::new(unit.level(), weight, &(0..taps.len()).collect::<Vec<_>>());
    let phase = Phase { rows: g.out_height, columns: g.out_width, top: 0, left: 0, taps, panels };
    Correlation {
        unit,
        frame,
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
pub(super) fn input_gradient(g: &Geometry, weight: &[f32], dy: &[bf16], accumulate: bool, dx: &mut [bf16]) {
    input_gradient_by(Unit::best(), g, weight, dy, accumulate, dx);
}

fn input_gradient_by(
    unit: Unit,
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
                panels: Panels::new(unit.level(), weight, &numbers),
            });
        }
    }
    let all: Vec<_> = phases.iter().flat_map(|phase| phase.taps.iter().copied()).collect();
    let columns = g.width.div_ceil(g.stride);
    let frame = Frame::new([g.out_height, g.out_width, g.outputs], 1, columns, &all);
    Correlation {
        unit,
        frame,
        phases,
        images: g.images,
        height: g.height,
        width: g.width,
        weight,
        scale: g.stride,
    }
    .run(Source::plain(dy), Epilogue::default(), accumulate, dx);
}

/// Writes the gradient of the weight to `dw`.
pub(super) fn weight_gradient<T: Element>(g: &Geometry, x: Source<'_, T>, dy: &[bf16], dw: &mut [f32]) {
    weight_gradient::weight_gradient(Unit::best(), g, weight_gradient::CHUNK, x, dy, dw);
}
