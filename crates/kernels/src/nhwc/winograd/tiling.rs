//! Which layers are computed this way, and how an image falls into tiles.

use super::transform::MAX_CHANNELS;
use crate::nhwc::im2col::Geometry;
use crate::simd::Level;
use std::ops::Range;

/// A size of output tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    /// 2×2 outputs from 4×4 inputs.
    F2,
    /// 4×4 outputs from 6×6 inputs.
    F4,
}

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
    /// The layer of a convolution, and the tile size to compute it with; `None` where the direct way is as good
    /// or the channels do not fill vectors.
    pub(crate) fn of(g: &Geometry, level: Level) -> Option<(Self, Method)> {
        let fits = g.kernel_height == 3 && g.kernel_width == 3 && g.stride == 1 && g.padding == 1;
        let whole = g.inputs.is_multiple_of(level.panel()) && g.outputs.is_multiple_of(level.panel());
        if !fits || !whole || g.inputs.max(g.outputs) > MAX_CHANNELS {
            return None;
        }
        let layer =
            Self { images: g.images, height: g.height, width: g.width, inputs: g.inputs, outputs: g.outputs };
        // Multiplications per pair of channels, plus what the kernel's transform costs in units of them.
        let cost = |size: usize| {
            let points = (size + 2) * (size + 2);
            points * (layer.images * g.height.div_ceil(size) * g.width.div_ceil(size) + 4)
        };
        let direct = 9 * layer.images * g.height * g.width;
        let (cost, method) = match (cost(2), cost(4)) {
            (two, four) if two < four => (two, Method::F2),
            (_, four) => (four, Method::F4),
        };
        (5 * cost < 4 * direct).then_some((layer, method))
    }

    pub(super) fn tiling(&self, size: usize) -> Tiling {
        Tiling {
            size,
            images: self.images,
            height: self.height,
            width: self.width,
            rows: self.height.div_ceil(size),
            columns: self.width.div_ceil(size),
        }
    }
}

/// How a batch of images falls into tiles. A band is one row of tiles of one image; bands are counted through
/// the batch, and each covers whole rows of pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tiling {
    /// Height and width of an output tile.
    pub(super) size: usize,
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

    /// The first row of pixels of a band, counted through the batch; for the band after the last, their number.
    pub(super) fn pixel_row(&self, band: usize) -> usize {
        band / self.rows * self.height + (band % self.rows * self.size).min(self.height)
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
    channels + 16
}
