//! Boxes of cars, and `crops.parquet`: a row per labelled photo, sorted by name, with its box.

use std::path::Path;

pub use marque_contracts::schema::{BoxFit, Crop};

use crate::Error;
use crate::table::{Column, Columns, Table};

/// Columns of the sides of a box in the tables that stages exchange.
pub(crate) const SIDES: [&str; 4] = ["x1", "y1", "x2", "y2"];

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
