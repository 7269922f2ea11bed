//! `duplicates.parquet`: photos that are there more than once, sorted by group, then by name.

use std::path::Path;

use marque_contracts::Digest;

use crate::Error;
use crate::table::{Columns, Table};

/// How a photo repeats another of its group.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum DuplicateKind {
    /// Another photo of the group has the same bytes.
    Identical,
    /// Others of the group look the same, none has the same bytes.
    Near,
}

impl DuplicateKind {
    /// The word used in the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Identical => "identical",
            Self::Near => "near",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [Self::Identical, Self::Near].into_iter().find(|kind| kind.as_str() == word)
    }
}

/// One photo of a group of two or more. Groups are disjoint.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DuplicateRow {
    /// Number of the group, from 0, in the order of the smallest names of the groups.
    pub group: u32,
    /// How it repeats another one.
    pub kind: DuplicateKind,
    /// Name of the photo.
    pub file_name: String,
    /// Digest of its bytes: equal ones in a group are the same file.
    pub digest: Digest,
    /// Perceptual hash of its picture; photos of a group are linked by hashes that differ in few bits.
    pub hash: u64,
}

impl DuplicateRow {
    /// Writes the table; the hash as 16 hex digits.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(rows: &[Self], path: &Path) -> Result<(), Error> {
        Table::new()
            .with_integers("group", rows.iter().map(|row| row.group))
            .with_text("kind", rows.iter().map(|row| row.kind.as_str()))
            .with_text("file_name", rows.iter().map(|row| row.file_name.as_str()))
            .with_text("digest", rows.iter().map(|row| row.digest.to_string()))
            .with_text("hash", rows.iter().map(|row| format!("{:016x}", row.hash)))
            .write(path)
    }

    /// Reads the table.
    ///
    /// # Errors
    /// If the file is not such a table.
    pub fn read(path: &Path) -> Result<Vec<Self>, Error> {
        let table = Table::read(path)?;
        let columns = Columns { table: &table, path };
        let groups = columns.integers::<u32>("group")?;
        let (kinds, names) = (columns.parsed("kind", DuplicateKind::parse)?, columns.text("file_name")?);
        let digests = columns.parsed("digest", |text| text.parse().ok())?;
        let hashes = columns.parsed("hash", |text| u64::from_str_radix(text, 16).ok())?;
        let row = |i: usize| Self {
            group: groups[i],
            kind: kinds[i],
            file_name: names[i].to_owned(),
            digest: digests[i],
            hash: hashes[i],
        };
        Ok((0..table.rows()).map(row).collect())
    }
}
