//! Parquet tables written by other programs: pandas, polars, Hugging Face `datasets`.
//!
//! Columns are read as text whatever their type is; a column of structs with `bytes` and perhaps `path`, as
//! `datasets` writes images (`Image`), holds photos. The names of class labels (`ClassLabel`) are in the schema's
//! metadata. Rows are read a batch at a time, so that memory does not grow with the table.

use std::fmt;
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field};
use serde_json::Value;

use crate::parquet_file::ParquetFile;
use crate::{CellValue, Error};

mod cells;

use cells::{cells, is_list, is_text};

/// Key of the schema's metadata under which `datasets` keeps the features.
const FEATURES: &str = "huggingface";

/// What a column holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ExternalKind {
    /// Text, numbers, flags, dates or times: read as text.
    Text,
    /// Lists of such: read as lists of text.
    List,
    /// Nothing but nulls.
    Null,
    /// Photos.
    Photos,
    /// Something else, by the name of its type.
    Unknown(String),
}

impl fmt::Display for ExternalKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("text or numbers"),
            Self::List => f.write_str("lists"),
            Self::Null => f.write_str("nothing"),
            Self::Photos => f.write_str("photos"),
            Self::Unknown(kind) => f.write_str(kind),
        }
    }
}

/// A column of an external table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExternalColumn {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: ExternalKind,
    /// If it holds class ids: the names of the classes.
    pub class_names: Option<Vec<String>>,
}

/// An external table, read a batch of rows at a time.
pub struct ExternalTable {
    columns: Vec<ExternalColumn>,
    file: ParquetFile,
}

impl ExternalTable {
    /// Opens a table to be read `batch` rows at a time.
    ///
    /// # Errors
    /// If the file cannot be read as Parquet.
    pub fn open(path: &Path, batch: usize) -> Result<Self, Error> {
        let file = ParquetFile::open(path, batch)?;
        let features =
            file.schema().metadata().get(FEATURES).and_then(|text| serde_json::from_str(text).ok());
        let columns = file.schema().fields().iter().map(|field| column(field, features.as_ref())).collect();
        Ok(Self { columns, file })
    }

    /// The columns, in order.
    pub fn columns(&self) -> &[ExternalColumn] {
        &self.columns
    }

    /// Number of rows.
    pub fn rows(&self) -> u64 {
        self.file.rows()
    }
}

impl Iterator for ExternalTable {
    type Item = Result<ExternalBatch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.file.next()?;
        Some(batch.map(|batch| ExternalBatch { batch, columns: self.columns.clone() }))
    }
}

/// A batch of rows. Columns are given by position.
pub struct ExternalBatch {
    batch: RecordBatch,
    columns: Vec<ExternalColumn>,
}

impl ExternalBatch {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.batch.num_rows()
    }

    /// What is known of a column.
    ///
    /// # Panics
    /// If there is no such column.
    pub fn column(&self, column: usize) -> &ExternalColumn {
        &self.columns[column]
    }

    /// The values of a column as text: numbers in decimals, whole ones without a point, class ids by name. `None` for
    /// nulls, empty texts and NaN, for the class id -1, for lists, and for what [`problems`](Self::problems) lists.
    ///
    /// # Panics
    /// If there is no such column.
    pub fn texts(&self, column: usize) -> Vec<Option<String>> {
        self.values(column).into_iter().map(text).collect()
    }

    /// The values of a column, texts as by [`texts`](Self::texts), and lists of such. `None` for lists of nothing but
    /// nulls too, not for empty ones: nothing is known of the one, and there is none in the other.
    ///
    /// # Panics
    /// If there is no such column.
    pub fn values(&self, column: usize) -> Vec<Option<CellValue>> {
        self.cells(column).into_iter().map(Result::unwrap_or_default).collect()
    }

    /// The cells of a column that have no text, each with its row, counted from 0 in this batch, and what is wrong
    /// with it ("has the class 7, but names from 0 to 2 only"): infinite numbers, and in a column of class labels all
    /// that is neither an id nor a name.
    ///
    /// # Panics
    /// If there is no such column.
    pub fn problems(&self, column: usize) -> Vec<(usize, String)> {
        let cells = self.cells(column).into_iter().enumerate();
        cells.filter_map(|(row, cell)| Some((row, cell.err()?))).collect()
    }

    fn cells(&self, column: usize) -> Vec<cells::Cell> {
        cells(self.batch.column(column), self.columns[column].class_names.as_deref())
    }

    /// The photos of a column: bytes and, if it is known, path. `None` for nulls, and if it is no such column.
    ///
    /// # Panics
    /// If there is no such column.
    pub fn photos(&self, column: usize) -> Vec<Option<(&[u8], Option<String>)>> {
        let Some(photos) = self.batch.column(column).as_struct_opt() else { return vec![None; self.rows()] };
        let Some(contents) = photos.column_by_name("bytes") else { return vec![None; self.rows()] };
        let paths = photos.column_by_name("path").map(|array| cells(array, None));
        let photo = |row: usize| {
            let bytes = bytes(contents, row).filter(|_| !photos.is_null(row))?;
            Some((bytes, paths.as_ref().and_then(|paths| text(paths.get(row)?.clone().ok()?))))
        };
        (0..self.rows()).map(photo).collect()
    }
}

fn text(value: Option<CellValue>) -> Option<String> {
    match value? {
        CellValue::Text(text) => Some(text),
        CellValue::List(_) => None,
    }
}

fn column(field: &Field, features: Option<&Value>) -> ExternalColumn {
    let class_names = features.and_then(|features| class_names(features, field.name()));
    let kind = if *field.data_type() == DataType::Null {
        ExternalKind::Null
    } else if is_text(field.data_type()) {
        ExternalKind::Text
    } else if is_list(field.data_type(), class_names.is_some()) {
        ExternalKind::List
    } else if holds_photos(field.data_type()) {
        ExternalKind::Photos
    } else {
        ExternalKind::Unknown(field.data_type().to_string())
    };
    ExternalColumn { name: field.name().clone(), kind, class_names }
}

/// The names of a class label, of the column itself or of the items of its lists, from the features that `datasets`
/// writes.
fn class_names(metadata: &Value, column: &str) -> Option<Vec<String>> {
    let feature = metadata.get("info")?.get("features")?.get(column)?;
    let names = |feature: &Value| {
        let names = feature.get("names")?.as_array()?;
        names.iter().map(|name| name.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
    };
    // Lists of class labels have been written in two ways.
    names(feature).or_else(|| names(feature.get("feature")?)).or_else(|| names(feature.get(0)?))
}

fn holds_photos(data_type: &DataType) -> bool {
    let DataType::Struct(inside) = data_type else { return false };
    let is_bytes =
        |t: &DataType| matches!(t, DataType::Binary | DataType::LargeBinary | DataType::BinaryView);
    inside.iter().any(|field| field.name() == "bytes" && is_bytes(field.data_type()))
}

fn bytes(array: &ArrayRef, row: usize) -> Option<&[u8]> {
    if array.is_null(row) {
        return None;
    }
    match array.data_type() {
        DataType::Binary => Some(array.as_binary::<i32>().value(row)),
        DataType::LargeBinary => Some(array.as_binary::<i64>().value(row)),
        DataType::BinaryView => Some(array.as_binary_view().value(row)),
        _ => None,
    }
}
