//! Which layers are computed by Winograd's algorithm, and how an image falls into tiles.

use super::formulas::{POINTS, SIZE, needs, points};
use crate::microkernel::APART;
use crate::nhwc::geometry::Geometry;
use crate::simd::Level;
use std::ops::Range;

/// The most channels of a layer.
pub(super) const MAX_CHANNELS: usize = 1 << 13;

/// A 3×3 convolution at stride 1 with padding 1: the output is as large as the input.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layer {
    pub(crate) images: usize,
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
}

impl Layer {
    /// The layer of a convolution; `None` where the direct way is as good or the channels do not fill vectors.
    pub(crate) fn of(g: &Geometry, level: Level) -> Option<Self> {
        Self::of_batch(g, level, g.images)
    }

    /// The same, as it would be for a batch of `images`, however many there are.
    pub(crate) fn of_batch(g: &Geometry, level: Level, images: usize) -> Option<Self> {
        let fits = g.kernel_height == 3 && g.kernel_width == 3 && g.stride == 1 && g.padding == 1;
        let whole = g.inputs.is_multiple_of(level.panel()) && g.outputs.is_multiple_of(level.panel());
        if !fits || !whole || g.inputs.max(g.outputs) > MAX_CHANNELS {
            return None;
        }
        // Multiplications per pair of channels, plus what the kernel's transform costs in units of them.
        let along = |pixels: usize| pixels / SIZE * POINTS + points(pixels % SIZE);
        let of_kernel = |pixels: usize| points(pixels.min(SIZE));
        let cost = images * along(g.height) * along(g.width) + 4 * of_kernel(g.height) * of_kernel(g.width);
        let direct = 9 * images * g.height * g.width;
        (5 * cost < 4 * direct).then_some(Self {
            images: g.images,
            height: g.height,
            width: g.width,
            inputs: g.inputs,
            outputs: g.outputs,
        })
    }

    /// Height and width of the largest tiles.
    pub(super) fn tile(&self) -> [usize; 2] {
        [self.height.min(SIZE), self.width.min(SIZE)]
    }

    pub(super) fn tiling(&self) -> Tiling {
        Tiling {
            images: self.images,
            height: self.height,
            width: self.width,
            rows: self.height.div_ceil(SIZE),
            columns: self.width.div_ceil(SIZE),
        }
    }
}

/// How a batch of images falls into tiles, of which the last of a row or column may be smaller. A band is one row of tiles
/// of one image; bands are counted through the batch, and each covers whole rows of pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tiling {
    pub(super) images: usize,
    pub(super) height: usize,
    pub(super) width: usize,
    /// Rows of tiles in an image.
    pub(super) rows: usize,
    /// Tiles in a row.
    pub(super) columns: usize,
}

impl Tiling {
    pub(super) fn bands(&self) -> usize {
        self.images * self.rows
    }

    pub(super) fn tiles(&self) -> usize {
        self.bands() * self.columns
    }

    /// Rows of pixels of a band.
    pub(super) fn band_height(&self, band: usize) -> usize {
        (self.height - band % self.rows * SIZE).min(SIZE)
    }

    /// Columns of pixels of a tile, by its number in the band.
    pub(super) fn tile_width(&self, column: usize) -> usize {
        (self.width - column * SIZE).min(SIZE)
    }

    /// The bands before `band` whose tiles need a row of points.
    pub(super) fn bands_before(&self, band: usize, row: usize) -> usize {
        let (image, in_image) = (band / self.rows, band % self.rows);
        let whole = self.height / SIZE;
        let rows = whole + usize::from(self.rows > whole && needs(self.height % SIZE, row));
        image * rows + in_image.min(rows)
    }

    /// The tiles of a band that need a column of points.
    pub(super) fn tiles_with(&self, column: usize) -> usize {
        let whole = self.width / SIZE;
        whole + usize::from(self.columns > whole && needs(self.width % SIZE, column))
    }

    /// The first row of pixels of a band, counted through the batch; for the band after the last, their number.
    pub(super) fn pixel_row(&self, band: usize) -> usize {
        band / self.rows * self.height + band % self.rows * SIZE
    }

    /// The bands in groups of about `tiles` tiles, of equal size where possible.
    pub(super) fn groups(&self, tiles: usize) -> Vec<Range<usize>> {
        split(0..self.bands(), (tiles / self.columns).max(1))
    }
}

/// Cuts a range into as few pieces of at most `limit` as there can be, as equal as they can be.
pub(super) fn split(range: Range<usize>, limit: usize) -> Vec<Range<usize>> {
    let pieces = range.len().div_ceil(limit);
    (0..pieces)
        .map(|piece| {
            let at = |piece: usize| range.start + piece * range.len() / pieces;
            at(piece)..at(piece + 1)
        })
        .collect()
}

/// A row length for `channels` values that is no power of two, so that equal columns of successive rows do not
/// compete for the same lines of the cache.
pub(super) fn padded(channels: usize) -> usize {
    channels + APART
}
