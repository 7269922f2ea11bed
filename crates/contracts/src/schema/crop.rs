//! Boxes in photos, and how they fit.

/// A box in a photo, in pixels from the top left corner: columns `x1..x2`, rows `y1..y2`, the ends excluded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Crop {
    /// First column.
    pub x1: u32,
    /// First row.
    pub y1: u32,
    /// Column after the last.
    pub x2: u32,
    /// Row after the last.
    pub y2: u32,
}

/// How a box fits its photo.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BoxFit {
    /// It lies inside.
    Inside(Crop),
    /// It reached a little beyond an edge, and was clipped to the photo.
    Clipped(Crop),
    /// It reaches so far beyond the photo, or lies so far off, that it must be meant for another size of it.
    Beyond(Crop),
}

impl Crop {
    /// Columns of the sides in annotations, of published data sets and of users' own tables: left, top, right, bottom.
    pub const COLUMNS: [&str; 4] = ["bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2"];

    /// Pixels that a box may reach beyond any edge of its photo, and be clipped: people draw boxes by hand, some past
    /// the edge. On the right and at the bottom a fiftieth of the side, where that is more.
    pub const TOLERANCE: u32 = 8;

    /// The box with these sides (left, top, right, bottom; the ends excluded), and whether it began up to
    /// [`Crop::TOLERANCE`] pixels before the photo and was clipped to begin inside; `None` if it is empty or begins
    /// further outside.
    pub fn from_sides([x1, y1, x2, y2]: [i64; 4]) -> Option<(Self, bool)> {
        let tolerance = i64::from(Self::TOLERANCE);
        let side = |pixel: i64| u32::try_from(pixel).ok();
        let crop = Self { x1: side(x1.max(0))?, y1: side(y1.max(0))?, x2: side(x2)?, y2: side(y2)? };
        let allowed = x1 >= -tolerance && y1 >= -tolerance && crop.x1 < crop.x2 && crop.y1 < crop.y2;
        allowed.then_some((crop, x1 < 0 || y1 < 0))
    }

    /// How the box fits an upright photo of `width × height` pixels.
    pub fn fit(self, width: u32, height: u32) -> BoxFit {
        let limit = |side: u32| side.saturating_add(Self::TOLERANCE.max(side / 50));
        let ends = [(self.x1, self.x2, width), (self.y1, self.y2, height)];
        if ends.iter().all(|(_, end, side)| end <= side) {
            BoxFit::Inside(self)
        } else if ends.iter().all(|(start, end, side)| start < side && *end <= limit(*side)) {
            BoxFit::Clipped(Self { x2: self.x2.min(width), y2: self.y2.min(height), ..self })
        } else {
            BoxFit::Beyond(self)
        }
    }
}
