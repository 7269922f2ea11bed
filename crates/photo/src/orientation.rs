//! From the stored photo to the upright one: which way the EXIF orientation rotates and mirrors.

use crate::region::Region;

/// An EXIF orientation, as what it does to coordinates.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Orientation {
    /// Columns and rows change places, before anything is mirrored.
    transposes: bool,
    /// The stored photo runs from right to left.
    mirrors_x: bool,
    /// The stored photo runs from bottom to top.
    mirrors_y: bool,
}

impl Orientation {
    /// Reads the value of the EXIF tag 274; what is not 1 to 8 leaves the photo as it is (Exif 2.32, 4.6.4 A).
    pub(crate) fn from_exif(orientation: u8) -> Self {
        Self {
            transposes: matches!(orientation, 5..=8),
            mirrors_x: matches!(orientation, 2 | 3 | 7 | 8),
            mirrors_y: matches!(orientation, 3 | 4 | 6 | 7),
        }
    }

    /// Width and height, upright from stored or stored from upright.
    pub(crate) fn sides<T>(self, (width, height): (T, T)) -> (T, T) {
        if self.transposes { (height, width) } else { (width, height) }
    }

    /// Where a region of the upright photo is in the stored one of `width × height`.
    pub(crate) fn stored_region(self, region: Region, (width, height): (f64, f64)) -> Region {
        let Region { left, top, width: w, height: h } = region;
        let (left, top, w, h) = if self.transposes { (top, left, h, w) } else { (left, top, w, h) };
        Region {
            left: if self.mirrors_x { width - left - w } else { left },
            top: if self.mirrors_y { height - top - h } else { top },
            width: w,
            height: h,
        }
    }

    /// Where the upright pixel `(x, y)` is in a stored photo of `width × height`.
    pub(crate) fn stored_pixel(
        self,
        (x, y): (usize, usize),
        (width, height): (usize, usize),
    ) -> (usize, usize) {
        let (x, y) = if self.transposes { (y, x) } else { (x, y) };
        (if self.mirrors_x { width - 1 - x } else { x }, if self.mirrors_y { height - 1 - y } else { y })
    }
}

#[cfg(test)]
mod tests {
    use marque_contracts::schema::{Crop, Fit};

    use super::*;

    /// Where the EXIF standard says that row 0 and column 0 of the stored photo are on the upright one.
    #[test]
    fn corners_are_where_the_standard_says() {
        // (value, the stored pixel shown at the top left, and at the top right) of a photo of 3 × 2.
        let cases = [
            (1, (0, 0), (2, 0)),
            (2, (2, 0), (0, 0)),
            (3, (2, 1), (0, 1)),
            (4, (0, 1), (2, 1)),
            (5, (0, 0), (0, 1)),
            (6, (0, 1), (0, 0)),
            (7, (2, 1), (2, 0)),
            (8, (2, 0), (2, 1)),
            (0, (0, 0), (2, 0)),
            (9, (0, 0), (2, 0)),
        ];
        for (value, left, right) in cases {
            let orientation = Orientation::from_exif(value);
            let (width, _) = orientation.sides((3, 2));
            assert_eq!(orientation.stored_pixel((0, 0), (3, 2)), left, "{value}");
            assert_eq!(orientation.stored_pixel((width - 1, 0), (3, 2)), right, "{value}");
        }
    }

    #[test]
    fn regions_move_as_their_pixels_do() {
        for value in 1..=8 {
            let orientation = Orientation::from_exif(value);
            let (width, height) = orientation.sides((7usize, 5usize));
            for (x, y) in (0..width).flat_map(|x| (0..height).map(move |y| (x, y))) {
                let pixel = Region { left: x as f64, top: y as f64, width: 1.0, height: 1.0 };
                let stored = orientation.stored_region(pixel, (7.0, 5.0));
                let (x, y) = orientation.stored_pixel((x, y), (7, 5));
                assert_eq!((stored.left, stored.top), (x as f64, y as f64), "{value}");
            }
        }
    }

    #[test]
    fn no_rounding_puts_a_region_outside() {
        let inside = |region: Region, (width, height): (f64, f64), what: &str| {
            let Region { left, top, width: w, height: h } = region;
            assert!(left >= 0.0 && top >= 0.0 && w > 0.0 && h > 0.0, "{what}: {region:?}");
            assert!(left + w <= width && top + h <= height, "{what}: {region:?}");
        };
        for step in 0..500u32 {
            let (width, height) = (90.0 + f64::from(step % 7), 61.0 + f64::from(step % 5));
            let (x1, y1) = (step % 50, step % 31);
            let crop = Crop { x1, y1, x2: x1 + 1 + step % 40, y2: y1 + 1 + step % 29 };
            let margin = f64::from(step) / 499.0;
            for value in 1..=8 {
                let orientation = Orientation::from_exif(value);
                let upright = orientation.sides((width, height));
                for fit in [Fit::Squash, Fit::Crop, Fit::Pad] {
                    let (region, _) = Region::around(Some(crop), margin, upright).fitted(fit, 64);
                    inside(region, upright, &format!("{step} {fit:?}"));
                    let stored = orientation.stored_region(region, (width, height));
                    inside(stored, (width, height), &format!("{step} {fit:?} {value}"));
                }
            }
        }
    }
}
