//! Queries and conditions of any length: answered or refused, and never the end of the program.

use std::path::Path;

use marque_formats::Table;
use marque_inspect::{Error, TableFile, query, rows};

fn table(folder: &Path) -> TableFile {
    let path = folder.join("labels.parquet");
    let names = ["a.jpg", "b.jpg", "c.jpg"];
    Table::new()
        .with_text("file_name", names)
        .with_integers("year", [2010, 2012, 2014])
        .write(&path)
        .unwrap();
    TableFile { name: "labels".to_owned(), path }
}

/// Conditions of `count` parts each.
fn conditions(count: usize) -> [(&'static str, String); 10] {
    let joined = |part: &str, between: &str| vec![part; count].join(between);
    let wrapped = |open: &str, inner: &str, close: &str| {
        format!("{}{inner}{}", open.repeat(count), close.repeat(count))
    };
    [
        ("or", joined("year = 2012", " or ")),
        ("and", joined("year > 2000", " and ")),
        ("sum", format!("{} > 0", joined("year", "+"))),
        ("joined text", format!("{} = 'x'", joined("file_name", "||"))),
        ("not", format!("{}year = 2012", "not ".repeat(count))),
        ("minus", format!("{}year < 0", "- ".repeat(count))),
        ("brackets", wrapped("(", "year = 2012", ")")),
        ("functions", format!("{} > 0", wrapped("abs(", "year", ")"))),
        ("cases", format!("{} > 0", wrapped("case when year > 0 then ", "year", " else 0 end"))),
        ("branches", format!("case {} else 0 end > 0", "when year > 0 then 1 ".repeat(count))),
    ]
}

#[test]
fn long_conditions_and_queries_are_answered_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let tables = [table(folder.path())];
    let whole = |condition: &str| format!("select file_name from labels where {condition}");
    for count in [1, 10, 30, 60, 100, 120, 149, 150, 160, 240, 245, 249, 490, 1_000, 30_000] {
        for (what, condition) in conditions(count) {
            let answers = [
                query(&tables, &whole(&condition)).map(|answer| answer.rows.len()),
                rows(&tables[0].path, Some(&condition)).map(|(answer, _)| answer.rows.len()),
            ];
            for answer in answers {
                match answer {
                    Ok(rows) => assert!(rows <= 3 && count < 30_000, "{what} × {count}"),
                    Err(Error::Query { reason, .. }) => {
                        assert!(count > 10, "{what} × {count}: {reason}");
                        assert!(
                            count < 30_000 || reason.contains("words and signs, more than"),
                            "{what}: {reason}"
                        );
                    }
                    Err(error) => panic!("{what} × {count}: {error}"),
                }
            }
        }
        let unions = vec!["select year from labels"; count].join(" union all ");
        let within = format!("{}labels{}", "(select * from ".repeat(count), ")".repeat(count));
        for sql in [unions, format!("select year from {within}")] {
            match query(&tables, &sql) {
                Ok(_) => assert!(count < 30_000),
                Err(error) => assert!(matches!(error, Error::Query { .. }) && count > 10, "{count}: {error}"),
            }
        }
    }
}

#[test]
fn some_dozens_of_terms_are_answered() {
    let folder = tempfile::tempdir().unwrap();
    let table = table(folder.path());
    for (what, condition) in
        conditions(70).into_iter().filter(|(what, _)| matches!(*what, "or" | "and" | "sum"))
    {
        let (answer, _) =
            rows(&table.path, Some(&condition)).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert!(!answer.rows.is_empty(), "{what}");
    }
}

#[test]
fn a_list_may_have_any_number_of_values() {
    let folder = tempfile::tempdir().unwrap();
    let table = table(folder.path());
    let names: Vec<_> = (0..20_000).map(|i| format!("'{i}.jpg'")).collect();
    let condition = format!("file_name in ('b.jpg', {})", names.join(", "));
    assert_eq!(rows(&table.path, Some(&condition)).unwrap().0.rows.len(), 1);
    let years: Vec<_> = (0..20_000).map(|i| i.to_string()).collect();
    let condition = format!("year in ({})", years.join(","));
    assert_eq!(rows(&table.path, Some(&condition)).unwrap().0.rows.len(), 3);
}

#[test]
fn integers_beyond_64_bits_keep_their_digits() {
    let folder = tempfile::tempdir().unwrap();
    let sql = "select cast('18446744073709551615' as uint64) as n from labels limit 1";
    let answer = query(&[table(folder.path())], sql).unwrap();
    assert_eq!(answer.rows[0][0].to_string(), "18446744073709551615");
}
