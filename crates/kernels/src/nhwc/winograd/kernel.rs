//! The transform of a kernel, `G g Gᵀ`, and that of its gradient back, `Gᵀ u G`.

// As in `transform`.
#![allow(clippy::needless_range_loop)]

use super::formulas::{POINTS, column, kernel, kernel_transposed, needs};
use super::points::{ALL, PointSums};
use crate::microkernel::APART;
use crate::simd::Simd;
use std::ops::Range;

/// The kernels of a layer with so many inputs and outputs.
#[derive(Clone, Copy)]
pub(super) struct Kernel<'a> {
    /// `[3, 3, inputs, outputs]`, or, if mirrored, `[3, 3, outputs, inputs]` with the taps in reverse order.
    pub(super) values: &'a [f32],
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) mirrored: bool,
    /// Height and width of the largest tiles: points that these do not need are left out.
    pub(super) tile: [usize; 2],
}

/// Input channels of a mirrored kernel that are turned around together.
const TURNED: usize = 16;
/// No level has more lanes.
const MAX_LANES: usize = 16;

/// Writes the transformed kernel of some input channels and of the `width` output channels from `start` to
/// `to`: point by point, one panel of two vectors after the other, input by input.
#[inline(always)]
pub(super) fn kernel_panels<S: Simd>(
    s: S,
    weight: Kernel<'_>,
    inputs: Range<usize>,
    start: usize,
    width: usize,
    to: &mut [f32],
) {
    let panel = 2 * S::LANES;
    let tap = weight.inputs * weight.outputs;
    let count = inputs.len();
    let point = count * width + APART;
    assert!(width.is_multiple_of(panel) && start + width <= weight.outputs, "whole panels");
    assert!(inputs.end <= weight.inputs && 9 * tap <= weight.values.len(), "the whole kernel");
    assert!(ALL * point <= to.len(), "room for all points");
    let mut turned = [0f32; 9 * TURNED * MAX_LANES];
    for lane in (0..width).step_by(S::LANES) {
        let output = start + lane;
        for first in (0..count).step_by(TURNED) {
            let block = (count - first).min(TURNED);
            if weight.mirrored {
                turn::<S>(&weight, inputs.start + first, block, output, &mut turned);
            }
            for index in first..first + block {
                // SAFETY: the input and the outputs lie inside of each tap's matrix, or of the turned block;
                // `index` is below `count` and `lane` below `width`, so that each point's values lie inside of
                // it, and all points inside of `to`.
                unsafe {
                    let (from, tap) = if weight.mirrored {
                        (turned.as_ptr().add((index - first) * S::LANES), TURNED * S::LANES)
                    } else {
                        let input = inputs.start + index;
                        (weight.values.as_ptr().add(input * weight.outputs + output), tap)
                    };
                    let mut q = [[s.splat(0.0); POINTS]; 3];
                    for ky in 0..3 {
                        let mut g = [s.splat(0.0); 3];
                        for kx in 0..3 {
                            g[kx] = s.load(from.add((ky * 3 + kx) * tap));
                        }
                        q[ky] = kernel(s, g);
                    }
                    let at = lane / panel * count * panel + index * panel + lane % panel;
                    let to = to.as_mut_ptr().add(at);
                    for j in 0..POINTS {
                        if needs(weight.tile[1], j) {
                            let values = kernel(s, column(&q, j));
                            for i in 0..POINTS {
                                if needs(weight.tile[0], i) {
                                    s.store(to.add((i * POINTS + j) * point), values[i]);
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Turns a block of a mirrored kernel around: for each tap and each of `count` inputs from `input` on, a vector of
/// outputs from `output` on.
#[inline(always)]
fn turn<S: Simd>(
    weight: &Kernel<'_>,
    input: usize,
    count: usize,
    output: usize,
    to: &mut [f32; 9 * TURNED * MAX_LANES],
) {
    let tap = weight.inputs * weight.outputs;
    for (number, to) in to.chunks_exact_mut(TURNED * S::LANES).take(9).enumerate() {
        for lane in 0..S::LANES {
            let from = (8 - number) * tap + (output + lane) * weight.inputs + input;
            for (index, value) in weight.values[from..from + count].iter().enumerate() {
                to[index * S::LANES + lane] = *value;
            }
        }
    }
}

/// Writes `Gᵀ u G` of all rows, of input channels, to the nine taps' rows of `outputs` values, for the output channels from
/// `start` on. `sums` are partial sums of `u`, added up in their order; in each, value `(point, row, column)` is at
/// `point * layout.distance + row * layout.columns + column`. Points that tiles of the height and width `tile` do not need
/// are not read.
#[inline(always)]
pub(super) fn kernel_gradient<S: Simd>(
    s: S,
    tile: [usize; 2],
    sums: &[&[f32]],
    layout: PointSums,
    outputs: usize,
    start: usize,
    taps: &mut [&mut [f32]; 9],
) {
    let PointSums { rows, columns, distance } = layout;
    assert!(columns.is_multiple_of(S::LANES), "whole vectors");
    for sum in sums {
        assert!((ALL - 1) * distance + rows * columns <= sum.len(), "sums of all points");
    }
    for tap in taps.iter() {
        assert!((rows.max(1) - 1) * outputs + start + columns <= tap.len(), "room for all rows");
    }
    for row in 0..rows {
        for lane in (0..columns).step_by(S::LANES) {
            let at = row * columns + lane;
            // SAFETY: the row and the lanes lie inside of each point of each sum, and of each tap's rows.
            unsafe {
                let mut q = [[s.splat(0.0); 3]; POINTS];
                for i in 0..POINTS {
                    if !needs(tile[0], i) {
                        continue;
                    }
                    let mut u = [s.splat(0.0); POINTS];
                    for sum in sums {
                        let sum = sum.as_ptr().add(at);
                        for j in 0..POINTS {
                            if needs(tile[1], j) {
                                u[j] = s.add(u[j], s.load(sum.add((i * POINTS + j) * distance)));
                            }
                        }
                    }
                    q[i] = kernel_transposed(s, u);
                }
                for kx in 0..3 {
                    let values = kernel_transposed(s, column(&q, kx));
                    for ky in 0..3 {
                        let to = taps[ky * 3 + kx].as_mut_ptr().add(row * outputs + start + lane);
                        s.store(to, values[ky]);
                    }
                }
            }
        }
    }
}
