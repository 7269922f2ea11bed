//! A table in memory, and its way to and from Parquet.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::builder::{Float64Builder, Int64Builder, ListBuilder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use marque_contracts::durable::write_atomic_with;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use crate::Error;
use crate::parquet_file::ParquetFile;

/// Rows per Parquet row group: small enough to skip by, large enough to compress well.
const ROW_GROUP: usize = 16_384;

/// Rows read at a time.
const BATCH: usize = 4096;

/// One column; every value may be null.
#[derive(Clone, PartialEq, Debug)]
pub enum Column {
    /// UTF-8 text.
    Text(Vec<Option<String>>),
    /// 64-bit integers.
    Integer(Vec<Option<i64>>),
    /// 64-bit floating-point numbers.
    Number(Vec<Option<f64>>),
    /// Yes or no.
    Flag(Vec<Option<bool>>),
    /// Several texts a row, or none. A list may be null; what is in one is not.
    TextList(Vec<Option<Vec<String>>>),
    /// Several 64-bit integers a row, or none. A list may be null; what is in one is not.
    IntegerList(Vec<Option<Vec<i64>>>),
    /// Several 64-bit floating-point numbers a row, or none. A list may be null; what is in one is not.
    NumberList(Vec<Option<Vec<f64>>>),
}

impl Column {
    /// Number of values, nulls included.
    fn len(&self) -> usize {
        match self {
            Column::Text(values) => values.len(),
            Column::Integer(values) => values.len(),
            Column::Number(values) => values.len(),
            Column::Flag(values) => values.len(),
            Column::TextList(values) => values.len(),
            Column::IntegerList(values) => values.len(),
            Column::NumberList(values) => values.len(),
        }
    }

    /// Arrow's name of the values' type.
    pub fn type_name(&self) -> &'static str {
        match self {
            Column::Text(_) => "string",
            Column::Integer(_) => "int64",
            Column::Number(_) => "float64",
            Column::Flag(_) => "bool",
            Column::TextList(_) => "list<string>",
            Column::IntegerList(_) => "list<int64>",
            Column::NumberList(_) => "list<float64>",
        }
    }

    pub(crate) fn to_arrow(&self) -> ArrayRef {
        match self {
            Column::Text(values) => Arc::new(values.iter().map(Option::as_deref).collect::<StringArray>()),
            Column::Integer(values) => Arc::new(values.iter().copied().collect::<Int64Array>()),
            Column::Number(values) => Arc::new(values.iter().copied().collect::<Float64Array>()),
            Column::Flag(values) => Arc::new(values.iter().copied().collect::<BooleanArray>()),
            Column::TextList(values) => {
                let mut lists = ListBuilder::new(StringBuilder::new());
                for list in values {
                    lists.append_option(list.as_ref().map(|list| list.iter().map(Some)));
                }
                Arc::new(lists.finish())
            }
            Column::IntegerList(values) => {
                let mut lists = ListBuilder::new(Int64Builder::new());
                for list in values {
                    lists.append_option(list.as_ref().map(|list| list.iter().copied().map(Some)));
                }
                Arc::new(lists.finish())
            }
            Column::NumberList(values) => {
                let mut lists = ListBuilder::new(Float64Builder::new());
                for list in values {
                    lists.append_option(list.as_ref().map(|list| list.iter().copied().map(Some)));
                }
                Arc::new(lists.finish())
            }
        }
    }
}

/// A table: named columns of equal length, and a note that goes into the Arrow schema's metadata.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Table {
    columns: Vec<(String, Column)>,
    metadata: HashMap<String, String>,
}

impl Table {
    /// A table with no columns yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a column.
    pub fn with(mut self, name: &str, column: Column) -> Self {
        self.columns.push((name.to_owned(), column));
        self
    }

    /// Adds a column of text without nulls.
    pub fn with_text<S: Into<String>>(self, name: &str, values: impl IntoIterator<Item = S>) -> Self {
        self.with(name, Column::Text(values.into_iter().map(|value| Some(value.into())).collect()))
    }

    /// Adds a column of integers without nulls.
    pub fn with_integers<I: Into<i64>>(self, name: &str, values: impl IntoIterator<Item = I>) -> Self {
        self.with(name, Column::Integer(values.into_iter().map(|value| Some(value.into())).collect()))
    }

    /// Adds a column of numbers without nulls.
    pub fn with_numbers(self, name: &str, values: impl IntoIterator<Item = f64>) -> Self {
        self.with(name, Column::Number(values.into_iter().map(Some).collect()))
    }

    /// Puts a note into the Arrow schema's metadata. One key only is ever used, since the order of several
    /// in the file is not settled.
    pub fn with_metadata(mut self, key: &str, value: String) -> Self {
        self.metadata = HashMap::from([(key.to_owned(), value)]);
        self
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, |(_, column)| column.len())
    }

    /// A column by its name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|(column, _)| column == name).map(|(_, column)| column)
    }

    /// The columns, in order.
    pub fn columns(&self) -> &[(String, Column)] {
        &self.columns
    }

    /// A note from the Arrow schema's metadata.
    pub fn metadata(&self, key: &str) -> Option<&str> {
        self.metadata.get(key).map(String::as_str)
    }

    /// Writes the table as Parquet: zstd, row groups of 16,384 rows, no times in it. The file is written beside its
    /// place, flushed and renamed.
    ///
    /// # Errors
    /// If columns differ in length, or the file cannot be written; the older file, if there was one, is as it was.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        write_batches(path, self.schema(), std::iter::once(Ok(self.arrays())))
    }

    /// Writes tables with the same columns one below the other, as [`write`](Self::write) does, from files that were written
    /// so; only one of them is in memory at a time.
    ///
    /// # Errors
    /// If there is none, they differ in columns, one cannot be read, or the file cannot be written.
    pub fn concatenate(parts: &[PathBuf], path: &Path) -> Result<(), Error> {
        let parts = parts.split_first();
        let (first, others) = parts.ok_or_else(|| Error::NoParts { path: path.to_owned() })?;
        let first = Self::read(first)?;
        let others = others.iter().map(|part| Ok(Self::read(part)?.arrays()));
        write_batches(path, first.schema(), std::iter::once(Ok(first.arrays())).chain(others))
    }

    fn schema(&self) -> Schema {
        let fields: Vec<_> = self.columns.iter().map(|(name, column)| field(name, column)).collect();
        Schema::new(fields).with_metadata(self.metadata.clone())
    }

    fn arrays(&self) -> Vec<ArrayRef> {
        self.columns.iter().map(|(_, column)| column.to_arrow()).collect()
    }

    /// Reads a Parquet table. Columns of types other than those of [`Column`] are left out, and so are
    /// nulls inside lists.
    ///
    /// # Errors
    /// If the file cannot be read as Parquet.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let file = ParquetFile::open(path, BATCH)?;
        let schema = file.schema().clone();
        let mut columns: Vec<_> =
            schema.fields().iter().map(|field| (field.name().clone(), empty(field))).collect();
        for batch in file {
            let batch = batch?;
            for ((_, column), array) in columns.iter_mut().zip(batch.columns()) {
                if let Some(column) = column {
                    append(column, array);
                }
            }
        }
        let columns = columns.into_iter().filter_map(|(name, column)| Some((name, column?))).collect();
        Ok(Self { columns, metadata: schema.metadata().clone().into() })
    }
}

/// Writes batches of columns as one Parquet file.
fn write_batches(
    path: &Path,
    schema: Schema,
    batches: impl Iterator<Item = Result<Vec<ArrayRef>, Error>>,
) -> Result<(), Error> {
    let cannot = |source: ParquetError| Error::Write { path: path.to_owned(), source };
    let schema = Arc::new(schema);
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3).map_err(cannot)?))
        .set_max_row_group_row_count(Some(ROW_GROUP))
        .set_created_by("marque".to_owned())
        .build();
    write_atomic_with(path, |file| {
        let mut writer = ArrowWriter::try_new(file, schema.clone(), Some(properties)).map_err(cannot)?;
        for arrays in batches {
            let batch = RecordBatch::try_new(schema.clone(), arrays?).map_err(|e| cannot(e.into()))?;
            writer.write(&batch).map_err(cannot)?;
        }
        writer.close().map_err(cannot)?;
        Ok(())
    })
}

fn field(name: &str, column: &Column) -> Field {
    let data_type = match column {
        Column::Text(_) => DataType::Utf8,
        Column::Integer(_) => DataType::Int64,
        Column::Number(_) => DataType::Float64,
        Column::Flag(_) => DataType::Boolean,
        Column::TextList(_) => DataType::new_list(DataType::Utf8, true),
        Column::IntegerList(_) => DataType::new_list(DataType::Int64, true),
        Column::NumberList(_) => DataType::new_list(DataType::Float64, true),
    };
    Field::new(name, data_type, true)
}

fn empty(field: &Field) -> Option<Column> {
    match field.data_type() {
        DataType::Utf8 => Some(Column::Text(Vec::new())),
        DataType::Int64 => Some(Column::Integer(Vec::new())),
        DataType::Float64 => Some(Column::Number(Vec::new())),
        DataType::Boolean => Some(Column::Flag(Vec::new())),
        DataType::List(item) if *item.data_type() == DataType::Utf8 => Some(Column::TextList(Vec::new())),
        DataType::List(item) if *item.data_type() == DataType::Int64 => Some(Column::IntegerList(Vec::new())),
        DataType::List(item) if *item.data_type() == DataType::Float64 => {
            Some(Column::NumberList(Vec::new()))
        }
        _ => None,
    }
}

fn append(column: &mut Column, array: &ArrayRef) {
    match column {
        Column::Text(values) => values.extend(array.as_string::<i32>().iter().map(|v| v.map(str::to_owned))),
        Column::Integer(values) => values.extend(array.as_primitive::<Int64Type>().iter()),
        Column::Number(values) => values.extend(array.as_primitive::<Float64Type>().iter()),
        Column::Flag(values) => values.extend(array.as_boolean().iter()),
        Column::TextList(values) => {
            let texts = |list: ArrayRef| {
                list.as_string::<i32>().iter().flatten().map(str::to_owned).collect::<Vec<_>>()
            };
            values.extend(array.as_list::<i32>().iter().map(|list| list.map(texts)));
        }
        Column::IntegerList(values) => {
            let integers =
                |list: ArrayRef| list.as_primitive::<Int64Type>().iter().flatten().collect::<Vec<_>>();
            values.extend(array.as_list::<i32>().iter().map(|list| list.map(integers)));
        }
        Column::NumberList(values) => {
            let numbers =
                |list: ArrayRef| list.as_primitive::<Float64Type>().iter().flatten().collect::<Vec<_>>();
            values.extend(array.as_list::<i32>().iter().map(|list| list.map(numbers)));
        }
    }
}

/// Typed access to the columns of a table read from `path`; errors name the file and the column.
pub(crate) struct Columns<'a> {
    pub(crate) table: &'a Table,
    pub(crate) path: &'a Path,
}

impl<'a> Columns<'a> {
    fn column(&self, name: &str) -> Result<&'a Column, Error> {
        self.table.column(name).ok_or_else(|| Error::column(self.path, name, "is missing"))
    }

    pub(crate) fn optional_text(&self, name: &str) -> Result<&'a [Option<String>], Error> {
        match self.column(name)? {
            Column::Text(values) => Ok(values),
            _ => Err(Error::column(self.path, name, "is not text")),
        }
    }

    pub(crate) fn optional_integers(&self, name: &str) -> Result<&'a [Option<i64>], Error> {
        match self.column(name)? {
            Column::Integer(values) => Ok(values),
            Column::IntegerList(_) => {
                let reason = "has lists of classes (a head of kind = \"tags\"), not one class per photo";
                Err(Error::column(self.path, name, reason))
            }
            _ => Err(Error::column(self.path, name, "is not of 64-bit integers")),
        }
    }

    pub(crate) fn integer_lists(&self, name: &str) -> Result<&'a [Option<Vec<i64>>], Error> {
        match self.column(name)? {
            Column::IntegerList(values) => Ok(values),
            _ => Err(Error::column(self.path, name, "is not of lists of 64-bit integers")),
        }
    }

    pub(crate) fn text(&self, name: &str) -> Result<Vec<&'a str>, Error> {
        let value =
            |v: &'a Option<String>| v.as_deref().ok_or_else(|| Error::column(self.path, name, "has a null"));
        self.optional_text(name)?.iter().map(value).collect()
    }

    /// Integers without nulls, converted to a narrower type.
    pub(crate) fn integers<T: TryFrom<i64>>(&self, name: &str) -> Result<Vec<T>, Error> {
        let value = |v: &Option<i64>| {
            let value = v.ok_or_else(|| Error::column(self.path, name, "has a null"))?;
            T::try_from(value)
                .map_err(|_| Error::column(self.path, name, format!("has {value}, out of range")))
        };
        self.optional_integers(name)?.iter().map(value).collect()
    }

    pub(crate) fn optional_numbers(&self, name: &str) -> Result<&'a [Option<f64>], Error> {
        match self.column(name)? {
            Column::Number(values) => Ok(values),
            _ => Err(Error::column(self.path, name, "is not of 64-bit numbers")),
        }
    }

    pub(crate) fn flags(&self, name: &str) -> Result<Vec<bool>, Error> {
        let Column::Flag(values) = self.column(name)? else {
            return Err(Error::column(self.path, name, "is not of flags"));
        };
        let value = |v: &Option<bool>| v.ok_or_else(|| Error::column(self.path, name, "has a null"));
        values.iter().map(value).collect()
    }

    /// Texts without nulls, each parsed.
    pub(crate) fn parsed<T>(&self, name: &str, parse: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, Error> {
        self.text(name)?.into_iter().map(|text| self.parse(name, text, &parse)).collect()
    }

    /// One text of a column, parsed.
    pub(crate) fn parse<T>(
        &self,
        name: &str,
        text: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<T, Error> {
        parse(text)
            .ok_or_else(|| Error::column(self.path, name, format!("has {text:?}, which is not valid there")))
    }
}
