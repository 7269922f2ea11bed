//! Parquet files with bytes changed and cut: an error that names the file, or some table, never a panic.

use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{Int64Builder, ListBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Decimal128Array, DictionaryArray, Float32Array, Float64Array,
    Int64Array, RecordBatch, StringArray, StructArray, UInt64Array,
};
use arrow_schema::{DataType, Field};
use marque_fixtures::hostile::changed_file;
use marque_formats::{Error, ExternalTable, Table};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding};
use parquet::file::properties::{WriterProperties, WriterVersion};
use proptest::prelude::*;

/// A table with columns of every kind, some of them without a value in places.
fn batch() -> RecordBatch {
    let mut lists = ListBuilder::new(Int64Builder::new());
    lists.append_value([Some(1), None]);
    lists.append_null();
    lists.append_value([Some(3)]);
    let bytes: ArrayRef = Arc::new(BinaryArray::from(vec![Some(&b"one"[..]), None, Some(b"three")]));
    let paths: ArrayRef = Arc::new(StringArray::from(vec![Some("1.jpg"), None, None]));
    let photos = StructArray::from(vec![
        (Arc::new(Field::new("bytes", DataType::Binary, true)), bytes),
        (Arc::new(Field::new("path", DataType::Utf8, true)), paths),
    ]);
    RecordBatch::try_from_iter_with_nullable([
        (
            "text",
            Arc::new(StringArray::from(vec![Some("red"), None, Some("a longer text")])) as ArrayRef,
            true,
        ),
        ("whole", Arc::new(Int64Array::from(vec![Some(1), Some(-5), None])), true),
        ("large", Arc::new(UInt64Array::from(vec![1, 2, u64::MAX])), true),
        ("number", Arc::new(Float64Array::from(vec![0.5, 1e9, f64::NAN])), true),
        ("short", Arc::new(Float32Array::from(vec![0.5, 1e9, 2.0])), true),
        ("flag", Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)])), true),
        (
            "price",
            Arc::new(Decimal128Array::from(vec![1, 2, 3]).with_precision_and_scale(9, 2).unwrap()),
            true,
        ),
        ("category", Arc::new(["a", "b", "a"].into_iter().collect::<DictionaryArray<Int32Type>>()), true),
        ("list", Arc::new(lists.finish()), true),
        ("image", Arc::new(photos), true),
    ])
    .unwrap()
}

/// The table under several encodings.
fn files() -> [Vec<u8>; 4] {
    let plain = || WriterProperties::builder().set_dictionary_enabled(false);
    let properties = [
        WriterProperties::builder().set_compression(Compression::UNCOMPRESSED).build(),
        WriterProperties::builder().set_compression(Compression::SNAPPY).build(),
        plain().set_compression(Compression::LZ4_RAW).set_writer_version(WriterVersion::PARQUET_2_0).build(),
        plain()
            .set_column_encoding("number".into(), Encoding::BYTE_STREAM_SPLIT)
            .set_column_encoding("short".into(), Encoding::BYTE_STREAM_SPLIT)
            .set_column_encoding("whole".into(), Encoding::DELTA_BINARY_PACKED)
            .set_column_encoding("text".into(), Encoding::DELTA_BYTE_ARRAY)
            .build(),
    ];
    let write = |properties| {
        let mut file = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut file, batch().schema(), Some(properties)).unwrap();
        writer.write(&batch()).unwrap();
        writer.close().unwrap();
        file
    };
    properties.map(write)
}

/// Reads a file in both ways, all of it; what is wrong with it, if anything is.
fn read(path: &Path) -> Option<String> {
    let complaint = |result: Result<(), Error>| {
        let error = result.err()?;
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
        Some(std::error::Error::source(&error).map_or(error.to_string(), ToString::to_string))
    };
    let all = || {
        let table = ExternalTable::open(path, 100)?;
        let columns = table.columns().len();
        for batch in table {
            let batch = batch?;
            for column in 0..columns {
                batch.texts(column);
                batch.problems(column);
                batch.photos(column);
            }
        }
        Ok(())
    };
    let of_cells = complaint(all());
    complaint(Table::read(path).map(drop)).or(of_cells)
}

#[test]
fn every_byte_may_be_another() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.parquet");
    let (mut complaints, mut taken) = (Vec::new(), 0);
    // Those that are packed are for the other test: bytes of packed data only damage the packing.
    let [plain, _, _, encodings] = files();
    for file in [plain, encodings] {
        std::fs::write(&path, &file).unwrap();
        assert_eq!(read(&path), None, "the table itself is read");
        for at in 0..file.len() {
            for value in [0, 0xff, file[at] ^ 1] {
                let mut changed = file.clone();
                changed[at] = value;
                std::fs::write(&path, &changed).unwrap();
                match read(&path) {
                    Some(complaint) => complaints.push(complaint),
                    None => taken += 1,
                }
            }
        }
    }
    assert!(complaints.len() > 1000 && taken > 1000, "{} refused, {taken} taken", complaints.len());
    // The library would panic.
    assert!(complaints.iter().any(|complaint| complaint.contains("does not lie inside of the file")));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn changed_files_do_not_panic(file in changed_file(files().into())) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.parquet");
        std::fs::write(&path, &file).unwrap();
        read(&path);
    }
}
