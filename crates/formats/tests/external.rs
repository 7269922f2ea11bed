//! Tables of other programs: every type of column as text, by one rule.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::types::{Decimal256Type, Float32Type, Float64Type, Int32Type, Int64Type};
use arrow_array::{
    ArrayRef, ArrowPrimitiveType, BooleanArray, Date32Array, Decimal128Array, Decimal256Array,
    DictionaryArray, FixedSizeListArray, Float32Array, Float64Array, Int8Array, Int64Array, LargeStringArray,
    ListArray, NullArray, RecordBatch, StringArray, StringViewArray, Time64MicrosecondArray,
    TimestampMillisecondArray, UInt64Array,
};
use arrow_schema::{Field, Schema};
use marque_formats::{CellValue, Error, ExternalKind, ExternalTable, Table};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

fn write(path: &Path, column: ArrayRef, names: Option<&str>, compression: Compression) {
    let field = Field::new("label", column.data_type().clone(), true);
    let metadata = names.map(|names| {
        let features = format!(r#"{{"info": {{"features": {{"label": {names}}}}}}}"#);
        ("huggingface".to_owned(), features)
    });
    let schema = Schema::new(vec![field]).with_metadata(metadata.into_iter().collect::<HashMap<_, _>>());
    let batch = RecordBatch::try_new(Arc::new(schema), vec![column]).unwrap();
    let properties = WriterProperties::builder().set_compression(compression).build();
    let file = std::fs::File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn shown(value: CellValue) -> String {
    match value {
        CellValue::Text(text) => text,
        CellValue::List(items) => format!("[{}]", items.join("|")),
    }
}

/// Rows and what is wrong with each.
type Problems = Vec<(usize, String)>;

/// The only column of a file: what it holds, its texts, and what is wrong with it.
fn read(path: &Path) -> Result<(ExternalKind, Vec<Option<String>>, Problems), Error> {
    let table = ExternalTable::open(path, 100)?;
    let kind = table.columns()[0].kind.clone();
    let (mut texts, mut problems) = (Vec::new(), Vec::new());
    for batch in table {
        let batch = batch?;
        texts.extend(batch.values(0).into_iter().map(|value| value.map(shown)));
        problems.extend(batch.problems(0));
    }
    Ok((kind, texts, problems))
}

fn scratch() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.parquet");
    (folder, path)
}

/// What each value should be: `?` if it is not known, `!` and a part of the complaint if it has no text.
fn assert_cells(what: &str, column: ArrayRef, names: Option<&str>, expected: &[&str]) {
    let (_folder, path) = scratch();
    write(&path, column, names, Compression::UNCOMPRESSED);
    let (kind, texts, problems) = read(&path).unwrap();
    assert!(!matches!(kind, ExternalKind::Photos | ExternalKind::Unknown(_)), "{what}: {kind}");
    assert_eq!(texts.len(), expected.len(), "{what}");
    for (row, (text, expected)) in texts.iter().zip(expected).enumerate() {
        let problem = problems.iter().find(|(at, _)| *at == row).map(|(_, problem)| problem.as_str());
        match expected.strip_prefix('!') {
            Some(part) => assert!(
                text.is_none() && problem.is_some_and(|problem| problem.contains(part)),
                "{what}, row {row}: {text:?}, {problem:?}"
            ),
            None => {
                let expected = (*expected != "?").then_some(*expected);
                assert_eq!((text.as_deref(), problem), (expected, None), "{what}, row {row}");
            }
        }
    }
}

fn decimals(values: [Option<i128>; 5]) -> ArrayRef {
    Arc::new(Decimal128Array::from(values.to_vec()).with_precision_and_scale(20, 2).unwrap())
}

#[test]
fn every_type_is_text_by_one_rule() {
    let inf = f64::INFINITY;
    let most = Long::from_string(&"9".repeat(76)).unwrap();
    let lists: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>([
        Some(vec![Some(3), None, Some(4)]),
        Some(vec![]),
        Some(vec![None]),
        None,
    ]));
    let day = |moments: Vec<Option<i64>>| Arc::new(TimestampMillisecondArray::from(moments));
    let pairs: ArrayRef = Arc::new(FixedSizeListArray::from_iter_primitive::<Int64Type, _, _>(
        [Some(vec![Some(3), Some(4)]), None],
        2,
    ));
    let cases: [(&str, ArrayRef, &[&str]); 18] = [
        (
            "days",
            Arc::new(Date32Array::from(vec![Some(14_245), Some(-1), None])),
            &["2009-01-01", "1969-12-31", "?"],
        ),
        ("moments", day(vec![Some(1_230_768_000_000), None]), &["2009-01-01 00:00:00", "?"]),
        (
            "moments of a time zone, one beyond all calendars",
            Arc::new(
                TimestampMillisecondArray::from(vec![Some(1_230_768_000_000), Some(i64::MAX)])
                    .with_timezone("+01:00"),
            ),
            &["2009-01-01 00:00:00Z", "!has a moment beyond all calendars"],
        ),
        ("times", Arc::new(Time64MicrosecondArray::from(vec![3_723_000_000])), &["01:02:03"]),
        ("lists of one length", pairs, &["[3|4]", "?"]),
        (
            "text",
            Arc::new(StringArray::from(vec![Some(" red "), Some(""), None, Some("NaN")])),
            &["red", "?", "?", "NaN"],
        ),
        ("long text", Arc::new(LargeStringArray::from(vec!["red"])), &["red"]),
        ("text by reference", Arc::new(StringViewArray::from(vec!["red"])), &["red"]),
        ("flags", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None])), &["true", "false", "?"]),
        ("small integers", Arc::new(Int8Array::from(vec![Some(-128), None])), &["-128", "?"]),
        (
            "integers beyond those with a sign",
            Arc::new(UInt64Array::from(vec![Some(5), Some(9_223_372_036_854_775_809), Some(u64::MAX), None])),
            &["5", "9223372036854775809", "18446744073709551615", "?"],
        ),
        (
            "short floats",
            Arc::new(Float32Array::from(vec![Some(0.1), Some(2.0), Some(f32::NEG_INFINITY), None])),
            &["0.1", "2", "!has -inf, which is no label", "?"],
        ),
        (
            "floats",
            Arc::new(Float64Array::from(vec![2012.0, -0.0, 1.5, 1e-7, 1e20, f64::NAN, inf, -inf])),
            &["2012", "0", "1.5", "0.0000001", "100000000000000000000", "?", "!has inf,", "!has -inf,"],
        ),
        (
            "decimals",
            decimals([Some(201_200), Some(150), Some(-5), Some(0), None]),
            &["2012", "1.5", "-0.05", "0", "?"],
        ),
        (
            "long decimals",
            Arc::new(Decimal256Array::from(vec![most]).with_precision_and_scale(76, 0).unwrap()),
            &["9999999999999999999999999999999999999999999999999999999999999999999999999999"],
        ),
        (
            "categories",
            Arc::new(["red", "blue", "red"].into_iter().collect::<DictionaryArray<Int32Type>>()),
            &["red", "blue", "red"],
        ),
        ("nothing", Arc::new(NullArray::new(2)), &["?", "?"]),
        ("lists", lists, &["[3|4]", "[]", "?", "?"]),
    ];
    for (what, column, expected) in cases {
        assert_cells(what, column, None, expected);
    }
}

/// Integers of 256 bits.
type Long = <Decimal256Type as ArrowPrimitiveType>::Native;

#[test]
fn class_labels_are_names_whatever_type_their_ids_have() {
    let names = r#"{"names": ["Audi", "BMW", ""], "_type": "ClassLabel"}"#;
    let several = r#"{"feature": {"names": ["Audi", "BMW"], "_type": "ClassLabel"}, "_type": "Sequence"}"#;
    let floats: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>([
        Some(vec![Some(1.0), Some(0.0)]),
        Some(vec![Some(0.5)]),
        Some(vec![]),
    ]));
    let cases: [(&str, ArrayRef, &str, &[&str]); 9] = [
        (
            "integers",
            Arc::new(Int64Array::from(vec![Some(0), Some(-1), Some(2), Some(3), Some(-2), None])),
            names,
            &["Audi", "?", "?", "!has the class 3, but names from 0 to 2 only", "!has the class -2", "?"],
        ),
        (
            "beyond all ids",
            Arc::new(UInt64Array::from(vec![1, u64::MAX])),
            names,
            &["BMW", "!has the class 18446744073709551615"],
        ),
        (
            "floats",
            Arc::new(Float64Array::from(vec![1.0, -1.0, 0.5, 7.0, f64::NAN, f64::INFINITY])),
            names,
            &["BMW", "?", "!has 0.5, which is no id of a class", "!has the class 7", "?", "!has inf"],
        ),
        ("short floats", Arc::new(Float32Array::from(vec![1.0, 0.25])), names, &["BMW", "!has 0.25"]),
        (
            "decimals",
            decimals([Some(100), Some(150), Some(-100), Some(0), None]),
            names,
            &["BMW", "!has 1.5", "?", "Audi", "?"],
        ),
        (
            "text",
            Arc::new(StringArray::from(vec![" BMW ", "0", "-1", "9", "Fiat", ""])),
            names,
            &["BMW", "Audi", "?", "!has the class 9", "!has \"Fiat\", which is none of the names", "?"],
        ),
        ("flags", Arc::new(BooleanArray::from(vec![true, false])), names, &["BMW", "Audi"]),
        (
            "categories of floats",
            Arc::new(DictionaryArray::<Int32Type>::new(
                vec![0, 1, 0].into(),
                Arc::new(Float32Array::from(vec![1.0, 4.0])),
            )),
            names,
            &["BMW", "!has the class 4", "BMW"],
        ),
        ("lists of floats", floats, several, &["[BMW|Audi]", "!has 0.5", "[]"]),
    ];
    for (what, column, names, expected) in cases {
        assert_cells(what, column, Some(names), expected);
    }
}

#[test]
fn lists_of_numbers_with_decimals_are_no_labels() {
    let (_folder, path) = scratch();
    let boxes = ListArray::from_iter_primitive::<Float32Type, _, _>([Some(vec![Some(1.0), Some(2.5)])]);
    write(&path, Arc::new(boxes), None, Compression::UNCOMPRESSED);
    assert!(matches!(read(&path).unwrap().0, ExternalKind::Unknown(_)));
}

#[test]
fn files_of_every_compression_are_read() {
    let (_folder, path) = scratch();
    for compression in [
        Compression::SNAPPY,
        Compression::GZIP(Default::default()),
        Compression::ZSTD(Default::default()),
        Compression::LZ4,
        Compression::LZ4_RAW,
    ] {
        write(&path, Arc::new(StringArray::from(vec!["red"; 100])), None, compression);
        assert_eq!(read(&path).unwrap().1, vec![Some("red".to_owned()); 100], "{compression:?}");
        assert_eq!(Table::read(&path).unwrap().rows(), 100, "{compression:?}");
    }
}
