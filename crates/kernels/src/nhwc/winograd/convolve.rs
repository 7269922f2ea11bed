//! The convolution itself, which is the input gradient's too.

use super::tiling::{Layer, Method, Tiling, padded};
use super::transform::{APART, Kernel, Points, input_tiles, kernel_panels, output_tiles};
use crate::microkernel::{Left, Right, Sizes, product};
use crate::nhwc::Epilogue;
use crate::scratch::Scratch;
use crate::simd::{Level, Simd, Work};
use rayon::prelude::*;
use std::ops::Range;

/// Tiles transformed and multiplied at a time where the transformed kernel is kept.
const TILES: usize = 1 << 13;
/// Panels' widths of input channels whose kernels are transformed at a time where it is not: with two panels of outputs
/// they take a part of the second-level cache that grows with the vectors, as these caches do.
const INPUTS: usize = 4;
/// Values of a transformed kernel up to which it pays to keep it, per tile of the batch.
const KEPT: usize = 1 << 12;
/// Tiles, about, that are transformed in a piece where it is not kept.
const PIECE: usize = 64;

/// Writes the convolution of `x` `[n, h, w, inputs]` with `weight` `[3, 3, inputs, outputs]` to `y` `[n, h, w,
/// outputs]`, or adds it if `accumulate`. If `mirrored`, the weight is `[3, 3, outputs, inputs]` and its taps are
/// taken in reverse order: the input gradient of the layer that it belongs to. The channels are multiples of the
/// level's panel.
#[allow(clippy::too_many_arguments)]
pub(crate) fn convolve(
    level: Level,
    layer: Layer,
    method: Method,
    x: &[f32],
    weight: &[f32],
    mirrored: bool,
    accumulate: bool,
    epilogue: Epilogue<'_, f32>,
    y: &mut [f32],
) {
    let kernel = Kernel { values: weight, inputs: layer.inputs, outputs: layer.outputs, mirrored };
    match method {
        Method::F2 => {
            Pass::<4, 2> { level, layer, tiling: layer.tiling(2), x, kernel, accumulate, epilogue }.run(y)
        }
        Method::F4 => {
            Pass::<6, 4> { level, layer, tiling: layer.tiling(4), x, kernel, accumulate, epilogue }.run(y)
        }
    }
}

struct Pass<'a, const P: usize, const M: usize> {
    level: Level,
    layer: Layer,
    tiling: Tiling,
    x: &'a [f32],
    kernel: Kernel<'a>,
    accumulate: bool,
    epilogue: Epilogue<'a, f32>,
}

impl<const P: usize, const M: usize> Pass<'_, P, M> {
    fn run(&self, y: &mut [f32]) {
        if P * P * self.layer.inputs * self.layer.outputs <= KEPT * self.tiling.tiles() {
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
        let size = P * P * (inputs * panel + APART);
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
        let outputs = self.layer.outputs;
        let (panel, tiles) = (self.level.panel(), self.tiling.tiles());
        // Two panels at a time read the tiles half as often.
        let width = if outputs.is_multiple_of(2 * panel) { 2 * panel } else { panel };
        let groups = self.tiling.groups(PIECE);
        let values = groups.iter().map(|bands| self.input_points(bands).values(P * P)).sum();
        let tiles_in = &mut *Scratch::new(values);
        let products = &mut *Scratch::new(outputs / width * P * P * (tiles * width + APART));
        let mut rest = &mut *tiles_in;
        let mut tasks = Vec::with_capacity(groups.len());
        for bands in &groups {
            let (piece, tail) = rest.split_at_mut(self.input_points(bands).values(P * P));
            tasks.push((bands.clone(), piece));
            rest = tail;
        }
        tasks.into_par_iter().for_each(|(bands, to)| self.level.run(Tiles { pass: self, bands, to }));
        let from: &[f32] = tiles_in;
        products.par_chunks_mut(P * P * (tiles * width + APART)).enumerate().for_each(|(index, to)| {
            self.level.run(Products { pass: self, groups: &groups, from, start: index * width, width, to });
        });
        let products: &[f32] = products;
        self.pieces(&groups, y)
            .into_par_iter()
            .for_each(|(bands, y)| self.level.run(Outputs { pass: self, bands, products, width, y }));
    }

    fn input_points(&self, bands: &Range<usize>) -> Points {
        let inputs = self.layer.inputs;
        Points { rows: bands.len() * self.tiling.columns, stride: padded(inputs), channels: inputs }
    }

    /// The pixels of each group of bands.
    fn pieces<'y>(&self, groups: &[Range<usize>], y: &'y mut [f32]) -> Vec<(Range<usize>, &'y mut [f32])> {
        let mut rest = y;
        let mut pieces = Vec::with_capacity(groups.len());
        for bands in groups {
            let rows = self.tiling.pixel_row(bands.end) - self.tiling.pixel_row(bands.start);
            let (piece, tail) = rest.split_at_mut(rows * self.tiling.width * self.layer.outputs);
            pieces.push((bands.clone(), piece));
            rest = tail;
        }
        pieces
    }
}

/// Transforms a part of the kernel.
struct Panels<'a, 'p, const P: usize, const M: usize> {
    pass: &'a Pass<'p, P, M>,
    inputs: Range<usize>,
    start: usize,
    width: usize,
    to: &'a mut [f32],
}

impl<const P: usize, const M: usize> Work for Panels<'_, '_, P, M> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        kernel_panels::<S, P>(s, self.pass.kernel, self.inputs, self.start, self.width, self.to);
    }
}

/// Takes a group of bands from the image to the output.
struct Group<'a, 'p, const P: usize, const M: usize> {
    pass: &'a Pass<'p, P, M>,
    bands: Range<usize>,
    kernel: &'a [f32],
    y: &'a mut [f32],
}

impl<const P: usize, const M: usize> Work for Group<'_, '_, P, M> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { pass, bands, kernel, y } = self;
        let Layer { inputs, outputs, .. } = pass.layer;
        let (panel, from) = (2 * S::LANES, pass.input_points(&bands));
        let to = Points { rows: from.rows, stride: padded(outputs), channels: outputs };
        let tiles = &mut *Scratch::new(from.values(P * P));
        let products = &mut *Scratch::new(to.values(P * P));
        input_tiles::<S, P>(s, &pass.tiling, pass.x, bands.clone(), from, tiles);
        for point in 0..P * P {
            product(
                s,
                Sizes { m: from.rows, n: outputs, k: inputs },
                Left {
                    values: &tiles[point * from.point()..],
                    row_stride: from.stride,
                    column_stride: 1,
                    afar: false,
                },
                Right {
                    values: &kernel[point * (inputs * panel + APART)..],
                    row_stride: panel,
                    panel_stride: P * P * (inputs * panel + APART),
                },
                &mut products[point * to.point()..],
                to.stride,
                false,
            );
        }
        let products: &[f32] = products;
        let part = |channel| (&products[channel..], to);
        output_tiles::<S, P, M>(s, &pass.tiling, outputs, bands.clone(), part, pass.accumulate, y);
        pass.finish(&bands, y);
    }
}

/// Transforms the input tiles of a group of bands.
struct Tiles<'a, 'p, const P: usize, const M: usize> {
    pass: &'a Pass<'p, P, M>,
    bands: Range<usize>,
    to: &'a mut [f32],
}

impl<const P: usize, const M: usize> Work for Tiles<'_, '_, P, M> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let points = self.pass.input_points(&self.bands);
        input_tiles::<S, P>(s, &self.pass.tiling, self.pass.x, self.bands, points, self.to);
    }
}

/// Multiplies all tiles with a few output channels' kernels.
struct Products<'a, 'p, const P: usize, const M: usize> {
    pass: &'a Pass<'p, P, M>,
    groups: &'a [Range<usize>],
    from: &'a [f32],
    start: usize,
    width: usize,
    to: &'a mut [f32],
}

impl<const P: usize, const M: usize> Work for Products<'_, '_, P, M> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { pass, groups, from, start, width, to } = self;
        let (panel, tiles) = (2 * S::LANES, pass.tiling.tiles());
        let most = (INPUTS * panel).min(pass.layer.inputs);
        let kernel = &mut *Scratch::new(P * P * (most * width + APART));
        for first in (0..pass.layer.inputs).step_by(most) {
            let inputs = first..(first + most).min(pass.layer.inputs);
            let count = inputs.len();
            kernel_panels::<S, P>(s, pass.kernel, inputs, start, width, kernel);
            for point in 0..P * P {
                let (mut at, mut row) = (0, 0);
                for bands in groups {
                    let points = pass.input_points(bands);
                    product(
                        s,
                        Sizes { m: points.rows, n: width, k: count },
                        Left {
                            values: &from[at + point * points.point() + first..],
                            row_stride: points.stride,
                            column_stride: 1,
                            afar: true,
                        },
                        Right {
                            values: &kernel[point * (count * width + APART)..],
                            row_stride: panel,
                            panel_stride: count * panel,
                        },
                        &mut to[point * (tiles * width + APART) + row * width..],
                        width,
                        first > 0,
                    );
                    at += points.values(P * P);
                    row += points.rows;
                }
            }
        }
    }
}

/// Transforms a group of bands of the products to output pixels.
struct Outputs<'a, 'p, const P: usize, const M: usize> {
    pass: &'a Pass<'p, P, M>,
    bands: Range<usize>,
    products: &'a [f32],
    width: usize,
    y: &'a mut [f32],
}

impl<const P: usize, const M: usize> Work for Outputs<'_, '_, P, M> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { pass, bands, products, width, y } = self;
        let rows = pass.tiling.tiles();
        let first = bands.start * pass.tiling.columns;
        let points = Points { rows, stride: width, channels: width };
        let part = |channel| {
            let panel = channel / width * points.values(P * P);
            (&products[panel + first * width + channel % width..], points)
        };
        output_tiles::<S, P, M>(s, &pass.tiling, pass.layer.outputs, bands.clone(), part, pass.accumulate, y);
        pass.finish(&bands, y);
    }
}
