//! How a camera held the photo.

use crate::fit::Window;

/// What makes a photo upright, as its EXIF orientation says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Turn {
    /// Columns and rows change places, before anything is mirrored.
    pub(crate) transposes: bool,
    /// The stored photo runs from right to left.
    mirrors_x: bool,
    /// The stored photo runs from bottom to top.
    mirrors_y: bool,
}

impl Turn {
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

    /// Where a window of the upright photo is in the stored one of `width × height`.
    pub(crate) fn stored_window(self, window: Window, (width, height): (f64, f64)) -> Window {
        let Window { left, top, width: w, height: h } = window;
        let (left, top, w, h) = if self.transposes { (top, left, h, w) } else { (left, top, w, h) };
        Window {
            left: if self.mirrors_x { width - left - w } else { left },
            top: if self.mirrors_y { height - top - h } else { top },
            width: w,
            height: h,
        }
    }

    /// Where the upright pixel `(x, y)` is in a stored picture of `width × height`.
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
    use super::*;

    /// Where the EXIF standard says that row 0 and column 0 of the stored photo are on the upright one.
    #[test]
    fn corners_are_where_the_standard_says() {
        // (orientation, the stored pixel shown at the top left, and at the top right) of a photo of 3 × 2.
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
        for (orientation, left, right) in cases {
            let turn = Turn::from_exif(orientation);
            let (width, _) = turn.sides((3, 2));
            assert_eq!(turn.stored_pixel((0, 0), (3, 2)), left, "{orientation}");
            assert_eq!(turn.stored_pixel((width - 1, 0), (3, 2)), right, "{orientation}");
        }
    }

    #[test]
    fn windows_move_as_their_pixels_do() {
        for orientation in 1..=8 {
            let turn = Turn::from_exif(orientation);
            let (width, height) = turn.sides((7usize, 5usize));
            for (x, y) in (0..width).flat_map(|x| (0..height).map(move |y| (x, y))) {
                let pixel = Window { left: x as f64, top: y as f64, width: 1.0, height: 1.0 };
                let stored = turn.stored_window(pixel, (7.0, 5.0));
                let (x, y) = turn.stored_pixel((x, y), (7, 5));
                assert_eq!((stored.left, stored.top), (x as f64, y as f64), "{orientation}");
            }
        }
    }
}
