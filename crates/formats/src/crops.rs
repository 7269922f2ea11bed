//! Boxes of cars, and `crops.parquet`: a row per labelled photo, sorted by name, with its box.

use std::path::Path;

use crate::Error;
use crate::table::{Column, Columns, Table};

/// Columns of the sides of a box in the tables that stages exchange.
pub(crate) const SIDES: [&str; 4] = ["x1", "y1", "x2", "y2"];

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

/// The box of one photo, if its annotation gives one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CropRow {
    /// Name of the photo.
    pub file_name: String,
    /// Its box.
    pub crop: Option<Crop>,
}

impl CropRow {
    /// Writes the table.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(rows: &[Self], path: &Path) -> Result<(), Error> {
        let table = Table::new().with_text("file_name", rows.iter().map(|row| row.file_name.as_str()));
        with_crops(table, SIDES, rows.iter().map(|row| row.crop)).write(path)
    }

    /// Reads the table.
    ///
    /// # Errors
    /// If the file is not such a table.
    pub fn read(path: &Path) -> Result<Vec<Self>, Error> {
        let table = Table::read(path)?;
        let columns = Columns { table: &table, path };
        let names = columns.text("file_name")?;
        let crops = read_crops(&columns, SIDES)?;
        Ok(names
            .into_iter()
            .zip(crops)
            .map(|(name, crop)| Self { file_name: name.to_owned(), crop })
            .collect())
    }
}

/// Adds a column for each side of the boxes, of these names; null where there is no box.
pub(crate) fn with_crops(
    mut table: Table,
    names: [&str; 4],
    crops: impl Iterator<Item = Option<Crop>> + Clone,
) -> Table {
    let sides: [fn(Crop) -> u32; 4] = [|crop| crop.x1, |crop| crop.y1, |crop| crop.x2, |crop| crop.y2];
    for (name, side) in names.into_iter().zip(sides) {
        let pixels = crops.clone().map(|crop| crop.map(|crop| i64::from(side(crop)))).collect();
        table = table.with(name, Column::Integer(pixels));
    }
    table
}

/// The boxes whose sides are in the columns of these names.
pub(crate) fn read_crops(columns: &Columns<'_>, names: [&str; 4]) -> Result<Vec<Option<Crop>>, Error> {
    let mut sides = Vec::with_capacity(names.len());
    for name in names {
        let pixel = |value: &Option<i64>| match value {
            None => Ok(None),
            Some(value) => u32::try_from(*value)
                .map(Some)
                .map_err(|_| Error::column(columns.path, name, format!("has {value}, out of range"))),
        };
        sides.push(columns.optional_integers(name)?.iter().map(pixel).collect::<Result<Vec<_>, _>>()?);
    }
    let crop =
        |i: usize| Some(Crop { x1: sides[0][i]?, y1: sides[1][i]?, x2: sides[2][i]?, y2: sides[3][i]? });
    Ok((0..columns.table.rows()).map(crop).collect())
}
