//! Parquet tables written by other programs: pandas, polars, Hugging Face `datasets`.
//!
//! Columns are read as text whatever their type is; a column of structs with `bytes` and perhaps `path`, as
//! `datasets` writes images (`Image`), holds photos. The names of class labels (`ClassLabel`) are in the schema's
//! metadata. Rows are read a batch at a time, so that memory does not grow with the table.

use std::fmt;
use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type,
    UInt64Type,
};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field};
use fs_err::File;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;
use serde_json::Value;

use crate::{CellValue, Error};

/// The id by which `datasets` marks a label that is not known.
const NOT_KNOWN: i128 = -1;

/// Key of the schema's metadata under which `datasets` keeps the features.
const FEATURES: &str = "huggingface";

/// What a column holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ExternalKind {
    /// Text, numbers or flags: read as text.
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
    path: PathBuf,
    columns: Vec<ExternalColumn>,
    rows: u64,
    reader: ParquetRecordBatchReader,
}

impl ExternalTable {
    /// Opens a table to be read `batch` rows at a time.
    ///
    /// # Errors
    /// If the file cannot be read as Parquet.
    pub fn open(path: &Path, batch: usize) -> Result<Self, Error> {
        let parquet = |source: ParquetError| Error::Parquet { path: path.to_owned(), source };
        let builder =
            ParquetRecordBatchReaderBuilder::try_new(File::open(path)?.into_file()).map_err(parquet)?;
        let features =
            builder.schema().metadata().get(FEATURES).and_then(|text| serde_json::from_str(text).ok());
        let columns =
            builder.schema().fields().iter().map(|field| column(field, features.as_ref())).collect();
        let rows = u64::try_from(builder.metadata().file_metadata().num_rows()).unwrap_or(0);
        let reader = builder.with_batch_size(batch).build().map_err(parquet)?;
        Ok(Self { path: path.to_owned(), columns, rows, reader })
    }

    /// The columns, in order.
    pub fn columns(&self) -> &[ExternalColumn] {
        &self.columns
    }

    /// Number of rows.
    pub fn rows(&self) -> u64 {
        self.rows
    }
}

impl Iterator for ExternalTable {
    type Item = Result<ExternalBatch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.reader.next()?;
        let wrong =
            |e: arrow_schema::ArrowError| Error::Parquet { path: self.path.clone(), source: e.into() };
        Some(batch.map(|batch| ExternalBatch { batch, columns: self.columns.clone() }).map_err(wrong))
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
    /// nulls, empty texts, numbers that are not finite, ids without a class, and lists.
    ///
    /// # Panics
    /// If there is no such column.
    pub fn texts(&self, column: usize) -> Vec<Option<String>> {
        texts(self.batch.column(column), self.columns[column].class_names.as_deref())
    }

    /// The values of a column, texts as by [`texts`](Self::texts), and lists of such. `None` for lists of nothing but
    /// nulls too, not for empty ones: nothing is known of the one, and there is none in the other.
    ///
    /// # Panics
    /// If there is no such column.
    pub fn values(&self, column: usize) -> Vec<Option<CellValue>> {
        let names = self.columns[column].class_names.as_deref();
        match lists(self.batch.column(column)) {
            Some(lists) => {
                let list = |items: ArrayRef| {
                    let texts: Vec<_> = texts(&items, names).into_iter().flatten().collect();
                    (items.is_empty() || !texts.is_empty()).then_some(CellValue::List(texts))
                };
                lists.into_iter().map(|items| list(items?)).collect()
            }
            None => self.texts(column).into_iter().map(|text| text.map(CellValue::Text)).collect(),
        }
    }

    /// The class ids of a column, also those in lists, that have no name, each with its row, counted from 0 in this
    /// batch. The id -1 stands for an unknown label and is not among them.
    ///
    /// # Panics
    /// If there is no such column.
    pub fn unnamed_ids(&self, column: usize) -> Vec<(usize, i128)> {
        let Some(names) = &self.columns[column].class_names else { return Vec::new() };
        let named = |id: i128| id == NOT_KNOWN || usize::try_from(id).is_ok_and(|id| id < names.len());
        let rows = ids(self.batch.column(column)).into_iter().enumerate();
        rows.flat_map(|(row, ids)| ids.into_iter().map(move |id| (row, id)))
            .filter(|(_, id)| !named(*id))
            .collect()
    }

    /// The photos of a column: bytes and, if it is known, path. `None` for nulls, and if it is no such column.
    ///
    /// # Panics
    /// If there is no such column.
    pub fn photos(&self, column: usize) -> Vec<Option<(&[u8], Option<String>)>> {
        let Some(photos) = self.batch.column(column).as_struct_opt() else { return vec![None; self.rows()] };
        let Some(contents) = photos.column_by_name("bytes") else { return vec![None; self.rows()] };
        let paths = photos.column_by_name("path").map(|array| texts(array, None));
        let photo = |row: usize| {
            let bytes = bytes(contents, row).filter(|_| !photos.is_null(row))?;
            Some((bytes, paths.as_ref().and_then(|paths| paths.get(row).cloned().flatten())))
        };
        (0..self.rows()).map(photo).collect()
    }
}

fn column(field: &Field, features: Option<&Value>) -> ExternalColumn {
    let kind = if *field.data_type() == DataType::Null {
        ExternalKind::Null
    } else if is_text(field.data_type()) {
        ExternalKind::Text
    } else if is_list(field.data_type()) {
        ExternalKind::List
    } else if holds_photos(field.data_type()) {
        ExternalKind::Photos
    } else {
        ExternalKind::Unknown(field.data_type().to_string())
    };
    let class_names = features.and_then(|features| class_names(features, field.name()));
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

fn is_text(data_type: &DataType) -> bool {
    use DataType::{
        Boolean, Dictionary, Float32, Float64, Int8, Int16, Int32, Int64, LargeUtf8, Null, UInt8, UInt16,
        UInt32, UInt64, Utf8, Utf8View,
    };
    match data_type {
        Utf8 | LargeUtf8 | Utf8View | Boolean | Null => true,
        Int8 | Int16 | Int32 | Int64 | UInt8 | UInt16 | UInt32 | UInt64 | Float32 | Float64 => true,
        Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

/// Lists of decimal numbers are boxes and vectors, not labels.
fn is_list(data_type: &DataType) -> bool {
    match data_type {
        DataType::List(item) | DataType::LargeList(item) => {
            is_text(item.data_type()) && !matches!(item.data_type(), DataType::Float32 | DataType::Float64)
        }
        _ => false,
    }
}

fn holds_photos(data_type: &DataType) -> bool {
    let DataType::Struct(inside) = data_type else { return false };
    let is_bytes =
        |t: &DataType| matches!(t, DataType::Binary | DataType::LargeBinary | DataType::BinaryView);
    inside.iter().any(|field| field.name() == "bytes" && is_bytes(field.data_type()))
}

fn texts(array: &ArrayRef, names: Option<&[String]>) -> Vec<Option<String>> {
    if let Some(integers) = integers(array) {
        let shown = |id: i128| match names {
            Some(names) => names.get(usize::try_from(id).ok()?).cloned(),
            None => Some(id.to_string()),
        };
        return integers.into_iter().map(|id| id.and_then(shown)).collect();
    }
    // Numbers are shown as what they are: a float as f64 would show digits that it does not have.
    macro_rules! numbers {
        ($kind:ty) => {{
            let finite = array.as_primitive::<$kind>().iter().map(|x| x.filter(|x| x.is_finite()));
            finite.map(|x| x.map(|x| x.to_string())).collect()
        }};
    }
    match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().iter().map(text).collect(),
        DataType::LargeUtf8 => array.as_string::<i64>().iter().map(text).collect(),
        DataType::Utf8View => array.as_string_view().iter().map(text).collect(),
        DataType::Boolean => array.as_boolean().iter().map(|v| v.map(|v| v.to_string())).collect(),
        DataType::Float32 => numbers!(Float32Type),
        DataType::Float64 => numbers!(Float64Type),
        DataType::Dictionary(_, _) => {
            let dictionary = array.as_any_dictionary();
            let values = texts(dictionary.values(), names);
            let keys = if values.is_empty() { Vec::new() } else { dictionary.normalized_keys() };
            let value = |row: usize| values.get(*keys.get(row)?).cloned().flatten();
            (0..array.len()).map(|row| if array.is_null(row) { None } else { value(row) }).collect()
        }
        _ => vec![None; array.len()],
    }
}

/// The values of an array of integers; `None` if it holds something else.
fn integers(array: &ArrayRef) -> Option<Vec<Option<i128>>> {
    macro_rules! integers {
        ($kind:ty) => {
            array.as_primitive::<$kind>().iter().map(|value| value.map(i128::from)).collect()
        };
    }
    Some(match array.data_type() {
        DataType::Int8 => integers!(Int8Type),
        DataType::Int16 => integers!(Int16Type),
        DataType::Int32 => integers!(Int32Type),
        DataType::Int64 => integers!(Int64Type),
        DataType::UInt8 => integers!(UInt8Type),
        DataType::UInt16 => integers!(UInt16Type),
        DataType::UInt32 => integers!(UInt32Type),
        DataType::UInt64 => integers!(UInt64Type),
        _ => return None,
    })
}

/// The items of an array of lists; `None` if it holds something else.
fn lists(array: &ArrayRef) -> Option<Vec<Option<ArrayRef>>> {
    match array.data_type() {
        DataType::List(_) => Some(array.as_list::<i32>().iter().collect()),
        DataType::LargeList(_) => Some(array.as_list::<i64>().iter().collect()),
        _ => None,
    }
}

fn text(value: Option<&str>) -> Option<String> {
    value.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// The integers in each row: at most one, or those of a list. None where the array holds something else.
fn ids(array: &ArrayRef) -> Vec<Vec<i128>> {
    if let Some(integers) = integers(array) {
        return integers.into_iter().map(|id| id.into_iter().collect()).collect();
    }
    match lists(array) {
        Some(lists) => {
            lists.into_iter().map(|items| items.map_or_else(Vec::new, |items| ids(&items).concat())).collect()
        }
        None => vec![Vec::new(); array.len()],
    }
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
