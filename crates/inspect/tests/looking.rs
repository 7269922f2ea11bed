//! Queries, summaries and contact sheets over small tables.

use std::path::{Path, PathBuf};

use image::{Rgb, RgbImage};
use marque_contracts::schema::{Head, HeadKind};
use marque_formats::{Column, Table};
use marque_inspect::{
    Answer, Error, PhotoTable, SummaryRequest, TableFile, Value, classes, query, rows, summarise,
};

/// Twelve photos: two heads, tags, nulls.
fn table(folder: &Path) -> TableFile {
    let text = |values: &[Option<&str>]| Column::Text(values.iter().map(|v| v.map(String::from)).collect());
    let tags = |values: &[Option<&[&str]>]| {
        let list = |list: &[&str]| list.iter().map(|tag| (*tag).to_owned()).collect();
        Column::TextList(values.iter().map(|value| value.map(list)).collect())
    };
    let path = folder.join("labels.parquet");
    Table::new()
        .with_text("file_name", ["a.png", "b.png", "c.png", "d.png"])
        .with_text("split", ["train", "train", "validation", "test"])
        .with("type", text(&[Some("SUV"), Some("Van"), None, Some("SUV")]))
        .with("extras", tags(&[Some(&["roof", "alloys"]), Some(&[]), None, Some(&["roof"])]))
        .with("year", Column::Integer(vec![Some(2012), None, Some(2007), Some(2012)]))
        .write(&path)
        .unwrap();
    TableFile { name: "labels".into(), path }
}

fn heads() -> Vec<Head> {
    let classes = |names: [&str; 2]| names.map(str::to_owned).into();
    vec![
        Head::new("type", HeadKind::Single, classes(["SUV", "Van"])),
        Head::new("extras", HeadKind::Tags, classes(["alloys", "roof"])),
    ]
}

fn where_(condition: &str) -> SummaryRequest {
    SummaryRequest { condition: Some(condition.to_owned()), head: None, limit: None }
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
    assert_eq!(answer.rows, [[Value::Text("a.png".into())], [Value::Text("d.png".into())]]);
    assert_eq!(answer.to_table(1, None), "file_name\na.png\n… 1 more row");
}

#[test]
fn windows_over_groups_are_refused_and_the_way_around_them_answered() {
    let folder = tempfile::tempdir().unwrap();
    let tables = [table(folder.path())];
    let ask = |sql: &str| query(&tables, sql);
    for sql in [
        "select type, count(*) as n, sum(count(*)) over () as all_rows from labels group by type",
        "select type, rank() over (order by count(*) desc) from labels GROUP  BY type",
        "select * from (select type, sum(count(*)) OVER () from labels group by type)",
    ] {
        let error = ask(sql).unwrap_err().to_string();
        assert!(error.contains("`over` and `group by` in one select are answered wrong"), "{sql}: {error}");
    }
    let around = "select type, n, sum(n) over () as all_rows from \
                  (select type, count(*) as n from labels group by type) order by n desc, type";
    let answer = ask(around).unwrap();
    assert_eq!(answer.rows[0], [Value::Text("SUV".into()), Value::Integer(2), Value::Integer(4)]);
    // Words in quotes and comments are none.
    ask("select type, 'sum() over (' as words, count(*) from labels group by type -- ) over (\n").unwrap();
}

#[test]
fn tables_are_listed_and_found_whatever_the_case_of_their_letters() {
    let folder = tempfile::tempdir().unwrap();
    let tables = [table(folder.path())];
    let listed = query(&tables, "show tables;").unwrap();
    assert_eq!(
        (listed.columns, listed.rows),
        (vec!["name".to_owned()], vec![vec![Value::Text("labels".into())]])
    );
    let answer = query(&tables, "select count(*) as n from LABELS where type = 'SUV'").unwrap();
    assert_eq!(answer.rows, [[Value::Integer(2)]]);
}

#[test]
fn tags_can_be_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let tables = [table(folder.path())];
    let answer =
        query(&tables, "select file_name, extras from labels where array_contains(extras, 'roof')").unwrap();
    assert_eq!(answer.to_table(9, None), "file_name  extras\na.png      roof, alloys\nd.png      roof");
    let answer = query(&tables, "select extras from labels").unwrap();
    assert_eq!(answer.rows[1], [Value::List(Vec::new())]);
    assert_eq!(answer.rows[2], [Value::Null]);
    assert_eq!(
        answer.to_json().unwrap(),
        "[\n{\"extras\":[\"roof\",\"alloys\"]},\n{\"extras\":[]},\n{\"extras\":null},\n{\"extras\":[\"roof\"]}\n]"
    );
}

#[test]
fn a_table_of_nothing_but_nulls_can_be_asked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("labels.parquet");
    let frame = Table::new()
        .with("extras", Column::TextList(vec![None, None]))
        .with("n", Column::Number(vec![None, None]));
    frame.write(&path).unwrap();
    let tables = [TableFile { name: "labels".into(), path }];
    let answer =
        query(&tables, "select count(*) as n from labels where array_contains(extras, 'x')").unwrap();
    assert_eq!(answer.rows, [[Value::Integer(0)]]);
}

#[test]
fn queries_that_do_not_fit_are_errors_that_help() {
    let folder = tempfile::tempdir().unwrap();
    let tables = [table(folder.path())];
    let failed = |sql: &str, part: &str| {
        let error = query(&tables, sql).unwrap_err().to_string();
        assert!(error.contains(part), "{sql}: {error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    };
    failed("select nothing from labels", "there is no column `nothing`; the columns are file_name, split");
    failed("select yaer from labels", "did you mean `year`?");
    failed("select * from elsewhere", "there is no table `elsewhere`");
    failed("drop table labels", "`drop` changes tables, and these are only read");
    failed(" DELETE from labels", "`delete` changes tables");
    failed("selekt", "the query failed: sql parser error");
    failed("", "the query failed");
    failed("select sum(year) from labels group by", "the query failed");
}

#[test]
fn conditions_are_expressions_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let table = table(folder.path());
    let count = |condition: &str| rows(&table.path, Some(condition)).map(|(answer, _)| answer.rows.len());
    assert_eq!(count("year >= 2012 and type = 'SUV'").unwrap(), 2);
    assert_eq!(count("type is null").unwrap(), 1);
    assert_eq!(count("year <> 2012").unwrap(), 1);
    assert_eq!(count("1 = 1").unwrap(), 4);
    assert_eq!(count("year > (2000 + 11)").unwrap(), 2);
    for (condition, part) in [
        ("type = \"SUV\"", "there is no column `SUV`"),
        ("yer > 1", "did you mean `year`?"),
        ("year", "is not a condition"),
        ("year >", "unable to parse 'year >'"),
        ("", "unable to parse"),
        ("year > 1; select 2", "unexpected token ';'"),
        ("year > 'x'", "cannot compare"),
    ] {
        let error = count(condition).unwrap_err().to_string();
        assert!(error.contains(part), "{condition}: {error}");
    }
}

#[test]
fn a_summary_counts_every_row_once() {
    let folder = tempfile::tempdir().unwrap();
    let text =
        summarise(&table(folder.path()).path, &heads(), SummaryRequest::default()).unwrap().to_text(80);
    let expected = "\
4 rows, 2 train, 1 validation, 1 test

column     type          nulls
file_name  string            0
split      string            0
type       string            1
extras     list<string>      1
year       int64             1

type       train  validation  test  all
SUV            1           0     1    2  ████████████████████████
Van            1           0     0    1  ████████████
(unknown)      0           1     0    1

extras     train  validation  test  all
alloys         1           0     0    1  ████████████
roof           1           0     1    2  ████████████████████████
(none)         1           0     0    1
(unknown)      0           1     0    1
(tags: a photo counts once for each that it has)

type \\ extras  alloys  roof
SUV                 1     2";
    assert_eq!(text, expected);
}

#[test]
fn a_summary_can_be_of_some_rows_or_one_head() {
    let folder = tempfile::tempdir().unwrap();
    let path = table(folder.path()).path;
    let some = summarise(&path, &heads(), where_("year = 2012")).unwrap();
    assert!(
        some.to_text(80).starts_with("2 of 4 rows where year = 2012: 1 train, 1 test\n\ntype"),
        "{}",
        some.to_text(80)
    );
    let json = some.to_json();
    assert_eq!(
        (&json["rows"], &json["all_rows"], &json["where"]),
        (&2.into(), &4.into(), &"year = 2012".into())
    );
    assert_eq!(json["heads"][0]["classes"][0]["counts"], serde_json::json!({"train": 1, "test": 1}));
    assert_eq!(json["heads"][1]["kind"], "tags");
    assert_eq!(json["cross_tables"][0]["counts"], serde_json::json!([[1, 2], [0, 0]]));
    let one = SummaryRequest { condition: None, head: Some("extras".into()), limit: None };
    let text = summarise(&path, &heads(), one).unwrap().to_text(80);
    assert!(!text.contains("Van ") && text.contains("alloys") && text.contains("type \\ extras"), "{text}");
    let none = summarise(&path, &heads(), where_("year = 1")).unwrap().to_text(80);
    assert!(none.starts_with("0 of 4 rows where year = 1\n"), "{none}");
    let wrong = SummaryRequest { condition: None, head: Some("typ".into()), limit: None };
    let error = summarise(&path, &heads(), wrong).unwrap_err().to_string();
    assert_eq!(error, "there is no head `typ`; did you mean `type`?; the heads are type, extras");
}

#[test]
fn nothing_is_wider_than_it_may_be() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("labels.parquet");
    let classes: Vec<String> = (0..60).map(|i| format!("A class of a quite long name, number {i}")).collect();
    let class = |i: usize| classes[i * i % 60].clone();
    let mut frame = Table::new()
        .with_text("file_name", (0..300).map(|i| format!("photos/of/mine/{i:05}.jpg")))
        .with_text("split", (0..300).map(|i| ["train", "test"][i % 2]))
        .with_text("wide", (0..300).map(class))
        .with_text("also_wide", (0..300).map(|i| class(i + 1)));
    for i in 0..12 {
        frame = frame.with_text(&format!("column_{i}"), (0..300).map(|i| "x".repeat(i % 90)));
    }
    frame.write(&path).unwrap();
    let heads = ["wide", "also_wide"].map(|name| Head::new(name, HeadKind::Single, classes.clone()));
    let (answer, _) = rows(&path, None).unwrap();
    for width in [40, 80, 100] {
        let one = SummaryRequest { condition: None, head: Some("wide".into()), limit: None };
        let texts = [
            summarise(&path, &heads, SummaryRequest::default()).unwrap().to_text(width),
            summarise(&path, &heads, one).unwrap().to_text(width),
            summarise(
                &path,
                &heads,
                where_("length(file_name) > 3 and length(split) > 3 and wide is not null"),
            )
            .unwrap()
            .to_text(width),
            answer.to_table(30, Some(width)),
        ];
        for text in texts {
            for line in text.lines() {
                assert!(line.chars().count() <= width, "{} > {width}: {line}", line.chars().count());
            }
        }
    }
    assert!(answer.to_table(5, Some(80)).contains("more columns:"));
    assert!(!answer.to_table(300, None).contains('…'));
}

#[test]
fn texts_of_any_script_line_up() {
    let row = |name: &str, n| vec![Value::Text(name.into()), Value::Integer(n)];
    let answer = Answer {
        columns: vec!["name".into(), "n".into()],
        rows: vec![row("Škoda", 1), row("丰田汽车", 10), row("a\nb", 7)],
    };
    assert_eq!(answer.to_table(9, Some(40)), "name       n\nŠkoda      1\n丰田汽车  10\na b        7");
}

/// The table that the labels stage writes of class names.
fn class_table(folder: &Path) -> PathBuf {
    let path = folder.join("classes.parquet");
    Table::new()
        .with_text("class_name", ["Aston Martin V8 Vantage Coupe 2012", "Audi S4 Sedan 2007"])
        .with_integers("photos_train", [30, 20])
        .with_integers("photos_validation", [3, 2])
        .with_integers("photos_test", [1, 0])
        .with_text("type_words", ["Coupe", "Other"])
        .with_text("type_article", ["Van", "Other"])
        .with("type_differs", Column::Flag(vec![Some(true), Some(false)]))
        .with("type_why", Column::Text(vec![Some("`Van` is only a part of `Vantage`".into()), None]))
        .write(&path)
        .unwrap();
    path
}

#[test]
fn class_names_are_shown_with_both_readings() {
    let folder = tempfile::tempdir().unwrap();
    let path = class_table(folder.path());
    let expected = "\
2 class names

class_name                          photos  type
Aston Martin V8 Vantage Coupe 2012      34  Coupe *
Audi S4 Sedan 2007                      22  Other

* type: rules = \"words\" and rules = \"article\" differ on 1 of them
  Aston Martin V8 Vantage Coupe 2012
    Coupe, not Van: `Van` is only a part of `Vantage`";
    assert_eq!(classes(&path, None, None).unwrap().to_text(20, 80), expected);
    let audi = classes(&path, Some("class_name like 'Audi%'"), Some("type")).unwrap().to_text(20, 80);
    assert!(
        audi.starts_with("1 of 2 class names\n")
            && audi.ends_with("type: both readings agree on all of them"),
        "{audi}"
    );
    assert!(matches!(classes(&path, None, Some("brand")), Err(Error::Unknown { what: "head", .. })));
}

/// Photos of plain colours, wide and tall, and a file that is none.
fn photos(folder: &Path) -> PathBuf {
    let colours = [[200, 30, 30], [30, 200, 30], [30, 30, 200]];
    for ((name, colour), (width, height)) in
        ["a.png", "b.png", "d.png"].iter().zip(colours).zip([(300, 100), (100, 300), (20, 20)])
    {
        RgbImage::from_pixel(width, height, Rgb(colour)).save(folder.join(name)).unwrap();
    }
    std::fs::write(folder.join("c.png"), b"no photo").unwrap();
    let path = folder.join("photos.parquet");
    Table::new()
        .with_text("file_name", ["a.png", "b.png", "c.png", "d.png"])
        .with_integers("width", [300, 100, 0, 20])
        .write(&path)
        .unwrap();
    path
}

#[test]
fn photos_are_laid_out_with_their_labels() {
    let folder = tempfile::tempdir().unwrap();
    let (photos, labels) = (photos(folder.path()), table(folder.path()).path);
    let table = PhotoTable::read(&photos, Some(&labels), &["type".into(), "extras".into()]).unwrap();
    let out = folder.path().join("grid.png");
    let sheet = table.sheet(folder.path(), None, 10, &out).unwrap();
    let picture = image::open(&out).unwrap().into_rgb8();
    assert_eq!((sheet.matching, sheet.shown, picture.dimensions()), (4, 4, (sheet.width, sheet.height)));
    let has = |picture: &RgbImage, colour| picture.pixels().filter(|pixel| pixel.0 == colour).count();
    // 300 × 100 made to fit 216 wide; 20 × 20 made larger.
    assert_eq!(has(&picture, [200, 30, 30]), 216 * 72);
    assert_eq!(has(&picture, [30, 30, 200]), 152 * 152);
    let before = std::fs::read(&out).unwrap();
    table.sheet(folder.path(), None, 10, &out).unwrap();
    assert_eq!(std::fs::read(&out).unwrap(), before, "the same photos give the same bytes");
    // Columns of the label table choose photos, and captions are drawn.
    let some = table.sheet(folder.path(), Some("type = 'Van' and width = 100"), 10, &out).unwrap();
    assert_eq!((some.matching, some.shown), (1, 1));
    let picture = image::open(&out).unwrap().into_rgb8();
    assert_eq!(has(&picture, [200, 30, 30]), 0);
    assert!(has(&picture, [28, 28, 30]) > 20, "no text is drawn");
    // A sheet that cannot hold all shows photos from everywhere in the table.
    let few = table.sheet(folder.path(), None, 2, &folder.path().join("grid.jpg")).unwrap();
    assert_eq!((few.matching, few.shown), (4, 2));
}

#[test]
fn sheets_that_cannot_be_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let table = PhotoTable::read(&photos(folder.path()), None, &[]).unwrap();
    let sheet = |condition, out: &str| table.sheet(folder.path(), condition, 9, &folder.path().join(out));
    assert!(matches!(sheet(Some("width > 5000"), "x.png"), Err(Error::NoPhotos)));
    assert!(matches!(sheet(Some("type = 'SUV'"), "x.png"), Err(Error::Unknown { what: "column", .. })));
    assert!(matches!(sheet(None, "x.foo"), Err(Error::Picture { .. })));
    assert!(matches!(sheet(None, "nowhere/x.png"), Err(Error::Picture { .. })));
}
