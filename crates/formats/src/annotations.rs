//! `metadata/table.parquet`: the annotations of all sources of photos that are not published in a layout of their own.
//! A row per photo, sorted by name.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::Path;

use marque_contracts::schema::{Split, normalised};

use crate::crops::{read_crops, with_crops};
use crate::table::{Column, Columns, Table};
use crate::{CellValue, Crop, Error};

/// Columns of the sides of a box.
const SIDES: [&str; 4] = Crop::COLUMNS;

/// The annotation of one photo.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AnnotationRow {
    /// Name, as a path below the photo folder.
    pub file_name: String,
    /// Split that the source gives it; `None` if it gives none.
    pub split: Option<Split>,
    /// Name of its class, "Make Model Body Year" or whatever the source uses.
    pub class_name: Option<String>,
    /// Box of the car: pixels counted from 0, the ends excluded.
    pub crop: Option<Crop>,
    /// A value for each of [`AnnotationTable::columns`]; `None` if it is not known.
    pub values: Vec<Option<CellValue>>,
}

/// The whole table.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AnnotationTable {
    /// Names of the source's own label columns, in the source's order.
    pub columns: Vec<String>,
    /// A row per photo, sorted by name.
    pub rows: Vec<AnnotationRow>,
}

impl AnnotationTable {
    /// Columns that every such table has; no label column may take one of these names.
    pub const FIXED_COLUMNS: [&str; 7] =
        ["file_name", "split", "class_name", SIDES[0], SIDES[1], SIDES[2], SIDES[3]];

    /// Writes the table, with names of columns in their normal form ([`normalised`]), and class names and values without
    /// white space around them. What stands inside values is for `labels` to read: tags may be separated by any text.
    ///
    /// # Errors
    /// If a column's name is taken twice, a row has more or fewer values than there are columns, rows are not
    /// sorted by name with each name once, or the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        self.check(path)?;
        let rows = &self.rows;
        let split = |row: &AnnotationRow| row.split.map(|split| split.as_str().to_owned());
        let class_name = |row: &AnnotationRow| Some(row.class_name.as_deref()?.trim().to_owned());
        let class_names = rows.iter().map(|row| class_name(row).filter(|name| !name.is_empty()));
        let mut table = Table::new()
            .with_text("file_name", rows.iter().map(|row| row.file_name.as_str()))
            .with("split", Column::Text(rows.iter().map(split).collect()))
            .with("class_name", Column::Text(class_names.collect()));
        table = with_crops(table, SIDES, rows.iter().map(|row| row.crop));
        for (i, name) in self.columns.iter().enumerate() {
            let values =
                rows.iter().map(|row| row.values.get(i)?.as_ref()?.map(|text| text.trim().to_owned()));
            table = table.with(&normalised(name), CellValue::column(values));
        }
        table.write(path)
    }

    fn check(&self, path: &Path) -> Result<(), Error> {
        let mut names: BTreeSet<_> = Self::FIXED_COLUMNS.map(Cow::Borrowed).into();
        for name in &self.columns {
            let normal = normalised(name);
            if normal.is_empty() || !names.insert(normal) {
                return Err(Error::column(path, name, "is there twice or has no name"));
            }
        }
        if let Some(row) = self.rows.iter().find(|row| row.values.len() != self.columns.len()) {
            let reason = format!(
                "{} has {} values for {} label columns",
                row.file_name,
                row.values.len(),
                self.columns.len()
            );
            return Err(Error::column(path, "file_name", reason));
        }
        sorted_once(self.rows.iter().map(|row| row.file_name.as_str()), path)
    }

    /// Reads the table.
    ///
    /// # Errors
    /// If the file is not such a table.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let table = Table::read(path)?;
        let columns = Columns { table: &table, path };
        let names = columns.text("file_name")?;
        let splits = columns.optional_text("split")?;
        let class_names = columns.optional_text("class_name")?;
        let crops = read_crops(&columns, SIDES)?;
        let mut labels = Vec::new();
        for (name, column) in table.columns() {
            if !Self::FIXED_COLUMNS.contains(&name.as_str()) {
                let wrong = || Error::column(path, name, "is neither text nor lists of text");
                labels.push((name.clone(), CellValue::of_column(column).ok_or_else(wrong)?));
            }
        }
        let mut rows = Vec::with_capacity(table.rows());
        for (i, name) in names.iter().enumerate() {
            rows.push(AnnotationRow {
                file_name: (*name).to_owned(),
                split: splits[i]
                    .as_deref()
                    .map(|word| columns.parse("split", word, Split::parse))
                    .transpose()?,
                class_name: class_names[i].clone(),
                crop: crops[i],
                values: labels.iter().map(|(_, values)| values[i].clone()).collect(),
            });
        }
        sorted_once(names.into_iter(), path)?;
        Ok(Self { columns: labels.into_iter().map(|(name, _)| name).collect(), rows })
    }
}

/// Checks that names are in ascending order and unique.
fn sorted_once<'a>(names: impl Iterator<Item = &'a str>, path: &Path) -> Result<(), Error> {
    let mut before: Option<&str> = None;
    for name in names {
        if before.is_some_and(|before| before >= name) {
            return Err(Error::column(path, "file_name", format!("has {name} twice or out of order")));
        }
        before = Some(name);
    }
    Ok(())
}
