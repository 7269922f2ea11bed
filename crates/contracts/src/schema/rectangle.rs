//! Rectangles in photos of any size.

use serde::{Deserialize, Serialize};

use super::Crop;

/// A rectangle in shares of a photo's width and height: 0 is its left or upper edge, 1 its right or lower one. It may reach
/// beyond the photo.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Rectangle {
    /// Left edge.
    pub left: f64,
    /// Upper edge.
    pub top: f64,
    /// Right edge.
    pub right: f64,
    /// Lower edge.
    pub bottom: f64,
}

impl Rectangle {
    /// A box of pixels in a photo of `width × height` pixels.
    pub fn of_crop(crop: Crop, width: usize, height: usize) -> Self {
        let share = |pixel: u32, side: usize| f64::from(pixel) / side as f64;
        Self {
            left: share(crop.x1, width),
            top: share(crop.y1, height),
            right: share(crop.x2, width),
            bottom: share(crop.y2, height),
        }
    }

    /// The part that lies in a photo of `width × height` pixels, in whole pixels, at least one; `None` if nothing of it does, or
    /// its edges are in no order.
    pub fn to_crop(&self, width: usize, height: usize) -> Option<Crop> {
        let pixel = |share: f64, side: usize| (share * side as f64).round().clamp(0.0, side as f64) as u32;
        let crop = Crop {
            x1: pixel(self.left, width),
            y1: pixel(self.top, height),
            x2: pixel(self.right, width),
            y2: pixel(self.bottom, height),
        };
        (crop.x1 < crop.x2 && crop.y1 < crop.y2).then_some(crop)
    }

    /// Left, upper, right and lower edge.
    pub fn edges(&self) -> [f64; 4] {
        [self.left, self.top, self.right, self.bottom]
    }

    /// Where it lies in another: shares of the other's sides.
    #[must_use]
    pub fn within(&self, other: &Self) -> Self {
        let across = |x: f64| (x - other.left) / (other.right - other.left);
        let down = |y: f64| (y - other.top) / (other.bottom - other.top);
        Self {
            left: across(self.left),
            top: down(self.top),
            right: across(self.right),
            bottom: down(self.bottom),
        }
    }

    /// The same in the photo's mirror image.
    #[must_use]
    pub fn mirrored(&self) -> Self {
        Self { left: 1.0 - self.right, right: 1.0 - self.left, ..*self }
    }

    /// Intersection over union with another, from 0 to 1.
    pub fn overlap(&self, other: &Self) -> f64 {
        let side = |start: f64, end: f64| (end - start).max(0.0);
        let area = |it: &Self| side(it.left, it.right) * side(it.top, it.bottom);
        let common = Self {
            left: self.left.max(other.left),
            top: self.top.max(other.top),
            right: self.right.min(other.right),
            bottom: self.bottom.min(other.bottom),
        };
        let (common, both) = (area(&common), area(self) + area(other));
        if both > 0.0 { common / (both - common) } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_become_shares_and_pixels_again() {
        let crop = Crop { x1: 10, y1: 20, x2: 110, y2: 70 };
        let shares = Rectangle::of_crop(crop, 200, 100);
        assert_eq!(shares.edges(), [0.05, 0.2, 0.55, 0.7]);
        assert_eq!(shares.to_crop(200, 100), Some(crop));
        assert_eq!(shares.to_crop(400, 100), Some(Crop { x1: 20, x2: 220, ..crop }));
        let beyond = Rectangle { left: -0.5, right: 2.0, ..shares };
        assert_eq!(beyond.to_crop(200, 100), Some(Crop { x1: 0, x2: 200, ..crop }));
        assert_eq!(Rectangle { left: 0.9, right: 0.1, ..shares }.to_crop(200, 100), None);
        assert_eq!(Rectangle { left: f64::NAN, ..shares }.to_crop(200, 100).map(|crop| crop.x1), Some(0));
    }

    #[test]
    fn rectangles_lie_in_one_another_and_overlap() {
        let half = Rectangle { left: 0.0, top: 0.0, right: 0.5, bottom: 1.0 };
        let middle = Rectangle { left: 0.25, top: 0.0, right: 0.75, bottom: 1.0 };
        assert_eq!(middle.within(&half).edges(), [0.5, 0.0, 1.5, 1.0]);
        assert_eq!(half.mirrored().edges(), [0.5, 0.0, 1.0, 1.0]);
        assert!((half.overlap(&middle) - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!((half.overlap(&half), half.overlap(&half.within(&middle).mirrored())), (1.0, 0.0));
    }
}
