//! Which part of a photo is taken, and where it comes to lie in the square.

use marque_contracts::schema::Fit;
use marque_formats::Crop;

/// A part of a photo in pixels, with fractions.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Window {
    /// From the photo's left edge.
    pub left: f64,
    /// From its top.
    pub top: f64,
    /// Across.
    pub width: f64,
    /// Down.
    pub height: f64,
}

/// A part of the square in pixels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Placement {
    /// First column.
    pub left: usize,
    /// First row.
    pub top: usize,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

impl Window {
    /// The box of a photo of `width × height` pixels with a `margin` (a share of the box's sides) around it, as far
    /// as the photo goes; the whole photo without a box. At least one pixel; in whole 1024ths of one, so that sums and
    /// differences of edges are exact and none ends up outside by a rounding.
    pub fn around(crop: Option<Crop>, margin: f64, (width, height): (f64, f64)) -> Self {
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

    /// What of it is taken for a square of `size` pixels, and where that goes.
    pub fn fitted(self, fit: Fit, size: usize) -> (Self, Placement) {
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
    use crate::turn::Turn;

    const BOX: Crop = Crop { x1: 20, y1: 30, x2: 60, y2: 50 };

    #[test]
    fn a_margin_grows_the_box_as_far_as_the_photo_goes() {
        let around = |margin| Window::around(Some(BOX), margin, (70.0, 90.0));
        assert_eq!(around(0.0), Window { left: 20.0, top: 30.0, width: 40.0, height: 20.0 });
        assert_eq!(around(0.5), Window { left: 0.0, top: 20.0, width: 70.0, height: 40.0 });
        let whole = Window { left: 0.0, top: 0.0, width: 70.0, height: 90.0 };
        assert_eq!(Window::around(None, 0.5, (70.0, 90.0)), whole);
    }

    #[test]
    fn a_box_beyond_the_photo_leaves_a_pixel() {
        for (width, height) in [(1.0, 1.0), (20.0, 30.0), (5.0, 200.0)] {
            let window = Window::around(Some(BOX), 0.0, (width, height));
            assert!(window.width >= 1.0 && window.height >= 1.0, "{window:?}");
            assert!(
                window.left + window.width <= width && window.top + window.height <= height,
                "{window:?}"
            );
        }
    }

    #[test]
    fn no_rounding_puts_a_window_outside() {
        let inside = |window: Window, (width, height): (f64, f64), what: &str| {
            let Window { left, top, width: w, height: h } = window;
            assert!(left >= 0.0 && top >= 0.0 && w > 0.0 && h > 0.0, "{what}: {window:?}");
            assert!(left + w <= width && top + h <= height, "{what}: {window:?}");
        };
        for step in 0..500u32 {
            let (width, height) = (90.0 + f64::from(step % 7), 61.0 + f64::from(step % 5));
            let (x1, y1) = (step % 50, step % 31);
            let crop = Crop { x1, y1, x2: x1 + 1 + step % 40, y2: y1 + 1 + step % 29 };
            let margin = f64::from(step) / 499.0;
            for orientation in 1..=8 {
                let turn = Turn::from_exif(orientation);
                let upright = turn.sides((width, height));
                for fit in [Fit::Squash, Fit::Crop, Fit::Pad] {
                    let (window, _) = Window::around(Some(crop), margin, upright).fitted(fit, 64);
                    inside(window, upright, &format!("{step} {fit:?}"));
                    let stored = turn.stored_window(window, (width, height));
                    inside(stored, (width, height), &format!("{step} {fit:?} {orientation}"));
                }
            }
        }
    }

    #[test]
    fn fits_take_and_place_what_they_say() {
        let window = Window { left: 10.0, top: 20.0, width: 200.0, height: 100.0 };
        let whole = Placement { left: 0, top: 0, width: 64, height: 64 };
        assert_eq!(window.fitted(Fit::Squash, 64), (window, whole));
        let middle = Window { left: 60.0, top: 20.0, width: 100.0, height: 100.0 };
        assert_eq!(window.fitted(Fit::Crop, 64), (middle, whole));
        let band = Placement { left: 0, top: 16, width: 64, height: 32 };
        assert_eq!(window.fitted(Fit::Pad, 64), (window, band));
        let thread = Window { left: 0.0, top: 0.0, width: 1.0, height: 1000.0 };
        assert_eq!(thread.fitted(Fit::Pad, 64).1, Placement { left: 31, top: 0, width: 1, height: 64 });
    }
}
