//! Parquet files, read a batch of rows at a time: what a file claims of itself is compared with its size first, and a
//! panic of the library is an error that names the file.

use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use fs_err::File;
use marque_contracts::guarded;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;

use crate::Error;

/// An open file.
pub(crate) struct ParquetFile {
    path: PathBuf,
    schema: SchemaRef,
    rows: u64,
    /// `None` after an error: what the library then holds is not looked at.
    reader: Option<ParquetRecordBatchReader>,
}

impl ParquetFile {
    /// Opens a file to be read `batch` rows at a time.
    ///
    /// # Errors
    /// If it cannot be read, is damaged, or is of a kind that is not read.
    pub(crate) fn open(path: &Path, batch: usize) -> Result<Self, Error> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        let builder = guarded(|| ParquetRecordBatchReaderBuilder::try_new(file.into_file()));
        let builder = outcome(path, builder)?;
        check(path, builder.metadata(), length)?;
        let schema = builder.schema().clone();
        let rows = u64::try_from(builder.metadata().file_metadata().num_rows()).unwrap_or(0);
        let reader = outcome(path, guarded(|| builder.with_batch_size(batch).build()))?;
        Ok(Self { path: path.to_owned(), schema, rows, reader: Some(reader) })
    }

    /// Columns and notes.
    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Number of rows, as the file has it.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }
}

impl Iterator for ParquetFile {
    type Item = Result<RecordBatch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut reader = self.reader.take()?;
        let (batch, reader) = match guarded(move || (reader.next(), reader)) {
            Ok((None, _)) => return None,
            Ok((Some(batch), reader)) => (Ok(batch.map_err(ParquetError::from)), reader),
            Err(panic) => return Some(Err(damaged(&self.path, panic))),
        };
        let batch = outcome(&self.path, batch);
        self.reader = batch.is_ok().then_some(reader);
        Some(batch)
    }
}

/// What the library answered, or that it panicked, as a result of ours.
fn outcome<T>(path: &Path, answer: Result<Result<T, ParquetError>, String>) -> Result<T, Error> {
    answer.map_err(|panic| damaged(path, panic))?.map_err(|source| refusal(path, source))
}

fn damaged(path: &Path, reason: String) -> Error {
    Error::Parquet { path: path.to_owned(), source: ParquetError::General(reason) }
}

fn refusal(path: &Path, source: ParquetError) -> Error {
    if source.to_string().contains("encrypt") {
        return Error::unread(path, "it is encrypted, which is not read: write it without encryption");
    }
    // A disk that cannot be read says nothing about the file.
    match source {
        ParquetError::External(inner) => match inner.downcast::<std::io::Error>() {
            Ok(error) if error.raw_os_error().is_some() => Error::Io(*error),
            Ok(error) => Error::Parquet { path: path.to_owned(), source: ParquetError::External(error) },
            Err(inner) => Error::Parquet { path: path.to_owned(), source: ParquetError::External(inner) },
        },
        source => Error::Parquet { path: path.to_owned(), source },
    }
}

/// Compares what the footer says of the columns with the file's length, and with what can be decompressed.
fn check(path: &Path, metadata: &ParquetMetaData, length: u64) -> Result<(), Error> {
    let inside = |start: i64, bytes: i64| {
        let (start, bytes) = (u64::try_from(start).ok()?, u64::try_from(bytes).ok()?);
        start.checked_add(bytes).filter(|end| *end <= length)
    };
    for group in metadata.row_groups() {
        for column in group.columns() {
            if let Some(name) = not_decompressed(column.compression()) {
                let reason =
                    format!("it is compressed with {name}, which is not read: write it with zstd or snappy");
                return Err(Error::unread(path, reason));
            }
            let data = column.data_page_offset();
            let start = column.dictionary_page_offset().unwrap_or(data);
            let fits = inside(start, column.compressed_size()).is_some() && inside(data, 0).is_some();
            if !fits || column.num_values() < 0 || group.num_rows() < 0 {
                let name = column.column_path().string();
                return Err(damaged(path, format!("the column {name} does not lie inside of the file")));
            }
        }
    }
    Ok(())
}

/// The name of a compression that this program is built without.
fn not_decompressed(compression: Compression) -> Option<&'static str> {
    match compression {
        Compression::UNCOMPRESSED
        | Compression::SNAPPY
        | Compression::GZIP(_)
        | Compression::ZSTD(_)
        | Compression::LZ4
        | Compression::LZ4_RAW => None,
        Compression::LZO => Some("LZO"),
        Compression::BROTLI(_) => Some("Brotli"),
    }
}
