//! Parquet files: tables, and data sets with embedded photos as Hugging Face keeps them.

use marque_formats::{CellValue, Column, Table};

use crate::project::{Project, TABLE, own_photos};

#[test]
fn a_parquet_table_says_the_same_as_text() {
    let project = own_photos();
    project.write("cars.csv", b"file_name,colour,doors\n0.jpg,red,4\n1.jpg,,\n");
    project.succeeds(TABLE);
    let expected = project.annotations();
    let frame = Table::new()
        .with_text("file_name", ["0.jpg", "1.jpg"])
        .with("colour", Column::Text(vec![Some("red".into()), None]))
        .with("doors", Column::Number(vec![Some(4.0), Some(f64::NAN)]));
    frame.write(&project.path("cars.parquet")).unwrap();
    project.succeeds("source = \"table\"\ntable = \"cars.parquet\"\npath = \"photos\"");
    assert_eq!(project.annotations(), expected);
    // Nothing stands between its columns.
    Table::new().with_text("photo", ["0.jpg"]).write(&project.path("cars.parquet")).unwrap();
    project.fails(
        &TABLE.replace(".csv", ".parquet"),
        &["no column file_name; columns: photo. dataset.file_column"],
    );
}

/// Features as `datasets` writes them.
fn features() -> String {
    let label = r#"{"names": ["BMW", "Fiat"], "_type": "ClassLabel"}"#;
    format!(
        r#"{{"info": {{"features": {{"brand": {label}, "extras": {{"feature": {label}, "_type": "Sequence"}}}}}}}}"#
    )
}

#[test]
fn classes_without_a_name_are_named_by_row_and_empty_lists_are_known() {
    let project = own_photos();
    let write = |brands: [i64; 4], extras: [Option<Vec<i64>>; 4]| {
        let frame = Table::new()
            .with_text("file_name", ["0.jpg", "1.jpg", "2.jpg", "3.jpg"])
            .with_integers("brand", brands)
            .with("extras", Column::IntegerList(extras.into()))
            .with_metadata("huggingface", features());
        frame.write(&project.path("cars.parquet")).unwrap();
    };
    let table = TABLE.replace(".csv", ".parquet");
    write([0, 1, -1, 0], [Some(vec![1, 0]), Some(vec![]), None, Some(vec![0])]);
    project.succeeds(&table);
    let values: Vec<_> = project.annotations().rows.into_iter().map(|row| row.values).collect();
    let list = |tags: &[&str]| Some(CellValue::List(tags.iter().map(|tag| (*tag).to_owned()).collect()));
    assert_eq!(values[0], [Some("BMW".into()), list(&["Fiat", "BMW"])]);
    assert_eq!(values[1], [Some("Fiat".into()), list(&[])], "known to be none");
    assert_eq!(values[2], [None, None], "not known");
    write([0, 2, -2, 0], [None, None, None, Some(vec![0, 7])]);
    project.fails(
        &table,
        &[
            "cars.parquet has 3 rows that cannot be used",
            "row 2: brand has the class 2, but names from 0 to 1 only",
            "row 3: brand has the class -2, but",
            "row 4: extras has the class 7, but",
        ],
    );
}

#[test]
fn embedded_rows_without_a_photo_are_listed_and_odd_paths_replaced() {
    let project = Project::new();
    let fixture = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/fixtures/hugging-face-rough/train-00000-of-00001.parquet"
    );
    project.write("cars/train-00000-of-00001.parquet", &std::fs::read(fixture).unwrap());
    let dataset = "source = \"hugging-face\"\npath = \"cars\"";
    project.fails(
        dataset,
        &["3 of 8 photos cannot be used", "there are no bytes of a photo in row 2 of train-0"],
    );
    project.succeeds(&format!("{dataset}\nmax_rejected = 0.4"));
    let rows = |n: u32| format!("train-00000-of-00001-rows/{n:07}.jpg");
    assert_eq!(project.names(), [rows(3), rows(4), rows(6), rows(7), "train/good.jpg".to_owned()]);
    let reasons: Vec<_> = project.rejected().into_iter().map(|row| (row.file_name, row.reason)).collect();
    assert_eq!(reasons[0].0, "train-00000-of-00001-rows/0000001");
    assert_eq!(reasons[1].1, "there are no bytes of a photo in row 3 of train-00000-of-00001.parquet");
    assert_eq!(reasons[2], ("train/empty.jpg".to_owned(), "the file is empty".to_owned()));
    assert_eq!(project.annotations().rows.len(), 5);
}

#[test]
fn parts_of_unknown_splits_are_refused() {
    let project = Project::new();
    let fixture = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/fixtures/hugging-face/train-00000-of-00001.parquet"
    );
    let part = std::fs::read(fixture).unwrap();
    let dataset = "source = \"hugging-face\"\npath = \"cars\"";
    project.write("cars/extra-00000-of-00001.parquet", &part);
    project.fails(
        dataset,
        &["extra-00000-of-00001.parquet", "the split \"extra\" is none of train, validation, test"],
    );
    std::fs::remove_file(project.path("cars/extra-00000-of-00001.parquet")).unwrap();
    project.write("cars/evaluation-00000-of-00001.parquet", &part);
    project.succeeds(dataset);
    assert!(project.names().iter().all(|name| name.starts_with("test/")));
}

fn mixed(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/hugging-face-mixed");
    std::fs::read(format!("{folder}/{name}")).unwrap()
}

#[test]
fn columns_of_several_files_go_by_name() {
    let project = Project::new();
    for split in ["train", "validation", "test"] {
        let name = format!("{split}-00000-of-00001.parquet");
        project.write(&format!("cars/{name}"), &mixed(&name));
    }
    let dataset = "source = \"hugging-face\"\npath = \"cars\"";
    let summary = project.succeeds(dataset);
    let found = "3 Parquet files, photos in image, class names in label, other label columns: colour, doors";
    assert_eq!(summary.notes["found"], found);
    let table = project.annotations();
    let text =
        |value: &Option<CellValue>| value.as_ref().map_or("-".to_owned(), |value| value.texts().concat());
    let rows: Vec<_> = table
        .rows
        .iter()
        .map(|row| {
            let values: Vec<_> = row.values.iter().map(text).collect();
            format!("{} {} {}", row.file_name, row.class_name.as_deref().unwrap_or("-"), values.join(" "))
        })
        .collect();
    assert_eq!(
        rows,
        [
            "test/4.jpg Fiat red 3",
            "test/5.jpg BMW blue 5",
            "train/0.jpg BMW red -",
            "train/1.jpg Fiat blue -",
            "train/2.jpg BMW red -",
            "train/3.jpg Fiat - -",
            "validation/6.jpg Fiat - -",
            "validation/7.jpg BMW - -",
        ]
    );
    for (other, message) in [
        ("lists.parquet", "column colour holds lists, that of "),
        ("unnamed.parquet", "column label holds text or numbers, that of "),
    ] {
        project.write("cars/x.parquet", &mixed(other));
        project.fails(
            dataset,
            &["x.parquet is not a data set in Parquet files", message, "test-00000-of-00001.parquet"],
        );
    }
}

#[test]
fn files_are_told_by_content_where_their_names_do_not_say_it() {
    let fixture = |part: &str| {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/hugging-face/");
        std::fs::read(format!("{folder}{part}-00000-of-00001.parquet")).unwrap()
    };
    let named = Project::new();
    named.write("cars/train.parquet", &fixture("train")).write("cars/test.parquet", &fixture("test"));
    let dataset = "source = \"hugging-face\"\npath = \"cars\"";
    named.succeeds(dataset);
    let other = Project::new();
    other.write("cars/train.PARQUET", &fixture("train")).write("cars/test", &fixture("test"));
    other.write("cars/README.md", b"PARquet").write("cars/.test.parquet", b"");
    other.succeeds(dataset);
    assert_eq!(other.names(), named.names());
    let splits = |project: &Project| -> Vec<_> {
        project.annotations().rows.into_iter().map(|row| row.split).collect()
    };
    assert_eq!(splits(&other), splits(&named));
}
