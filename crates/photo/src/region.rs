//! Which region of a photo is taken, and where it is placed in the square.

use marque_contracts::schema::{Crop, Fit};

/// A region of a photo, in pixels with fractions.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Region {
    /// From the photo's left edge.
    pub(crate) left: f64,
    /// From its top.
    pub(crate) top: f64,
    /// Across.
    pub(crate) width: f64,
    /// Down.
    pub(crate) height: f64,
}

/// The part of the square that shows the photo, in pixels; the background is around it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Placement {
    /// First column.
    pub(crate) left: usize,
    /// First row.
    pub(crate) top: usize,
    /// Columns.
    pub(crate) width: usize,
    /// Rows.
    pub(crate) height: usize,
}

impl Region {
    /// The box of a photo of `width × height` pixels with a `margin` (a share of the box's sides) around it, as far
    /// as the photo goes; the whole photo without a box. At least one pixel; in whole 1024ths of one, so that sums and
    /// differences of edges are exact and none ends up outside by a rounding.
    pub(crate) fn around(crop: Option<Crop>, margin: f64, (width, height): (f64, f64)) -> Self {
        let Some(crop) = crop else { return Self { left: 0.0, top: 0.0, width, height } };
        let (x1, y1) = (f64::from(crop.x1.min(crop.x2)), f64::from(crop.y1.min(crop.y2)));
        let (x2, y2) = (f64::from(crop.x1.max(crop.x2)), f64::from(crop.y1.max(crop.y2)));
        let (dx, dy) = ((x2 - x1) * margin, (y2 - y1) * margin);
        let (left, top) = ((x1 - dx).clamp(0.0, width - 1.0), (y1 - dy).clamp(0.0, height - 1.0));
        let (right, bottom) = ((x2 + dx).clamp(left + 1.0, width), (y2 + dy).clamp(top + 1.0, height));
        let [left, top, right, bottom] =
            [left, top, right, bottom].map(|edge| (edge * 1024.0).round() / 1024.0);
        Self { left, top, width: right - left, height: bottom - top }
    }

    /// The region that is taken for a square of `size` pixels, and where it is placed.
    pub(crate) fn fitted(self, fit: Fit, size: usize) -> (Self, Placement) {
        let whole = Placement { left: 0, top: 0, width: size, height: size };
        let Self { left, top, width, height } = self;
        match fit {
            Fit::Squash => (self, whole),
            Fit::Crop => {
                let side = width.min(height);
                let (left, top) = (left + (width - side) / 2.0, top + (height - side) / 2.0);
                (Self { left, top, width: side, height: side }, whole)
            }
            Fit::Pad => {
                let scale = size as f64 / width.max(height);
                let side = |length: f64| ((length * scale).round() as usize).clamp(1, size);
                let (width, height) = (side(width), side(height));
                (self, Placement { left: (size - width) / 2, top: (size - height) / 2, width, height })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOX: Crop = Crop { x1: 20, y1: 30, x2: 60, y2: 50 };

    #[test]
    fn a_margin_grows_the_box_as_far_as_the_photo_goes() {
        let around = |margin| Region::around(Some(BOX), margin, (70.0, 90.0));
        assert_eq!(around(0.0), Region { left: 20.0, top: 30.0, width: 40.0, height: 20.0 });
        assert_eq!(around(0.5), Region { left: 0.0, top: 20.0, width: 70.0, height: 40.0 });
        let whole = Region { left: 0.0, top: 0.0, width: 70.0, height: 90.0 };
        assert_eq!(Region::around(None, 0.5, (70.0, 90.0)), whole);
    }

    #[test]
    fn a_box_beyond_the_photo_leaves_a_pixel() {
        for (width, height) in [(1.0, 1.0), (20.0, 30.0), (5.0, 200.0)] {
            let region = Region::around(Some(BOX), 0.0, (width, height));
            assert!(region.width >= 1.0 && region.height >= 1.0, "{region:?}");
            assert!(
                region.left + region.width <= width && region.top + region.height <= height,
                "{region:?}"
            );
        }
    }

    #[test]
    fn fits_take_and_place_what_they_say() {
        let region = Region { left: 10.0, top: 20.0, width: 200.0, height: 100.0 };
        let whole = Placement { left: 0, top: 0, width: 64, height: 64 };
        assert_eq!(region.fitted(Fit::Squash, 64), (region, whole));
        let middle = Region { left: 60.0, top: 20.0, width: 100.0, height: 100.0 };
        assert_eq!(region.fitted(Fit::Crop, 64), (middle, whole));
        let band = Placement { left: 0, top: 16, width: 64, height: 32 };
        assert_eq!(region.fitted(Fit::Pad, 64), (region, band));
        let thread = Region { left: 0.0, top: 0.0, width: 1.0, height: 1000.0 };
        assert_eq!(thread.fitted(Fit::Pad, 64).1, Placement { left: 31, top: 0, width: 1, height: 64 });
    }
}
