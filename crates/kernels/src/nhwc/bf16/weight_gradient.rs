//! The gradient of the weight: at each tap the product of the gradients of the outputs, transposed, with the pixels
//! under the tap, summed over all outputs.
//!
//! The pairs that are multiplied are outputs that follow one another, and so are the pixels under them. A tap that
//! shifts pixels by an odd number needs them paired the other way; so pixels are paired in both.

use super::block::{DEPTH, HALF, LeftPairs, PAIRS, RightPairs, SIDE, Sums};
use super::pixel_packing::{PixelPacking, RowBand, Tap};
use super::unit::Bf16Unit;
use crate::cut::cut;
use crate::element::Element;
use crate::nhwc::conv_input::ConvInput;
use crate::nhwc::geometry::Geometry;
use crate::scratch::{Scratch, as_halves};
use crate::simd::{SQUARE, Simd, Work};
use half::bf16;
use rayon::prelude::*;

/// Bytes of both factors that are packed before they are multiplied.
pub(super) const CHUNK: usize = 1 << 23;
/// Steps that are multiplied for one tap after the other while they are in the cache.
const STEPS: usize = 32;
/// Pieces of work that there should be at least.
const PIECES: usize = 8;

/// Writes the gradient of the weight to `dw`, packing about `chunk` bytes at a time.
pub(super) fn weight_gradient<T: Element>(
    unit: Bf16Unit,
    g: &Geometry,
    chunk: usize,
    x: ConvInput<'_, T>,
    dy: &[bf16],
    dw: &mut [f32],
) {
    let (packing, taps) = PixelPacking::of(g);
    let pass = WeightGradient::new(unit, g, packing, &taps);
    let sums = &mut *Scratch::new(pass.blocks() * taps.len() * SIDE * SIDE);
    // Sums go over all bands, which are shared out by their blocks.
    let bands = packing.bands(g.images, g.out_height, 1);
    let bytes = |band: &RowBand| 4 * (pass.left_size(band) + pass.right_size(band));
    let together = (chunk / bands.first().map_or(1, bytes)).max(1);
    // In chunks of equal size.
    let together = bands.len().div_ceil(bands.len().div_ceil(together).max(1));
    for (index, bands) in bands.chunks(together.max(1)).enumerate() {
        pass.add(x, dy, bands, index > 0, sums);
    }
    pass.write(sums, dw);
}

/// One way of pairing the pixels that some taps look at.
#[derive(Clone, Copy, PartialEq, Eq)]
struct View {
    /// The first tap of those whose pixels are whole outputs apart.
    plane: Tap,
    /// Whether pairs begin with the second pixel.
    odd: bool,
}

struct WeightGradient {
    unit: Bf16Unit,
    packing: PixelPacking,
    outputs: usize,
    /// Of outputs, in an image.
    rows: usize,
    columns: usize,
    views: Vec<View>,
    /// Of each tap, its view and by how many pairs it is shifted.
    taps: Vec<(usize, usize)>,
}

/// The factors of a band, packed.
struct Factors {
    left: usize,
    right: usize,
    /// Steps that the band's outputs take.
    steps: usize,
    /// Pairs of pixels in a view.
    pairs: usize,
}

impl WeightGradient {
    fn new(unit: Bf16Unit, g: &Geometry, packing: PixelPacking, taps: &[Tap]) -> Self {
        let mut views = Vec::new();
        let taps = taps.iter().map(|&tap| {
            let (plane, shift) = packing.shift(tap);
            let view = View { plane, odd: shift % 2 == 1 };
            let known = views.iter().position(|known| *known == view);
            let index = known.unwrap_or_else(|| {
                views.push(view);
                views.len() - 1
            });
            (index, shift / 2)
        });
        let taps = taps.collect();
        Self { unit, packing, outputs: g.outputs, rows: g.out_height, columns: g.out_width, views, taps }
    }

    /// Blocks of outputs, and of inputs.
    fn sides(&self) -> [usize; 2] {
        [self.outputs.div_ceil(SIDE), self.packing.packed / SIDE]
    }

    fn blocks(&self) -> usize {
        let [outputs, inputs] = self.sides();
        outputs * inputs
    }

    fn steps(&self, band: &RowBand) -> usize {
        (band.rows.len() * self.packing.row).div_ceil(DEPTH)
    }

    /// Pairs that the gradients of a band's outputs take.
    fn left_size(&self, band: &RowBand) -> usize {
        self.sides()[0] * SIDE * self.steps(band) * PAIRS
    }

    /// Pairs that its pixels take.
    fn right_size(&self, band: &RowBand) -> usize {
        self.views.len() * self.packing.packed * self.packing.pairs(band.rows.len())
    }

    /// Adds the products of some bands to the sums, or writes them if there are none yet.
    fn add<T: Element>(
        &self,
        x: ConvInput<'_, T>,
        dy: &[bf16],
        bands: &[RowBand],
        accumulate: bool,
        sums: &mut [f32],
    ) {
        let size =
            |size: fn(&Self, &RowBand) -> usize| bands.iter().map(|band| size(self, band)).sum::<usize>();
        let left = &mut *Scratch::<u32>::new(size(Self::left_size));
        let right = &mut *Scratch::<u32>::new(size(Self::right_size));
        let mut factors = Vec::with_capacity(bands.len());
        let (mut left_at, mut right_at) = (0, 0);
        for band in bands {
            let (steps, pairs) = (self.steps(band), self.packing.pairs(band.rows.len()));
            factors.push(Factors { left: left_at, right: right_at, steps, pairs });
            left_at += self.left_size(band);
            right_at += self.right_size(band);
        }
        let level = self.unit.level();
        let left_pieces = cut(left, bands.iter().map(|band| self.left_size(band)));
        let right_pieces = cut(right, bands.iter().map(|band| self.right_size(band)));
        bands.par_iter().zip(left_pieces).zip(right_pieces).for_each(|((band, left), right)| {
            level.run(Gradients { pass: self, dy, band, to: left });
            let mut pixels = Scratch::<u32>::new(self.packing.size(band.rows.len()) / 2);
            let pixels = as_halves(&mut pixels);
            self.packing.pack(level, x, band, pixels);
            level.run(Pixels { pass: self, band, pixels, to: right });
        });

        let (left, right): (&[u32], &[u32]) = (left, right);
        let (taps, inputs) = (self.taps.len(), self.sides()[1]);
        // Where there are few blocks, the taps are shared out too.
        let together = if self.blocks() < PIECES { taps.div_ceil(3) } else { taps };
        sums.par_chunks_mut(taps * SIDE * SIDE).enumerate().for_each(|(block, sums)| {
            sums.par_chunks_mut(together * SIDE * SIDE).enumerate().for_each(|(part, sums)| {
                let taps = &self.taps[part * together..(part * together + together).min(taps)];
                self.multiply(
                    left,
                    right,
                    &factors,
                    [block / inputs, block % inputs],
                    taps,
                    accumulate,
                    sums,
                );
            });
        });
    }

    /// Adds up the products of one block of outputs with one of inputs, for some taps.
    #[allow(clippy::too_many_arguments)]
    fn multiply(
        &self,
        left: &[u32],
        right: &[u32],
        factors: &[Factors],
        [output, input]: [usize; 2],
        taps: &[(usize, usize)],
        accumulate: bool,
        sums: &mut [f32],
    ) {
        let multiplier = self.unit.ready();
        let mut accumulate = accumulate;
        for factors in factors {
            let half = factors.steps * HALF * PAIRS;
            let panel = factors.pairs * HALF;
            for first in (0..factors.steps).step_by(STEPS) {
                let steps = (factors.steps - first).min(STEPS);
                let left = LeftPairs {
                    pairs: &left[factors.left + 2 * output * half + first * HALF * PAIRS..],
                    row: PAIRS,
                    half,
                    step: HALF * PAIRS,
                };
                for (&(view, shift), sums) in taps.iter().zip(sums.chunks_exact_mut(SIDE * SIDE)) {
                    let panels = view * self.packing.packed / HALF + 2 * input;
                    let start = factors.right + panels * panel + (shift + first * PAIRS) * HALF;
                    let right = RightPairs { pairs: &right[start..], half: panel, step: PAIRS * HALF };
                    let Ok(sums) = <&mut Sums>::try_from(sums) else { continue };
                    multiplier.multiply(left, &[0], steps, right, accumulate, sums);
                }
                accumulate = true;
            }
        }
    }

    /// Writes the sums where the weights belong.
    fn write(&self, sums: &[f32], dw: &mut [f32]) {
        let (taps, depth, outputs) = (self.taps.len(), self.packing.depth(), self.outputs);
        let inputs = self.sides()[1];
        let level = self.unit.level();
        dw.par_chunks_mut(depth * outputs).enumerate().for_each(|(tap, dw)| {
            dw.par_chunks_mut(SIDE * outputs).enumerate().for_each(|(input, dw)| {
                let blocks = (0..outputs.div_ceil(SIDE)).map(|output| (output * inputs + input) * taps + tap);
                for (block, start) in blocks.zip((0..outputs).step_by(SIDE)) {
                    let sums = &sums[block * SIDE * SIDE..][..SIDE * SIDE];
                    level.run(Turn { sums, start, outputs, dw });
                }
            });
        });
    }
}

/// Writes the gradients of the outputs of a band, transposed, in tiles of 16 channels by 32 outputs.
struct Gradients<'a> {
    pass: &'a WeightGradient,
    dy: &'a [bf16],
    band: &'a RowBand,
    to: &'a mut [u32],
}

impl Work for Gradients<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { pass, dy, band, to } = self;
        let (outputs, columns, row) = (pass.outputs, pass.columns, pass.packing.row);
        let steps = pass.steps(band);
        let pixels = band.rows.len() * columns;
        let first = (band.image * pass.rows + band.rows.start) * columns;
        let dy = &dy[first * outputs..][..pixels * outputs];
        for step in 0..steps {
            // Where the gradients of each output of the step are.
            let mut places = [None; DEPTH];
            for (index, place) in places.iter_mut().enumerate() {
                let (y, x) = ((step * DEPTH + index) / row, (step * DEPTH + index) % row);
                *place = (x < columns && y < band.rows.len()).then_some((y * columns + x) * outputs);
            }
            for channel in (0..pass.sides()[0] * SIDE).step_by(HALF) {
                let mut rows = [0u32; SQUARE * SQUARE];
                for (rows, places) in rows.chunks_exact_mut(HALF).zip(places.chunks_exact(2)) {
                    let [first, second] = [0, 1].map(|half| channels(dy, outputs, places[half], channel));
                    for c in 0..HALF {
                        rows[c] = paired(first[c], second[c]);
                    }
                }
                let tile = (channel / HALF * steps + step) * SQUARE * SQUARE;
                if let Ok(to) = (&mut to[tile..][..SQUARE * SQUARE]).try_into() {
                    s.transpose(&rows, to);
                }
            }
        }
    }
}

/// Two numbers as a pair, the first in the lower half.
#[inline(always)]
fn paired(first: bf16, second: bf16) -> u32 {
    u32::from(first.to_bits()) | u32::from(second.to_bits()) << 16
}

/// Sixteen channels of an output, with zeros beyond the last; of no output, zeros.
#[inline(always)]
fn channels(dy: &[bf16], outputs: usize, place: Option<usize>, first: usize) -> [bf16; HALF] {
    let mut channels = [bf16::ZERO; HALF];
    if let Some(place) = place {
        let from = &dy[place + first.min(outputs)..place + outputs];
        match from.first_chunk::<HALF>() {
            Some(whole) => channels = *whole,
            None => channels[..from.len()].copy_from_slice(from),
        }
    }
    channels
}

/// Writes the packed pixels of a band in pairs, 16 channels after the other.
struct Pixels<'a> {
    pass: &'a WeightGradient,
    band: &'a RowBand,
    pixels: &'a [bf16],
    to: &'a mut [u32],
}

impl Work for Pixels<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Self { pass, band, pixels, to } = self;
        let (packing, packed) = (&pass.packing, pass.packing.packed);
        let pairs = packing.pairs(band.rows.len());
        let step = packing.pixel_step() * packed;
        for (view, to) in pass.views.iter().zip(to.chunks_exact_mut(packed * pairs)) {
            let first = packing.pixel(band.rows.len(), view.plane) * packed + usize::from(view.odd) * step;
            for pair in 0..pairs {
                let upper = &pixels[first + 2 * pair * step..][..packed];
                let lower = &pixels[first + (2 * pair + 1) * step..][..packed];
                for (panel, (upper, lower)) in
                    upper.chunks_exact(HALF).zip(lower.chunks_exact(HALF)).enumerate()
                {
                    let to = &mut to[(panel * pairs + pair) * HALF..][..HALF];
                    for c in 0..HALF {
                        to[c] = paired(upper[c], lower[c]);
                    }
                }
            }
        }
    }
}

/// Writes a block of sums, transposed, to columns of the gradient from `start` on.
struct Turn<'a, 'w> {
    sums: &'a [f32],
    start: usize,
    outputs: usize,
    dw: &'w mut [f32],
}

impl Work for Turn<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { sums, start, outputs, dw } = self;
        let count = (outputs - start).min(SIDE);
        for (first, dw) in dw.chunks_mut(SQUARE * outputs).enumerate() {
            for output in (0..count).step_by(SQUARE) {
                let mut square = [0u32; SQUARE * SQUARE];
                for (row, square) in square.chunks_exact_mut(SQUARE).enumerate() {
                    let sums = &sums[(output + row) * SIDE + first * SQUARE..][..SQUARE];
                    square.iter_mut().zip(sums).for_each(|(to, sum)| *to = sum.to_bits());
                }
                let mut turned = [0u32; SQUARE * SQUARE];
                s.transpose(&square, &mut turned);
                let count = (count - output).min(SQUARE);
                for (dw, turned) in dw.chunks_exact_mut(outputs).zip(turned.chunks_exact(SQUARE)) {
                    let dw = &mut dw[start + output..][..count];
                    dw.iter_mut().zip(turned).for_each(|(dw, bits)| *dw = f32::from_bits(*bits));
                }
            }
        }
    }
}
