//! How pixels are packed as the left factor of products: rows of whole blocks of channels, with zeros around the image.
//!
//! Outputs are counted through a grid, row by row; the packed rows are as long as the grid's, and what hangs over is
//! computed and thrown away. So the values under a tap of the kernel lie, for one output after the other, a fixed
//! distance apart, and a product may start at any output. With a stride, image rows go to as many planes as it has
//! steps, so that this holds across rows too.

use super::block::{DEPTH, SIDE};
use crate::element::{Element, ElementType};
use crate::nhwc::batch_norm::{Normalisation, normalise_pixel, parameters};
use crate::nhwc::conv_input::ConvInput;
use crate::nhwc::geometry::Geometry;
use crate::scratch::Scratch;
use crate::simd::{Level, Simd, Work};
use half::bf16;
use std::ops::Range;

/// Bytes of packed pixels that stay in the second-level cache while they are multiplied.
pub(super) const CACHED: usize = 1 << 19;
/// Input channels below which a row of the kernel is taken for one tap with the channels of all its pixels.
const FEW: usize = 16;
/// Pixels after the last that a block, or a pair, may touch.
const SLACK: usize = 40;

/// Where a tap looks, from where an output's window begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tap {
    pub(super) row: isize,
    pub(super) column: isize,
}

/// The layout of the packed pixels of a convolution's input, or of the gradient of its output.
#[derive(Clone, Copy, Debug)]
pub(super) struct PixelPacking {
    height: usize,
    width: usize,
    channels: usize,
    /// Image rows and columns from one output to the next.
    step: usize,
    /// The lowest row and column that a tap has.
    first: Tap,
    /// Outputs in a packed row, with those that hang over.
    pub(super) row: usize,
    /// Packed rows that taps reach beyond an output's own.
    reach: usize,
    /// Columns of a kernel whose rows are taps; pixels are then repeated for each output that they are under.
    strip: Option<usize>,
    /// Channels of a packed pixel: whole steps of products.
    pub(super) packed: usize,
}

/// A band: some rows of outputs of one image.
#[derive(Clone, Debug)]
pub(super) struct RowBand {
    pub(super) image: usize,
    pub(super) rows: Range<usize>,
}

impl PixelPacking {
    /// For taps on an input `[images, height, width, channels]`, whose outputs, `columns` of them in a row, are `step`
    /// pixels apart.
    pub(super) fn new(
        [height, width, channels]: [usize; 3],
        step: usize,
        columns: usize,
        taps: &[Tap],
    ) -> Self {
        let range = |place: fn(&Tap) -> isize| {
            let low = taps.iter().map(place).min().unwrap_or(0);
            (low, (taps.iter().map(place).max().unwrap_or(0) - low) as usize)
        };
        let ((row, rows_beyond), (column, columns_beyond)) = (range(|tap| tap.row), range(|tap| tap.column));
        Self {
            height,
            width,
            channels,
            step,
            first: Tap { row, column },
            row: columns + columns_beyond.div_ceil(step),
            reach: rows_beyond / step,
            strip: None,
            packed: channels.next_multiple_of(DEPTH),
        }
    }

    /// For a convolution as it is, and its taps in the order of the weights. With few channels the taps are the rows
    /// of the kernel.
    pub(super) fn of(g: &Geometry) -> (Self, Vec<Tap>) {
        let size = [g.height, g.width, g.inputs];
        let tap = |row: usize, column: usize| Tap {
            row: row as isize - g.padding as isize,
            column: column as isize - g.padding as isize,
        };
        let rows = 0..g.kernel_height;
        if g.inputs >= FEW || g.kernel_width == 1 {
            let taps: Vec<_> =
                rows.flat_map(|row| (0..g.kernel_width).map(move |column| tap(row, column))).collect();
            return (Self::new(size, g.stride, g.out_width, &taps), taps);
        }
        let taps: Vec<_> = rows.map(|row| tap(row, 0)).collect();
        let packed = (g.kernel_width * g.inputs).next_multiple_of(DEPTH);
        let packing = Self::new(size, g.stride, g.out_width, &taps);
        (Self { strip: Some(g.kernel_width), packed, ..packing }, taps)
    }

    /// Numbers that are summed over for each tap.
    pub(super) fn depth(&self) -> usize {
        self.strip.unwrap_or(1) * self.channels
    }

    /// Packed pixels from one output to the next.
    pub(super) fn pixel_step(&self) -> usize {
        if self.strip.is_some() { 1 } else { self.step }
    }

    /// Packed pixels in a packed row.
    fn pitch(&self) -> usize {
        self.row * self.pixel_step()
    }

    /// Packed rows in a plane, for so many rows of outputs.
    fn slots(&self, rows: usize) -> usize {
        rows + self.reach
    }

    /// Numbers that a band of so many rows of outputs takes.
    pub(super) fn size(&self, rows: usize) -> usize {
        let pixels = self.step * self.slots(rows) * self.pitch();
        (pixels + SLACK * self.pixel_step() + self.pitch()) * self.packed
    }

    /// Pairs of outputs' pixels in a plane, for so many rows of outputs.
    pub(super) fn pairs(&self, rows: usize) -> usize {
        ((self.slots(rows) + 1) * self.row + DEPTH).div_ceil(2)
    }

    /// The tap at the same place of the first output's window, and how many outputs' pixels lie between the two.
    pub(super) fn shift(&self, tap: Tap) -> (Tap, usize) {
        let [row, column] =
            [tap.row - self.first.row, tap.column - self.first.column].map(|place| place as usize);
        let step = self.pixel_step();
        let first = |first: isize, place: usize, step: usize| first + (place % step) as isize;
        let plane = Tap {
            row: first(self.first.row, row, self.step),
            column: first(self.first.column, column, step),
        };
        (plane, row / self.step * self.row + column / step)
    }

    /// The packed pixel, of a band of so many rows of outputs, that a tap of the first output looks at.
    pub(super) fn pixel(&self, rows: usize, tap: Tap) -> usize {
        let [row, column] =
            [tap.row - self.first.row, tap.column - self.first.column].map(|place| place as usize);
        let column = if self.strip.is_some() { 0 } else { column };
        (row % self.step * self.slots(rows) + row / self.step) * self.pitch() + column
    }

    /// Cuts the rows of outputs of some images into bands that fit into the cache, and into at least so many `pieces` as
    /// long as blocks stay filled. By shapes alone.
    pub(super) fn bands(&self, images: usize, rows: usize, pieces: usize) -> Vec<RowBand> {
        // So many blocks that reading the weights, which each band goes through, pays.
        const LEAST: usize = 3 * SIDE;
        let bytes = |rows: usize| self.size(rows) * size_of::<bf16>();
        let most = (1..=rows).rev().find(|&rows| bytes(rows) <= CACHED).unwrap_or(1);
        let filled = rows.min(rows * self.row / LEAST);
        let pieces = rows.div_ceil(most).max(pieces.div_ceil(images).min(filled));
        let cut = move |piece: usize| piece * rows / pieces;
        let band = move |image, piece| RowBand { image, rows: cut(piece)..cut(piece + 1) };
        (0..images).flat_map(|image| (0..pieces).map(move |piece| band(image, piece))).collect()
    }

    /// Packs what the taps of a band look at.
    pub(super) fn pack<T: Element>(
        &self,
        level: Level,
        x: ConvInput<'_, T>,
        band: &RowBand,
        to: &mut [bf16],
    ) {
        assert_eq!(to.len(), self.size(band.rows.len()), "as much room as a band takes");
        let (slots, pitch) = (self.slots(band.rows.len()), self.pitch() * self.packed);
        let image_len = self.height * self.width * self.channels;
        let image = &x.values[band.image * image_len..][..image_len];
        let (packed, slack) = to.split_at_mut(self.step * slots * pitch);
        slack.fill(bf16::ZERO);
        for (index, to) in packed.chunks_exact_mut(pitch).enumerate() {
            let (plane, slot) = (index / slots, index % slots);
            let row = ((band.rows.start + slot) * self.step + plane) as isize + self.first.row;
            match usize::try_from(row).ok().filter(|&row| row < self.height) {
                Some(row) => {
                    let from = &image[row * self.width * self.channels..][..self.width * self.channels];
                    level.run(PackRow { packing: self, from, norm: x.norm, to });
                }
                None => to.fill(bf16::ZERO),
            }
        }
    }
}

/// Packs one row of an image.
struct PackRow<'a, T> {
    packing: &'a PixelPacking,
    from: &'a [T],
    norm: Option<&'a Normalisation>,
    to: &'a mut [bf16],
}

impl<T: Element> Work for PackRow<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Self { packing, from, norm, to } = self;
        let (channels, packed) = (packing.channels, packing.packed);
        let Some(columns) = packing.strip else {
            let (inside, start) = inside(packing.first.column, packing.pitch(), packing.width);
            let (before, rest) = to.split_at_mut(inside.start * packed);
            let (middle, after) = rest.split_at_mut(inside.len() * packed);
            before.fill(bf16::ZERO);
            after.fill(bf16::ZERO);
            let from = &from[start * channels..][..inside.len() * channels];
            return pixels(from, norm, channels, packed, middle);
        };
        // With room for the padding on both sides of the image.
        let width = (packing.row - 1) * packing.step + columns;
        let padded = &mut *Scratch::<bf16>::new(width * channels);
        padded.fill(bf16::ZERO);
        let (inside, start) = inside(packing.first.column, width, packing.width);
        let middle = &mut padded[inside.start * channels..inside.end * channels];
        let from = &from[start * channels..][..inside.len() * channels];
        pixels(from, norm, channels, channels, middle);
        let depth = columns * channels;
        for (output, to) in to.chunks_exact_mut(packed).enumerate() {
            let (values, rest) = to.split_at_mut(depth);
            values.copy_from_slice(&padded[output * packing.step * channels..][..depth]);
            rest.fill(bf16::ZERO);
        }
    }
}

/// The packed pixels, of so many from column `first` on, that lie inside of an image so wide, and the image column of
/// the first of them; of none, a column that is at most the image's end.
fn inside(first: isize, pixels: usize, width: usize) -> (Range<usize>, usize) {
    let clamp = |column: isize| (column - first).clamp(0, pixels as isize) as usize;
    let start = clamp(0);
    // Where the padding is larger than the kernel, all may lie before the image, or beyond it.
    let column = (start as isize + first).clamp(0, width as isize) as usize;
    (start..clamp(width as isize).max(start), column)
}

/// Packs pixels of some channels into pixels of as many or more.
#[inline(always)]
fn pixels<T: Element>(
    from: &[T],
    norm: Option<&Normalisation>,
    channels: usize,
    packed: usize,
    to: &mut [bf16],
) {
    if let (None, ElementType::Bf16(cast), true) = (norm, T::TYPE, channels == packed) {
        return to.copy_from_slice((cast.slice)(from));
    }
    for (from, to) in from.chunks_exact(channels).zip(to.chunks_exact_mut(packed)) {
        let (to, rest) = to.split_at_mut(channels);
        match norm {
            Some(norm) => {
                normalise_pixel(parameters(norm), from, 0.0, to);
            }
            None => to.iter_mut().zip(from).for_each(|(to, from)| *to = Element::narrow(from.widen())),
        }
        rest.fill(bf16::ZERO);
    }
}
