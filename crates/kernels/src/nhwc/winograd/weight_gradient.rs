//! The gradient of the kernel: at each point the product of the transformed input tiles, transposed, with the
//! transformed gradient tiles.

use super::tiling::{Layer, Method, Tiling, padded, split};
use super::transform::{APART, Points, gradient_tiles, input_tiles, kernel_gradient};
use crate::microkernel::{Left, Right, Sizes, product};
use crate::scratch::Scratch;
use crate::simd::{Level, Simd, Work};
use rayon::prelude::*;
use std::ops::Range;

/// Values of a transformed gradient up to which each part of the batch sums up its own.
const SMALL: usize = 1 << 20;
/// Parts of the batch that do.
const PARTS: usize = 8;
/// Tiles, times the channels of both sides, transformed at a time there.
const TILES: usize = 1 << 13;
/// Input channels that one task takes on where the sum is over the whole batch at once.
const INPUTS: usize = 48;

/// Writes the gradient of a kernel `[3, 3, inputs, outputs]` to `dw`, from the input `x` and the gradient `dy`
/// of the output.
pub(crate) fn weight_gradient(
    level: Level,
    layer: Layer,
    method: Method,
    x: &[f32],
    dy: &[f32],
    dw: &mut [f32],
) {
    match method {
        Method::F2 => Pass::<4, 2> { level, layer, tiling: layer.tiling(2), x, dy }.run(dw),
        Method::F4 => Pass::<6, 4> { level, layer, tiling: layer.tiling(4), x, dy }.run(dw),
    }
}

struct Pass<'a, const P: usize, const M: usize> {
    level: Level,
    layer: Layer,
    tiling: Tiling,
    x: &'a [f32],
    dy: &'a [f32],
}

impl<const P: usize, const M: usize> Pass<'_, P, M> {
    fn run(&self, dw: &mut [f32]) {
        if P * P * self.layer.inputs * self.layer.outputs <= SMALL {
            self.by_tiles(dw);
        } else {
            self.by_inputs(dw);
        }
    }

    /// For small kernels: parts of the batch sum up a gradient each, and those are added up at the end.
    fn by_tiles(&self, dw: &mut [f32]) {
        let Layer { inputs, outputs, .. } = self.layer;
        let bands = self.tiling.bands();
        let parts = split(0..bands, bands.div_ceil(PARTS));
        let points = Points { rows: inputs, stride: outputs, channels: outputs };
        let size = points.values(P * P);
        let sums = &mut *Scratch::new(parts.len() * size);
        sums.par_chunks_mut(size)
            .zip(&parts)
            .for_each(|(sum, bands)| self.level.run(Part { pass: self, bands: bands.clone(), sum }));
        let sums: Vec<&[f32]> = sums.chunks(size).collect();
        by_inputs(dw, inputs, outputs, 8).into_par_iter().for_each(|(range, taps)| {
            self.level.run(Back::<P> { sums: &sums, points, range, outputs, taps });
        });
    }

    /// For large kernels: both sides are transformed first; then each task sums up some input channels' rows
    /// over the whole batch.
    fn by_inputs(&self, dw: &mut [f32]) {
        let Layer { inputs, outputs, .. } = self.layer;
        let groups = self.tiling.groups(32);
        let sizes = [inputs, outputs].map(|channels| {
            groups.iter().map(|bands| self.points(bands.clone(), channels).values(P * P)).sum::<usize>()
        });
        let tiles = &mut *Scratch::new(sizes[0]);
        let gradients = &mut *Scratch::new(sizes[1]);
        let (mut left, mut right) = (&mut *tiles, &mut *gradients);
        let mut tasks = Vec::with_capacity(groups.len());
        for bands in &groups {
            let (l, left_tail) = left.split_at_mut(self.points(bands.clone(), inputs).values(P * P));
            let (r, right_tail) = right.split_at_mut(self.points(bands.clone(), outputs).values(P * P));
            tasks.push((bands.clone(), l, r));
            (left, right) = (left_tail, right_tail);
        }
        tasks.into_par_iter().for_each(|(bands, tiles, gradients)| {
            self.level.run(Transform { pass: self, bands, tiles, gradients });
        });
        let (tiles, gradients): (&[f32], &[f32]) = (tiles, gradients);
        by_inputs(dw, inputs, outputs, INPUTS).into_par_iter().for_each(|(range, taps)| {
            self.level.run(Rows { pass: self, groups: &groups, tiles, gradients, range, taps });
        });
    }

    fn points(&self, bands: Range<usize>, channels: usize) -> Points {
        Points { rows: bands.len() * self.tiling.columns, stride: padded(channels), channels }
    }
}

/// Cuts a kernel's gradient into ranges of input channels, each with its rows of the nine taps.
fn by_inputs(
    dw: &mut [f32],
    inputs: usize,
    outputs: usize,
    limit: usize,
) -> Vec<(Range<usize>, [&mut [f32]; 9])> {
    let mut taps: Vec<&mut [f32]> = dw.chunks_mut(inputs * outputs).collect();
    split(0..inputs, limit)
        .into_iter()
        .map(|range| {
            let rows = std::array::from_fn(|tap| {
                let (head, tail) = std::mem::take(&mut taps[tap]).split_at_mut(range.len() * outputs);
                taps[tap] = tail;
                head
            });
            (range, rows)
        })
        .collect()
}

/// Sums up one part of the batch.
struct Part<'a, 'p, const P: usize, const M: usize> {
    pass: &'a Pass<'p, P, M>,
    bands: Range<usize>,
    sum: &'a mut [f32],
}

impl<const P: usize, const M: usize> Work for Part<'_, '_, P, M> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { pass, bands, sum } = self;
        let Layer { inputs, outputs, .. } = pass.layer;
        let first = bands.start;
        let limit = (TILES / (inputs + outputs) / pass.tiling.columns).max(1);
        for bands in split(bands, limit) {
            let left = pass.points(bands.clone(), inputs);
            let right = pass.points(bands.clone(), outputs);
            let tiles = &mut *Scratch::new(left.values(P * P));
            let gradients = &mut *Scratch::new(right.values(P * P));
            input_tiles::<S, P>(s, &pass.tiling, pass.x, bands.clone(), left, tiles);
            gradient_tiles::<S, P, M>(s, &pass.tiling, pass.dy, bands.clone(), right, gradients);
            for point in 0..P * P {
                product(
                    s,
                    Sizes { m: inputs, n: outputs, k: left.rows },
                    Left {
                        values: &tiles[point * left.point()..],
                        row_stride: 1,
                        column_stride: left.stride,
                    },
                    Right {
                        values: &gradients[point * right.point()..],
                        row_stride: right.stride,
                        panel_stride: 2 * S::LANES,
                    },
                    &mut sum[point * (inputs * outputs + APART)..],
                    outputs,
                    bands.start > first,
                );
            }
        }
    }
}

/// Takes sums back to some input channels' rows of the kernel.
struct Back<'a, const P: usize> {
    sums: &'a [&'a [f32]],
    points: Points,
    range: Range<usize>,
    outputs: usize,
    taps: [&'a mut [f32]; 9],
}

impl<const P: usize> Work for Back<'_, P> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        let sums: Vec<&[f32]> =
            self.sums.iter().map(|sum| &sum[self.range.start * self.points.stride..]).collect();
        kernel_gradient::<S, P>(s, &sums, self.points, self.range.len(), self.outputs, 0, &mut self.taps);
    }
}

/// Transforms the tiles of a group of bands, both sides.
struct Transform<'a, 'p, const P: usize, const M: usize> {
    pass: &'a Pass<'p, P, M>,
    bands: Range<usize>,
    tiles: &'a mut [f32],
    gradients: &'a mut [f32],
}

impl<const P: usize, const M: usize> Work for Transform<'_, '_, P, M> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { pass, bands, tiles, gradients } = self;
        let left = pass.points(bands.clone(), pass.layer.inputs);
        let right = pass.points(bands.clone(), pass.layer.outputs);
        input_tiles::<S, P>(s, &pass.tiling, pass.x, bands.clone(), left, tiles);
        gradient_tiles::<S, P, M>(s, &pass.tiling, pass.dy, bands, right, gradients);
    }
}

/// Sums up some input channels' rows of the gradient over the whole batch.
struct Rows<'a, 'p, const P: usize, const M: usize> {
    pass: &'a Pass<'p, P, M>,
    groups: &'a [Range<usize>],
    tiles: &'a [f32],
    gradients: &'a [f32],
    range: Range<usize>,
    taps: [&'a mut [f32]; 9],
}

impl<const P: usize, const M: usize> Work for Rows<'_, '_, P, M> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { pass, groups, tiles, gradients, range, mut taps } = self;
        let Layer { inputs, outputs, .. } = pass.layer;
        let panel = 2 * S::LANES;
        let width = if outputs.is_multiple_of(2 * panel) { 2 * panel } else { panel };
        let count = range.len();
        let sum = &mut *Scratch::new(P * P * (count * width + APART));
        for start in (0..outputs).step_by(width) {
            for point in 0..P * P {
                let (mut left_at, mut right_at) = (0, 0);
                for (index, bands) in groups.iter().enumerate() {
                    let left = pass.points(bands.clone(), inputs);
                    let right = pass.points(bands.clone(), outputs);
                    product(
                        s,
                        Sizes { m: count, n: width, k: left.rows },
                        Left {
                            values: &tiles[left_at + point * left.point() + range.start..],
                            row_stride: 1,
                            column_stride: left.stride,
                        },
                        Right {
                            values: &gradients[right_at + point * right.point() + start..],
                            row_stride: right.stride,
                            panel_stride: panel,
                        },
                        &mut sum[point * (count * width + APART)..],
                        width,
                        index > 0,
                    );
                    left_at += left.values(P * P);
                    right_at += right.values(P * P);
                }
            }
            let points = Points { rows: count, stride: width, channels: width };
            kernel_gradient::<S, P>(s, &[sum], points, count, outputs, start, &mut taps);
        }
    }
}
