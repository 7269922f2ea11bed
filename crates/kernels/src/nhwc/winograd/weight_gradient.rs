//! The gradient of the kernel: at each point the product of the transformed input tiles, transposed, with the
//! transformed gradient tiles.

use super::tiling::{Layer, Method, Tiling, padded, split};
use super::transform::{APART, Points, gradient_tiles, input_tiles, kernel_gradient};
use crate::microkernel::{Left, Right, Sizes, product};
use crate::scratch::Scratch;
use crate::simd::{Level, Simd, Work};
use rayon::prelude::*;
use std::ops::Range;

/// Values of a transformed gradient up to which each part of the batch may sum up its own.
const SMALL: usize = 1 << 20;
/// Parts of the batch that do.
const PARTS: usize = 8;
/// Tiles, times the channels of both sides, transformed at a time there.
const TILES: usize = 1 << 13;
/// Tiles, about, that are transformed in a piece otherwise.
const PIECE: usize = 32;
/// Input channels that one task takes on where each does all points.
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
    /// Each way reads and writes other things again and again from beyond the near caches: sums of all points, once for
    /// every few tiles; or the tiles of both sides, once for every few channels of the other. Which is least depends on
    /// whether there are more tiles or more channels.
    fn run(&self, dw: &mut [f32]) {
        let Layer { inputs, outputs, .. } = self.layer;
        let (tiles, channels) = (self.tiling.tiles(), inputs + outputs);
        if P * P * inputs * outputs <= SMALL && tiles > 2 * channels {
            self.by_tiles(dw);
        } else if 8 * tiles >= channels {
            self.by_points(dw);
        } else {
            self.by_inputs(dw);
        }
    }

    /// For small kernels and many tiles: parts of the batch sum up a gradient each, and those are added up at the end.
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

    /// Both sides are transformed first; then each task sums up one point over the whole batch, which the near cache has
    /// room for.
    fn by_points(&self, dw: &mut [f32]) {
        let Layer { inputs, outputs, .. } = self.layer;
        let transformed = &self.transformed();
        let points = Points { rows: inputs, stride: outputs, channels: outputs };
        let sums = &mut *Scratch::new(points.values(P * P));
        sums.par_chunks_mut(points.point()).enumerate().for_each(|(point, sum)| {
            self.level.run(Point { pass: self, transformed, point, sum });
        });
        let sums: &[&[f32]] = &[sums];
        by_inputs(dw, inputs, outputs, 8).into_par_iter().for_each(|(range, taps)| {
            self.level.run(Back::<P> { sums, points, range, outputs, taps });
        });
    }

    /// For large kernels and few tiles: both sides are transformed first; then each task sums up some input channels'
    /// rows of all points over the whole batch, and takes them back while they are in the near cache.
    fn by_inputs(&self, dw: &mut [f32]) {
        let Layer { inputs, outputs, .. } = self.layer;
        let transformed = &self.transformed();
        by_inputs(dw, inputs, outputs, INPUTS).into_par_iter().for_each(|(range, taps)| {
            self.level.run(Rows { pass: self, transformed, range, taps });
        });
    }

    /// Transforms both sides of the whole batch.
    fn transformed(&self) -> Transformed {
        let Layer { inputs, outputs, .. } = self.layer;
        let groups = self.tiling.groups(PIECE);
        let size = |channels| {
            groups.iter().map(|bands| self.points(bands.clone(), channels).values(P * P)).sum::<usize>()
        };
        let mut tiles = Scratch::new(size(inputs));
        let mut gradients = Scratch::new(size(outputs));
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
        Transformed { groups, tiles, gradients }
    }

    fn points(&self, bands: Range<usize>, channels: usize) -> Points {
        Points { rows: bands.len() * self.tiling.columns, stride: padded(channels), channels }
    }
}

/// Both sides of a batch, transformed: the points of one group of bands after the other.
struct Transformed {
    groups: Vec<Range<usize>>,
    tiles: Scratch,
    gradients: Scratch,
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
                        afar: false,
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

/// Some channels of both sides, at one point.
struct Block {
    point: usize,
    inputs: Range<usize>,
    outputs: Range<usize>,
}

impl Transformed {
    /// Sums up a block over the whole batch, its rows as far apart in `sum` as they are long.
    #[inline(always)]
    fn sum<S: Simd, const P: usize, const M: usize>(
        &self,
        s: S,
        pass: &Pass<'_, P, M>,
        block: Block,
        sum: &mut [f32],
    ) {
        let Layer { inputs, outputs, .. } = pass.layer;
        let (mut left_at, mut right_at) = (0, 0);
        for (index, bands) in self.groups.iter().enumerate() {
            let left = pass.points(bands.clone(), inputs);
            let right = pass.points(bands.clone(), outputs);
            product(
                s,
                Sizes { m: block.inputs.len(), n: block.outputs.len(), k: left.rows },
                Left {
                    values: &self.tiles[left_at + block.point * left.point() + block.inputs.start..],
                    row_stride: 1,
                    column_stride: left.stride,
                    afar: false,
                },
                Right {
                    values: &self.gradients[right_at + block.point * right.point() + block.outputs.start..],
                    row_stride: right.stride,
                    panel_stride: 2 * S::LANES,
                },
                sum,
                block.outputs.len(),
                index > 0,
            );
            left_at += left.values(P * P);
            right_at += right.values(P * P);
        }
    }
}

/// Sums up one point.
struct Point<'a, 'p, const P: usize, const M: usize> {
    pass: &'a Pass<'p, P, M>,
    transformed: &'a Transformed,
    point: usize,
    sum: &'a mut [f32],
}

impl<const P: usize, const M: usize> Work for Point<'_, '_, P, M> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Layer { inputs, outputs, .. } = self.pass.layer;
        let block = Block { point: self.point, inputs: 0..inputs, outputs: 0..outputs };
        self.transformed.sum(s, self.pass, block, self.sum);
    }
}

/// Sums up some input channels' rows of the gradient.
struct Rows<'a, 'p, const P: usize, const M: usize> {
    pass: &'a Pass<'p, P, M>,
    transformed: &'a Transformed,
    range: Range<usize>,
    taps: [&'a mut [f32]; 9],
}

impl<const P: usize, const M: usize> Work for Rows<'_, '_, P, M> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { pass, transformed, range, mut taps } = self;
        let outputs = pass.layer.outputs;
        let panel = 2 * S::LANES;
        let width = if outputs.is_multiple_of(2 * panel) { 2 * panel } else { panel };
        let count = range.len();
        let sum = &mut *Scratch::new(P * P * (count * width + APART));
        for start in (0..outputs).step_by(width) {
            for point in 0..P * P {
                let block = Block { point, inputs: range.clone(), outputs: start..start + width };
                transformed.sum(s, pass, block, &mut sum[point * (count * width + APART)..]);
            }
            let points = Points { rows: count, stride: width, channels: width };
            kernel_gradient::<S, P>(s, &[sum], points, count, outputs, start, &mut taps);
        }
    }
}
