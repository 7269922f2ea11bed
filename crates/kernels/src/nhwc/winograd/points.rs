//! The layout of transformed tiles, and of accumulators in the transformed domain, in memory.

use super::formulas::POINTS;
use super::tiling::{MAX_CHANNELS, Tiling};
use crate::microkernel::APART;
use crate::simd::Simd;
use std::ops::Range;

/// Points of a whole tile, in two dimensions.
pub(super) const ALL: usize = POINTS * POINTS;

/// Where the transformed tiles of some bands are: point by point, and there tile by tile those that need it, each a row of
/// `channels` values.
#[derive(Clone)]
pub(super) struct Points {
    pub(super) bands: Range<usize>,
    pub(super) channels: usize,
    /// From row to row.
    pub(super) stride: usize,
    pub(super) tiling: Tiling,
    /// Where each point begins, and where the last ends.
    at: [usize; ALL + 1],
}

impl Points {
    pub(super) fn new(tiling: &Tiling, bands: Range<usize>, channels: usize, stride: usize) -> Self {
        assert!(channels <= stride, "rows of {channels} values {stride} apart");
        let mut points = Self { bands, channels, stride, tiling: *tiling, at: [0; ALL + 1] };
        for point in 0..ALL {
            points.at[point + 1] = points.at[point] + points.rows(point) * stride + APART;
        }
        points
    }

    /// The tiles that need a point.
    pub(super) fn rows(&self, point: usize) -> usize {
        self.rows_before(self.bands.end, point)
    }

    /// Those of them that are in bands before `band`.
    fn rows_before(&self, band: usize, point: usize) -> usize {
        let before = |band| self.tiling.bands_before(band, point / POINTS);
        (before(band) - before(self.bands.start)) * self.tiling.tiles_with(point % POINTS)
    }

    /// Where a point begins.
    pub(super) fn at(&self, point: usize) -> usize {
        self.at[point]
    }

    /// Values of all points.
    pub(super) fn values(&self) -> usize {
        self.at[ALL]
    }

    /// Where the tiles of a band begin at each point that they need.
    pub(super) fn starts(&self, band: usize) -> [usize; ALL] {
        std::array::from_fn(|point| self.at[point] + self.rows_before(band, point) * self.stride)
    }

    /// Panics unless whole vectors of all rows of all points lie inside of a buffer of `len` values.
    pub(super) fn check<S: Simd>(&self, len: usize) {
        assert!(self.channels.is_multiple_of(S::LANES) && self.channels <= MAX_CHANNELS, "whole vectors");
        assert!(self.values() <= len, "room for all points");
    }
}

/// The layout of the accumulators of all points for the gradient of the kernel: one matrix `[inputs, outputs]` after the
/// other.
#[derive(Clone, Copy)]
pub(super) struct PointSums {
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// From one point to the next.
    pub(super) distance: usize,
}

impl PointSums {
    pub(super) fn new(rows: usize, columns: usize) -> Self {
        Self { rows, columns, distance: rows * columns + APART }
    }

    /// Values of all points.
    pub(super) fn values(self) -> usize {
        ALL * self.distance
    }
}
