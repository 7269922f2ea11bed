//! `photos.parquet`: a row per photo that `ingest` brought in, sorted by name.

use std::path::Path;

use marque_contracts::Digest;

use crate::Error;
use crate::table::{Columns, Table};

/// One photo.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PhotoRow {
    /// Name, as a path below the photo folder: `cars_train/00001.jpg`. Identifies the photo everywhere.
    pub file_name: String,
    /// Size of the file in bytes.
    pub bytes: u64,
    /// Digest of the file.
    pub digest: Digest,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

impl PhotoRow {
    /// Writes the table.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(rows: &[Self], path: &Path) -> Result<(), Error> {
        Table::new()
            .with_text("file_name", rows.iter().map(|row| row.file_name.as_str()))
            .with_integers("bytes", rows.iter().map(|row| row.bytes as i64))
            .with_text("digest", rows.iter().map(|row| row.digest.to_string()))
            .with_integers("width", rows.iter().map(|row| row.width))
            .with_integers("height", rows.iter().map(|row| row.height))
            .write(path)
    }

    /// Reads the table.
    ///
    /// # Errors
    /// If the file is not such a table.
    pub fn read(path: &Path) -> Result<Vec<Self>, Error> {
        let table = Table::read(path)?;
        let columns = Columns { table: &table, path };
        let names = columns.text("file_name")?;
        let bytes = columns.integers::<u64>("bytes")?;
        let digests = columns.parsed("digest", |text| text.parse().ok())?;
        let (widths, heights) = (columns.integers::<u32>("width")?, columns.integers::<u32>("height")?);
        let row = |i: usize| Self {
            file_name: names[i].to_owned(),
            bytes: bytes[i],
            digest: digests[i],
            width: widths[i],
            height: heights[i],
        };
        Ok((0..table.rows()).map(row).collect())
    }
}
