//! `rejected.parquet`: files that were left out, sorted by name.

use std::path::Path;

use crate::Error;
use crate::table::{Columns, Table};

/// A file that is no photo that can be decoded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RejectedRow {
    /// Name, as the photo would have had.
    pub file_name: String,
    /// Why it was left out.
    pub reason: String,
}

impl RejectedRow {
    /// Writes the table.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(rows: &[Self], path: &Path) -> Result<(), Error> {
        Table::new()
            .with_text("file_name", rows.iter().map(|row| row.file_name.as_str()))
            .with_text("reason", rows.iter().map(|row| row.reason.as_str()))
            .write(path)
    }

    /// Reads the table.
    ///
    /// # Errors
    /// If the file is not such a table.
    pub fn read(path: &Path) -> Result<Vec<Self>, Error> {
        let table = Table::read(path)?;
        let columns = Columns { table: &table, path };
        let rows = columns.text("file_name")?.into_iter().zip(columns.text("reason")?);
        Ok(rows
            .map(|(name, reason)| Self { file_name: name.to_owned(), reason: reason.to_owned() })
            .collect())
    }
}
