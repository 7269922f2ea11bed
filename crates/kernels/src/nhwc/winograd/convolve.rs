//! The convolution in the transformed domain; with a mirrored kernel it is the gradient of the input.

use super::kernel::{Kernel, kernel_panels};
use super::points::{ALL, Points};
use super::tiling::{Layer, Tiling, padded};
use super::transform::{input_tiles, output_tiles};
use crate::cut::cut;
use crate::microkernel::{APART, Left, Right, Sizes, product};
use crate::nhwc::conv_input::ConvInput;
use crate::nhwc::epilogue::Epilogue;
use crate::scratch::Scratch;
use crate::simd::{Level, Simd, Work};
use rayon::prelude::*;
use std::ops::Range;

/// Tiles, times the channels of both sides, transformed and multiplied at a time where the whole transformed kernel is in memory.
const TILES: usize = 1 << 13;
/// Panels' widths of input channels whose kernels are transformed at a time where it is not: with two panels of outputs
/// they take a part of the second-level cache that grows with the vectors, as these caches do.
const INPUTS: usize = 4;
/// Values of a transformed kernel up to which it pays to transform it as a whole first, per tile of the batch.
const KEPT: usize = 1 << 12;
/// Tiles, about, that are transformed in a piece otherwise.
const PIECE: usize = 64;

/// Writes the convolution of `x` `[n, h, w, inputs]` with `weight` `[3, 3, inputs, outputs]` to `y` `[n, h, w,
/// outputs]`, or adds it if `accumulate`. If `mirrored`, the weight is `[3, 3, outputs, inputs]` and its taps are
/// taken in reverse order: the input gradient of the layer that it belongs to. The channels are multiples of the
/// level's panel.
#[allow(clippy::too_many_arguments)]
pub(crate) fn convolve(
    level: Level,
    layer: Layer,
    x: ConvInput<'_, f32>,
    weight: &[f32],
    mirrored: bool,
    accumulate: bool,
    epilogue: Epilogue<'_, f32>,
    y: &mut [f32],
) {
    let Layer { inputs, outputs, .. } = layer;
    let kernel = Kernel { values: weight, inputs, outputs, mirrored, tile: layer.tile() };
    Convolve { level, layer, tiling: layer.tiling(), x, kernel, accumulate, epilogue }.run(y);
}

struct Convolve<'a> {
    level: Level,
    layer: Layer,
    tiling: Tiling,
    x: ConvInput<'a, f32>,
    kernel: Kernel<'a>,
    accumulate: bool,
    epilogue: Epilogue<'a, f32>,
}

impl Convolve<'_> {
    fn run(&self, y: &mut [f32]) {
        if ALL * self.layer.inputs * self.layer.outputs <= KEPT * self.tiling.tiles() {
            self.by_tiles(y);
        } else {
            self.by_outputs(y);
        }
    }

    /// What is left to do for output pixels just written.
    fn finish(&self, bands: &Range<usize>, y: &mut [f32]) {
        let start = self.tiling.pixel_row(bands.start) * self.tiling.width * self.layer.outputs;
        self.epilogue.apply(start, y);
    }

    /// For many tiles: the kernel is transformed once, and then each group of tiles goes from the image to the
    /// output while it is in the cache.
    fn by_tiles(&self, y: &mut [f32]) {
        let Layer { inputs, outputs, .. } = self.layer;
        let panel = self.level.panel();
        let size = ALL * (inputs * panel + APART);
        let kernel = &mut *Scratch::new(outputs / panel * size);
        kernel.par_chunks_mut(size).enumerate().for_each(|(index, to)| {
            self.level.run(Panels { pass: self, inputs: 0..inputs, start: index * panel, width: panel, to });
        });
        let kernel: &[f32] = kernel;
        let groups = self.tiling.groups((TILES / (inputs + outputs)).max(1));
        self.pieces(&groups, y)
            .into_par_iter()
            .for_each(|(bands, y)| self.level.run(Group { pass: self, bands, kernel, y }));
    }

    /// For large kernels and few tiles: all tiles are transformed first; then the kernel is, a part at a time,
    /// and used up while that part is in the cache.
    fn by_outputs(&self, y: &mut [f32]) {
        let Layer { inputs, outputs, .. } = self.layer;
        let panel = self.level.panel();
        // Two panels at a time read the tiles half as often.
        let width = if outputs.is_multiple_of(2 * panel) { 2 * panel } else { panel };
        let groups = self.tiling.groups(PIECE);
        let from: Vec<_> = groups.iter().map(|bands| self.points(bands.clone(), inputs)).collect();
        let tiles = &mut *Scratch::new(from.iter().map(Points::values).sum());
        let to = &Points::new(&self.tiling, 0..self.tiling.bands(), width, width);
        let products = &mut *Scratch::new(outputs / width * to.values());
        from.par_iter()
            .zip(cut(tiles, from.iter().map(Points::values)))
            .for_each(|(points, to)| self.level.run(Tiles { x: self.x, points, to }));
        let tiles: &[f32] = tiles;
        products.par_chunks_mut(to.values()).enumerate().for_each(|(index, products)| {
            let start = index * width;
            self.level.run(Products { pass: self, from: &from, tiles, start, to, products });
        });
        let products: &[f32] = products;
        self.pieces(&groups, y)
            .into_par_iter()
            .for_each(|(bands, y)| self.level.run(Outputs { pass: self, bands, points: to, products, y }));
    }

    fn points(&self, bands: Range<usize>, channels: usize) -> Points {
        Points::new(&self.tiling, bands, channels, padded(channels))
    }

    /// The pixels of each group of bands.
    fn pieces<'y>(&self, groups: &[Range<usize>], y: &'y mut [f32]) -> Vec<(Range<usize>, &'y mut [f32])> {
        let values = |bands: &Range<usize>| {
            let rows = self.tiling.pixel_row(bands.end) - self.tiling.pixel_row(bands.start);
            rows * self.tiling.width * self.layer.outputs
        };
        groups.iter().cloned().zip(cut(y, groups.iter().map(values))).collect()
    }
}

/// Transforms a part of the kernel.
struct Panels<'a, 'p> {
    pass: &'a Convolve<'p>,
    inputs: Range<usize>,
    start: usize,
    width: usize,
    to: &'a mut [f32],
}

impl Work for Panels<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        kernel_panels(s, self.pass.kernel, self.inputs, self.start, self.width, self.to);
    }
}

/// Takes a group of bands from the image to the output.
struct Group<'a, 'p> {
    pass: &'a Convolve<'p>,
    bands: Range<usize>,
    kernel: &'a [f32],
    y: &'a mut [f32],
}

impl Work for Group<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { pass, bands, kernel, y } = self;
        let Layer { inputs, outputs, .. } = pass.layer;
        let panel = 2 * S::LANES;
        let from = &pass.points(bands.clone(), inputs);
        let to = &pass.points(bands.clone(), outputs);
        let tiles = &mut *Scratch::new(from.values());
        let products = &mut *Scratch::new(to.values());
        input_tiles(s, pass.x, from, tiles);
        for point in 0..ALL {
            product(
                s,
                Sizes { m: from.rows(point), n: outputs, k: inputs },
                Left {
                    values: &tiles[from.at(point)..],
                    row_stride: from.stride,
                    column_stride: 1,
                    afar: false,
                },
                Right {
                    values: &kernel[point * (inputs * panel + APART)..],
                    row_stride: panel,
                    panel_stride: ALL * (inputs * panel + APART),
                },
                &mut products[to.at(point)..],
                to.stride,
                false,
            );
        }
        let products: &[f32] = products;
        let from = |channel| &products[channel..];
        output_tiles(s, to, bands.clone(), outputs, from, pass.accumulate, y);
        pass.finish(&bands, y);
    }
}

/// Transforms the input tiles of a group of bands.
struct Tiles<'a> {
    x: ConvInput<'a, f32>,
    points: &'a Points,
    to: &'a mut [f32],
}

impl Work for Tiles<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        input_tiles(s, self.x, self.points, self.to);
    }
}

/// Multiplies all tiles with a few output channels' kernels.
struct Products<'a, 'p> {
    pass: &'a Convolve<'p>,
    /// Of each group of bands.
    from: &'a [Points],
    /// The groups, one after the other.
    tiles: &'a [f32],
    start: usize,
    /// Of all bands.
    to: &'a Points,
    products: &'a mut [f32],
}

impl Work for Products<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { pass, from, tiles, start, to, products } = self;
        let (panel, width) = (2 * S::LANES, to.channels);
        let most = (INPUTS * panel).min(pass.layer.inputs);
        let kernel = &mut *Scratch::new(ALL * (most * width + APART));
        for first in (0..pass.layer.inputs).step_by(most) {
            let inputs = first..(first + most).min(pass.layer.inputs);
            let count = inputs.len();
            kernel_panels(s, pass.kernel, inputs, start, width, kernel);
            for point in 0..ALL {
                let (mut group, mut row) = (0, to.at(point));
                for points in from {
                    let rows = points.rows(point);
                    product(
                        s,
                        Sizes { m: rows, n: width, k: count },
                        Left {
                            values: &tiles[group + points.at(point) + first..],
                            row_stride: points.stride,
                            column_stride: 1,
                            afar: true,
                        },
                        Right {
                            values: &kernel[point * (count * width + APART)..],
                            row_stride: panel,
                            panel_stride: count * panel,
                        },
                        &mut products[row..],
                        width,
                        first > 0,
                    );
                    group += points.values();
                    row += rows * width;
                }
            }
        }
    }
}

/// Transforms a group of bands of the products to output pixels.
struct Outputs<'a, 'p> {
    pass: &'a Convolve<'p>,
    bands: Range<usize>,
    /// Of all bands, for a few output channels.
    points: &'a Points,
    /// Some output channels after the other.
    products: &'a [f32],
    y: &'a mut [f32],
}

impl Work for Outputs<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { pass, bands, points, products, y } = self;
        let width = points.channels;
        let from = |channel| &products[channel / width * points.values() + channel % width..];
        output_tiles(s, points, bands.clone(), pass.layer.outputs, from, pass.accumulate, y);
        pass.finish(&bands, y);
    }
}
