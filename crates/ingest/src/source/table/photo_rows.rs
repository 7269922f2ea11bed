//! The rows of a table of which only the photos and their boxes count: those to answer about.

use std::path::Path;

use marque_formats::{CellValue, Crop};

use super::TableSource;
use crate::Error;
use crate::settings::Table;

/// The column with the photos.
const FILE_COLUMN: &str = "file_name";

/// A photo that a table names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PhotoRow {
    /// Its file as the table has it.
    pub file_name: String,
    /// The box of the car in it, if the table has one.
    pub crop: Option<Crop>,
}

/// The photos of a table, CSV or Parquet, as `source = "table"` reads it: column `file_name`, and boxes in `bbox_x1`, `bbox_y1`,
/// `bbox_x2`, `bbox_y2`. Whether the files are there is not looked at.
///
/// # Errors
/// If the table cannot be read or has no such column; all rows that are wrong are told together.
pub fn photo_rows(path: &Path) -> Result<Vec<PhotoRow>, Error> {
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    let table = Table { table: path.to_owned(), photos: folder, file_column: FILE_COLUMN.to_owned() };
    let source = TableSource { table: &table, files: &[] };
    let raw = source.raw()?;
    let columns = source.columns(&raw, "")?;
    let (mut rows, mut problems) = (Vec::with_capacity(raw.rows.len()), raw.problems);
    for (place, cells) in raw.rows {
        let cell = |column: usize| match cells.get(column)?.as_ref()? {
            CellValue::Text(text) => Some(text.as_str()),
            CellValue::List(_) => None,
        };
        let file_name = cell(columns.file).ok_or_else(|| "there is no file name".to_owned());
        match file_name.and_then(|name| Ok((name.to_owned(), columns.crop(cell)?))) {
            Ok((file_name, crop)) => rows.push(PhotoRow { file_name, crop }),
            Err(reason) => problems.push(format!("{place}: {reason}")),
        }
    }
    if problems.is_empty() { Ok(rows) } else { Err(Error::Rows { table: path.to_owned(), problems }) }
}
