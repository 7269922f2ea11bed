//! The gradient of the kernel: at each point the product of the transformed input tiles, transposed, with the
//! transformed gradient tiles.

use super::kernel::kernel_gradient;
use super::points::{ALL, PointSums, Points};
use super::tiling::{Layer, Tiling, padded, split};
use super::transform::{gradient_tiles, input_tiles};
use crate::cut::cut;
use crate::microkernel::{Left, Right, Sizes, product};
use crate::nhwc::conv_input::ConvInput;
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
/// Input channels that one task takes back where all is summed up.
const FEW_INPUTS: usize = 8;
/// Values of a transformed gradient up to which there is memory for the sums of all points at once.
const LARGE: usize = 1 << 24;
/// Tiles for each channel of both sides from which on parts of the batch sum up a small gradient each.
const MANY: usize = 2;
/// Channels of both sides for each tile up to which points are summed up one by one.
const WIDE: usize = 8;

/// Writes the gradient of a kernel `[3, 3, inputs, outputs]` to `dw`, from the input `x` and the gradient `dy`
/// of the output.
pub(crate) fn weight_gradient(level: Level, layer: Layer, x: ConvInput<'_, f32>, dy: &[f32], dw: &mut [f32]) {
    WeightGradient { level, layer, tiling: layer.tiling(), x, dy }.run(dw);
}

struct WeightGradient<'a> {
    level: Level,
    layer: Layer,
    tiling: Tiling,
    x: ConvInput<'a, f32>,
    dy: &'a [f32],
}

impl WeightGradient<'_> {
    /// Each way reads and writes other things again and again from beyond the near caches: sums of all points, once for
    /// every few tiles; or the tiles of both sides, once for every few channels of the other. Which is least depends on
    /// whether there are more tiles or more channels.
    fn run(&self, dw: &mut [f32]) {
        let Layer { inputs, outputs, .. } = self.layer;
        let (tiles, channels, values) = (self.tiling.tiles(), inputs + outputs, ALL * inputs * outputs);
        if values <= SMALL && tiles > MANY * channels {
            self.by_tiles(dw);
        } else if values <= LARGE && channels <= WIDE * tiles {
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
        let layout = PointSums::new(inputs, outputs);
        let size = layout.values();
        let sums = &mut *Scratch::new(parts.len() * size);
        sums.par_chunks_mut(size)
            .zip(&parts)
            .for_each(|(sum, bands)| self.level.run(Part { pass: self, bands: bands.clone(), sum }));
        let sums: Vec<&[f32]> = sums.chunks(size).collect();
        self.back(&sums, layout, dw);
    }

    /// Both sides are transformed first; then each task sums up one point over the whole batch, which the near cache has
    /// room for.
    fn by_points(&self, dw: &mut [f32]) {
        let Layer { inputs, outputs, .. } = self.layer;
        let transformed = &self.transformed();
        let layout = PointSums::new(inputs, outputs);
        let sums = &mut *Scratch::new(layout.values());
        sums.par_chunks_mut(layout.distance).enumerate().for_each(|(point, sum)| {
            self.level.run(Point { pass: self, transformed, point, sum });
        });
        self.back(&[sums], layout, dw);
    }

    /// Takes the sum of partial sums of all points back to the kernel.
    fn back(&self, sums: &[&[f32]], layout: PointSums, dw: &mut [f32]) {
        let tile = self.layer.tile();
        rows_of_taps(dw, self.layer, FEW_INPUTS).into_par_iter().for_each(|(range, taps)| {
            self.level.run(Back { tile, sums, layout, range, taps });
        });
    }

    /// For large kernels and few tiles: both sides are transformed first; then each task sums up some input channels'
    /// rows of all points over the whole batch, and takes them back while they are in the near cache.
    fn by_inputs(&self, dw: &mut [f32]) {
        let transformed = &self.transformed();
        rows_of_taps(dw, self.layer, INPUTS).into_par_iter().for_each(|(range, taps)| {
            self.level.run(Rows { pass: self, transformed, range, taps });
        });
    }

    /// Transforms both sides of the whole batch.
    fn transformed(&self) -> Transformed {
        let Layer { inputs, outputs, .. } = self.layer;
        let groups: Vec<_> = self
            .tiling
            .groups(PIECE)
            .into_iter()
            .map(|bands| [inputs, outputs].map(|channels| self.points(bands.clone(), channels)))
            .collect();
        let values = |side: usize| groups.iter().map(move |group| group[side].values());
        let (mut tiles, mut gradients) = (Scratch::new(values(0).sum()), Scratch::new(values(1).sum()));
        let sides = cut(&mut tiles, values(0)).into_par_iter().zip(cut(&mut gradients, values(1)));
        groups.par_iter().zip(sides).for_each(|(group, (tiles, gradients))| {
            self.level.run(Transform { pass: self, group, tiles, gradients });
        });
        Transformed { groups, tiles, gradients }
    }

    fn points(&self, bands: Range<usize>, channels: usize) -> Points {
        Points::new(&self.tiling, bands, channels, padded(channels))
    }
}

/// Both sides of a batch, transformed, one group of bands after the other.
struct Transformed {
    /// Where the points of both sides are.
    groups: Vec<[Points; 2]>,
    tiles: Scratch,
    gradients: Scratch,
}

/// Cuts a kernel's gradient into ranges of input channels, each with its rows of the nine taps.
fn rows_of_taps(dw: &mut [f32], layer: Layer, limit: usize) -> Vec<(Range<usize>, [&mut [f32]; 9])> {
    let Layer { inputs, outputs, .. } = layer;
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
struct Part<'a, 'p> {
    pass: &'a WeightGradient<'p>,
    bands: Range<usize>,
    sum: &'a mut [f32],
}

impl Work for Part<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { pass, bands, sum } = self;
        let Layer { inputs, outputs, .. } = pass.layer;
        let layout = PointSums::new(inputs, outputs);
        let limit = (TILES / (inputs + outputs) / pass.tiling.columns).max(1);
        for (index, bands) in split(bands, limit).into_iter().enumerate() {
            let (left, right) = (&pass.points(bands.clone(), inputs), &pass.points(bands.clone(), outputs));
            let tiles = &mut *Scratch::new(left.values());
            let gradients = &mut *Scratch::new(right.values());
            input_tiles(s, pass.x, left, tiles);
            gradient_tiles(s, pass.dy, right, gradients);
            for point in 0..ALL {
                let block = Block { point, inputs: 0..inputs, outputs: 0..outputs };
                let sum = &mut sum[point * layout.distance..];
                block.sum(s, [left, right], tiles, gradients, index > 0, sum);
            }
        }
    }
}

/// Takes sums back to some input channels' rows of the kernel.
struct Back<'a> {
    tile: [usize; 2],
    sums: &'a [&'a [f32]],
    layout: PointSums,
    range: Range<usize>,
    taps: [&'a mut [f32]; 9],
}

impl Work for Back<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        let outputs = self.layout.columns;
        let sums: Vec<&[f32]> = self.sums.iter().map(|sum| &sum[self.range.start * outputs..]).collect();
        let layout = PointSums { rows: self.range.len(), ..self.layout };
        kernel_gradient(s, self.tile, &sums, layout, outputs, 0, &mut self.taps);
    }
}

/// Transforms the tiles of a group of bands, both sides.
struct Transform<'a, 'p> {
    pass: &'a WeightGradient<'p>,
    group: &'a [Points; 2],
    tiles: &'a mut [f32],
    gradients: &'a mut [f32],
}

impl Work for Transform<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let [left, right] = self.group;
        input_tiles(s, self.pass.x, left, self.tiles);
        gradient_tiles(s, self.pass.dy, right, self.gradients);
    }
}

/// Some channels of both sides, at one point.
struct Block {
    point: usize,
    inputs: Range<usize>,
    outputs: Range<usize>,
}

impl Block {
    /// Writes, or adds if `accumulate`, the sum over the tiles of `[left, right]`, which both sides start with: rows
    /// follow one another.
    #[inline(always)]
    fn sum<S: Simd>(
        &self,
        s: S,
        [left, right]: [&Points; 2],
        tiles: &[f32],
        gradients: &[f32],
        accumulate: bool,
        sum: &mut [f32],
    ) {
        let (rows, columns) = (self.inputs.len(), self.outputs.len());
        product(
            s,
            Sizes { m: rows, n: columns, k: left.rows(self.point) },
            Left {
                values: &tiles[left.at(self.point) + self.inputs.start..],
                row_stride: 1,
                column_stride: left.stride,
                afar: false,
            },
            Right {
                values: &gradients[right.at(self.point) + self.outputs.start..],
                row_stride: right.stride,
                panel_stride: 2 * S::LANES,
            },
            sum,
            columns,
            accumulate,
        );
    }
}

impl Transformed {
    /// Sums up a block over the whole batch.
    #[inline(always)]
    fn sum<S: Simd>(&self, s: S, block: Block, sum: &mut [f32]) {
        let (mut tiles, mut gradients) = (&*self.tiles, &*self.gradients);
        for (index, [left, right]) in self.groups.iter().enumerate() {
            block.sum(s, [left, right], tiles, gradients, index > 0, sum);
            (tiles, gradients) = (&tiles[left.values()..], &gradients[right.values()..]);
        }
    }
}

/// Sums up one point.
struct Point<'a, 'p> {
    pass: &'a WeightGradient<'p>,
    transformed: &'a Transformed,
    point: usize,
    sum: &'a mut [f32],
}

impl Work for Point<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Layer { inputs, outputs, .. } = self.pass.layer;
        let block = Block { point: self.point, inputs: 0..inputs, outputs: 0..outputs };
        self.transformed.sum(s, block, self.sum);
    }
}

/// Sums up some input channels' rows of the gradient.
struct Rows<'a, 'p> {
    pass: &'a WeightGradient<'p>,
    transformed: &'a Transformed,
    range: Range<usize>,
    taps: [&'a mut [f32]; 9],
}

impl Work for Rows<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { pass, transformed, range, mut taps } = self;
        let outputs = pass.layer.outputs;
        let panel = 2 * S::LANES;
        let width = if outputs.is_multiple_of(2 * panel) { 2 * panel } else { panel };
        let layout = PointSums::new(range.len(), width);
        let sum = &mut *Scratch::new(layout.values());
        for start in (0..outputs).step_by(width) {
            for point in 0..ALL {
                let block = Block { point, inputs: range.clone(), outputs: start..start + width };
                transformed.sum(s, block, &mut sum[point * layout.distance..]);
            }
            kernel_gradient(s, pass.layer.tile(), &[sum], layout, outputs, start, &mut taps);
        }
    }
}
