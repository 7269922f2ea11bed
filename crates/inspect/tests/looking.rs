//! Queries and summaries over a small table.

use marque_formats::{Column, Frame};
use marque_inspect::{TableFile, Value, query, summarise};

fn table(folder: &std::path::Path) -> TableFile {
    let text = |values: &[Option<&str>]| Column::Text(values.iter().map(|v| v.map(String::from)).collect());
    let path = folder.join("labels.parquet");
    Frame::new()
        .with_text("file_name", ["a.jpg", "b.jpg", "c.jpg", "d.jpg"])
        .with_text("split", ["train", "train", "validation", "test"])
        .with("type", text(&[Some("SUV"), Some("Van"), None, Some("SUV")]))
        .with("year", Column::Integer(vec![Some(2012), None, Some(2007), Some(2012)]))
        .write(&path)
        .unwrap();
    TableFile { name: "labels".into(), path }
}

#[test]
fn sql_counts_filters_and_sorts() {
    let folder = tempfile::tempdir().unwrap();
    let tables = [table(folder.path())];
    let answer =
        query(&tables, "select type, count(*) as n from labels group by type order by n desc, type").unwrap();
    assert_eq!(answer.columns, ["type", "n"]);
    assert_eq!(answer.rows[0], [Value::Text("SUV".into()), Value::Integer(2)]);
    assert_eq!(answer.rows.len(), 3);
    let answer = query(&tables, "select file_name from labels where year >= 2012 and type = 'SUV'").unwrap();
    assert_eq!(answer.rows, [[Value::Text("a.jpg".into())], [Value::Text("d.jpg".into())]]);
    assert_eq!(answer.to_table(1), "file_name\na.jpg\n… 1 more rows");
}

#[test]
fn queries_that_do_not_fit_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let tables = [table(folder.path())];
    for sql in ["select nothing from labels", "select * from elsewhere", "selekt", ""] {
        assert!(query(&tables, sql).is_err(), "{sql}");
    }
}

#[test]
fn a_summary_counts_every_row_once() {
    let folder = tempfile::tempdir().unwrap();
    let heads = [("type".to_owned(), vec!["SUV".to_owned(), "Van".to_owned()])];
    let text = summarise(&table(folder.path()).path, &heads).unwrap().to_text();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], "4 rows, 2 train, 1 validation, 1 test");
    assert!(lines.contains(&"year       int64      1"), "{text}");
    assert!(lines.contains(&"SUV       1           0     1    2  ████████████████████████"), "{text}");
    assert_eq!(lines.last(), Some(&"(1 without a label)"));
}
