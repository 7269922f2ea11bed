//! The convolution, and the gradient of its input, which is a convolution too: implicit GEMMs of packed pixels with panels
//! of weights, block by block of outputs.

use super::block::{HALF, LeftPairs, PAIRS, SIDE, Sums};
use super::pixel_packing::{CACHED, PixelPacking, RowBand, Tap};
use super::unit::Bf16Unit;
use super::weight_panels::{Weight, WeightPanels};
use crate::cut::cut;
use crate::element::{Element, keep_nan_max};
use crate::nhwc::conv_input::ConvInput;
use crate::nhwc::epilogue::Epilogue;
use crate::scratch::{Scratch, as_halves};
use crate::simd::{Simd, Work};
use half::bf16;
use rayon::prelude::*;
use std::ops::Range;

/// Pieces of work that there should be at least.
const PIECES: usize = 8;

/// Outputs of the same taps: all, or every other one of each other row, say.
pub(super) struct Phase {
    /// Rows and columns of outputs.
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// Where the first is among all.
    pub(super) top: usize,
    pub(super) left: usize,
    pub(super) taps: Vec<Tap>,
    pub(super) panels: WeightPanels,
}

/// All outputs, `[images, height, width, channels]`.
pub(super) struct Correlation<'a> {
    pub(super) unit: Bf16Unit,
    pub(super) packing: PixelPacking,
    pub(super) phases: Vec<Phase>,
    pub(super) images: usize,
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) weight: Weight<'a>,
    /// Rows and columns of outputs from one of a phase to the next.
    pub(super) scale: usize,
}

/// A band, packed, and what there is to know of it.
struct PackedBand {
    band: RowBand,
    /// Where its pixels begin, in pairs.
    start: usize,
    /// Of each phase, where its taps are.
    offsets: Vec<Vec<usize>>,
}

/// Accumulators that start at a cache line.
#[repr(align(64))]
struct Aligned(Sums);

impl Correlation<'_> {
    /// Writes the outputs to `y`, or adds them if `accumulate`.
    pub(super) fn run<T: Element>(
        &self,
        x: ConvInput<'_, T>,
        epilogue: Epilogue<'_, bf16>,
        accumulate: bool,
        y: &mut [bf16],
    ) {
        let bands = self.packing.bands(self.images, self.height.div_ceil(self.scale), PIECES);
        let bytes = bands.first().map_or(1, |band| self.packing.size(band.rows.len()) * size_of::<bf16>());
        let together = (CACHED / bytes).min(bands.len() / PIECES).max(1);
        let values = |bands: &[RowBand]| bands.iter().map(|band| self.values(band).len()).sum();
        bands
            .par_chunks(together)
            .zip(cut(y, bands.chunks(together).map(values)))
            .for_each(|(bands, y)| self.task(x, bands, epilogue, accumulate, y));
    }

    /// The outputs of a band.
    fn values(&self, band: &RowBand) -> Range<usize> {
        let row = self.width * self.weight.columns();
        let at = |row: usize| band.image * self.height + (row * self.scale).min(self.height);
        at(band.rows.start) * row..at(band.rows.end) * row
    }

    /// Computes some bands, whose outputs are `y`.
    fn task<T: Element>(
        &self,
        x: ConvInput<'_, T>,
        bands: &[RowBand],
        epilogue: Epilogue<'_, bf16>,
        accumulate: bool,
        y: &mut [bf16],
    ) {
        let Some(start) = bands.first().map(|band| self.values(band).start) else { return };
        let sizes: Vec<usize> = bands.iter().map(|band| self.packing.size(band.rows.len())).collect();
        let mut pixels = Scratch::<u32>::new(sizes.iter().sum::<usize>() / 2);
        for (band, to) in bands.iter().zip(cut(as_halves(&mut pixels), sizes.iter().copied())) {
            self.packing.pack(self.unit.level(), x, band, to);
        }
        let mut at = 0;
        let packed = bands.iter().zip(&sizes).map(|(band, size)| {
            let offsets = self.phases.iter().map(|phase| self.offsets(phase, band)).collect();
            let packed = PackedBand { band: band.clone(), start: at, offsets };
            at += size / 2;
            packed
        });
        let packed: Vec<PackedBand> = packed.collect();
        let blocks = self.weight.columns().div_ceil(SIDE);
        let multiplier = self.unit.ready();
        let level = self.unit.level();
        let mut aligned = Aligned([0.0; SIDE * SIDE]);
        let sums = &mut aligned.0;
        for (index, phase) in self.phases.iter().enumerate() {
            if accumulate && phase.taps.is_empty() {
                continue;
            }
            let mut block = |packed: &PackedBand, first: usize, block: usize, places: &[usize; SIDE]| {
                let pixel_step = self.packing.pixel_step() * self.packing.packed / 2;
                let left = LeftPairs {
                    pairs: &pixels[packed.start + first * pixel_step..],
                    row: pixel_step,
                    half: HALF * pixel_step,
                    step: PAIRS,
                };
                let right = phase.panels.block(block);
                multiplier.multiply(left, &packed.offsets[index], self.weight.steps(), right, false, sums);
                let columns = block * SIDE..(block * SIDE + SIDE).min(self.weight.columns());
                level.run(Store { sums, places, columns, start, epilogue, accumulate, y });
            };
            // What is larger is gone through fewer times.
            if phase.panels.bytes() <= CACHED {
                for packed in &packed {
                    for first in self.firsts(phase, packed) {
                        let places = self.places(phase, packed, first, start);
                        (0..blocks).for_each(|number| block(packed, first, number, &places));
                    }
                }
            } else {
                for number in 0..blocks {
                    for packed in &packed {
                        for first in self.firsts(phase, packed) {
                            let places = self.places(phase, packed, first, start);
                            block(packed, first, number, &places);
                        }
                    }
                }
            }
        }
    }

    /// Where the taps of a phase are in a packed band, in pairs.
    fn offsets(&self, phase: &Phase, band: &RowBand) -> Vec<usize> {
        let pixel = |tap: &Tap| self.packing.pixel(band.rows.len(), *tap);
        phase.taps.iter().map(|tap| pixel(tap) * self.packing.packed / 2).collect()
    }

    /// The first outputs of the blocks of a band, counted from its own first.
    fn firsts(&self, phase: &Phase, packed: &PackedBand) -> impl Iterator<Item = usize> + use<> {
        let rows = packed.band.rows.end.min(phase.rows).saturating_sub(packed.band.rows.start);
        (0..rows * self.packing.row).step_by(SIDE)
    }

    /// Where the outputs of a block go, from `start` on; `usize::MAX` for those that hang over.
    fn places(&self, phase: &Phase, packed: &PackedBand, first: usize, start: usize) -> [usize; SIDE] {
        let (rows, channels) = (&packed.band.rows, self.weight.columns());
        let mut places = [usize::MAX; SIDE];
        let (mut row, mut column) = (rows.start + first / self.packing.row, first % self.packing.row);
        for place in &mut places {
            if row < rows.end.min(phase.rows) && column < phase.columns {
                let y = packed.band.image * self.height + row * self.scale + phase.top;
                let x = column * self.scale + phase.left;
                *place = (y * self.width + x) * channels - start;
            }
            column += 1;
            if column == self.packing.row {
                (row, column) = (row + 1, 0);
            }
        }
        places
    }
}

/// Applies the epilogue to the sums of a block, narrows them and writes them to where they belong.
struct Store<'a, 'y> {
    sums: &'a Sums,
    places: &'a [usize; SIDE],
    columns: Range<usize>,
    /// Number of `y`'s first value in the whole output.
    start: usize,
    epilogue: Epilogue<'a, bf16>,
    accumulate: bool,
    y: &'y mut [bf16],
}

impl Work for Store<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { sums, places, columns, start, epilogue, accumulate, y } = self;
        let whole = columns.len() == SIDE;
        let affine = epilogue.affine.map(|(scale, shift)| (&scale[columns.clone()], &shift[columns.clone()]));
        for (sums, &place) in sums.chunks_exact(SIDE).zip(places) {
            if place == usize::MAX {
                continue;
            }
            let at = place + columns.start;
            let y = &mut y[at..][..columns.len()];
            let add = epilogue.add.map(|add| &add[start + at..][..columns.len()]);
            if whole {
                for lane in (0..SIDE).step_by(S::LANES) {
                    // SAFETY: all of these slices have `SIDE` values, which is whole vectors.
                    unsafe {
                        let mut value = s.load(sums[lane..].as_ptr());
                        if let Some((scale, shift)) = affine {
                            let [scale, shift] = [scale, shift].map(|by| s.load(by[lane..].as_ptr()));
                            value = s.mul_add(value, scale, shift);
                        }
                        if let Some(add) = add {
                            value = s.add(value, s.load_half(add[lane..].as_ptr()));
                        }
                        if epilogue.relu {
                            value = s.relu(value);
                        }
                        let y = y[lane..].as_mut_ptr();
                        if accumulate {
                            value = s.add(value, s.load_half(y));
                        }
                        s.store_half(y, value);
                    }
                }
                continue;
            }
            for (index, (y, sum)) in y.iter_mut().zip(sums).enumerate() {
                let mut value = *sum;
                if let Some((scale, shift)) = affine {
                    value = value * scale[index] + shift[index];
                }
                if let Some(add) = add {
                    value += add[index].widen();
                }
                if epilogue.relu {
                    value = keep_nan_max(value, 0.0);
                }
                if accumulate {
                    value += y.widen();
                }
                *y = Element::narrow(value);
            }
        }
    }
}
