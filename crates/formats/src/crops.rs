//! `crops.parquet`: a row per labelled photo, sorted by name, with the box of the car.

use std::path::Path;

pub use marque_contracts::schema::Crop;

use crate::Error;
use crate::frame::{Column, Columns, Frame};

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
        let frame = Frame::new().with_text("file_name", rows.iter().map(|row| row.file_name.as_str()));
        with_crops(frame, rows.iter().map(|row| row.crop)).write(path)
    }

    /// Reads the table.
    ///
    /// # Errors
    /// If the file is not such a table.
    pub fn read(path: &Path) -> Result<Vec<Self>, Error> {
        let frame = Frame::read(path)?;
        let columns = Columns { frame: &frame, path };
        let names = columns.text("file_name")?;
        let crops = read_crops(&columns)?;
        Ok(names
            .into_iter()
            .zip(crops)
            .map(|(name, crop)| Self { file_name: name.to_owned(), crop })
            .collect())
    }
}

/// Adds the columns `x1`, `y1`, `x2`, `y2`.
pub(crate) fn with_crops(frame: Frame, crops: impl Iterator<Item = Option<Crop>> + Clone) -> Frame {
    let side = |pick: fn(&Crop) -> u32| {
        Column::Integer(crops.clone().map(|crop| crop.as_ref().map(|crop| i64::from(pick(crop)))).collect())
    };
    frame
        .with("x1", side(|crop| crop.x1))
        .with("y1", side(|crop| crop.y1))
        .with("x2", side(|crop| crop.x2))
        .with("y2", side(|crop| crop.y2))
}

pub(crate) fn read_crops(columns: &Columns<'_>) -> Result<Vec<Option<Crop>>, Error> {
    let mut sides = Vec::with_capacity(4);
    for name in ["x1", "y1", "x2", "y2"] {
        let convert = |value: &Option<i64>| match value {
            None => Ok(None),
            Some(value) => u32::try_from(*value)
                .map(Some)
                .map_err(|_| Error::column(columns.path, name, format!("has {value}, out of range"))),
        };
        sides.push(columns.optional_integers(name)?.iter().map(convert).collect::<Result<Vec<_>, _>>()?);
    }
    let crop =
        |i: usize| Some(Crop { x1: sides[0][i]?, y1: sides[1][i]?, x2: sides[2][i]?, y2: sides[3][i]? });
    Ok((0..columns.frame.rows()).map(crop).collect())
}
