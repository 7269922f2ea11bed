//! The stage on a small data set in the published layout: labels, splits, heads and tables.

mod published;

use marque_contracts::Digest;
use marque_contracts::schema::{HeadKind, Label, Split, labels};
use marque_formats::{Column, Crop, CropRow, Table};
use marque_labels::{ColumnRule, HeadDefinition, HeadRule, NameMatching, Rule, Settings, TagSyntax};
use published::{Bench, CLASSES, count, photos, settings};

#[test]
fn photos_are_labelled() {
    let bench = Bench::new(50, 20, true);
    let summary = bench.run(settings()).unwrap();
    assert_eq!(
        summary.line,
        "70 photos (40 train, 10 validation, 20 test), 5 class names, heads brand (2), type (5), era (2)"
    );
    let table = bench.labels();
    assert!(table.rows.is_sorted_by_key(|row| &row.file_name));
    let row = table.rows.iter().find(|row| row.file_name == "cars_train/00003.jpg").unwrap();
    assert_eq!(row.class_name.as_deref(), Some("Ford Freestar Minivan 2007"));
    assert_eq!((row.make.as_deref(), row.model.as_deref()), (Some("Ford"), Some("Freestar")));
    assert_eq!((row.body.as_deref(), row.year), (Some("Minivan"), Some(2007)));
    // MATLAB counts pixels from 1 and includes both ends.
    assert_eq!(row.crop, Some(Crop { x1: 0, y1: 19, x2: 600, y2: 470 }));
    assert_eq!((row.width, row.height, row.labels.as_slice()), (640, 480, &[0, 3, 0].map(Label::Class)[..]));
    assert_eq!(row.digest, Digest::of_bytes(b"cars_train2"));

    let crops = CropRow::read(&bench.output().join(labels::CROP_TABLE)).unwrap();
    let expected: Vec<_> =
        table.rows.iter().map(|row| CropRow { file_name: row.file_name.clone(), crop: row.crop }).collect();
    assert_eq!(crops, expected);
}

#[test]
fn heads_have_counts_and_weights_of_the_training_split() {
    let bench = Bench::new(50, 20, true);
    bench.run(settings()).unwrap();
    let (heads, table) = (bench.heads(), bench.labels());
    assert_eq!(heads[0].classes, ["Ford", "Other"]);
    for (position, head) in heads.iter().enumerate() {
        for (split, counts) in &head.counts {
            for (id, counted) in counts.iter().enumerate() {
                let has = |row: &&marque_formats::LabelRow| {
                    row.split == *split && row.labels[position] == Label::Class(id)
                };
                assert_eq!(*counted, table.rows.iter().filter(has).count() as u64);
            }
        }
        let train = &head.counts[&Split::Train];
        let weighted = |weights: &[f64]| -> f64 {
            train.iter().zip(weights).map(|(count, weight)| *count as f64 * weight).sum()
        };
        assert!((weighted(&head.class_weights.inverse) - 40.0).abs() < 1e-9);
        assert!((weighted(&head.class_weights.effective) - 40.0).abs() < 1e-9);
    }
    // 10 validation photos, 2 of each of the 5 class names, which are the strata here.
    assert_eq!(heads[0].counts[&Split::Validation], [6, 4]);
    assert_eq!(heads[1].counts[&Split::Validation], [2, 2, 2, 2, 2]);
}

#[test]
fn class_names_are_shown_under_both_readings() {
    let bench = Bench::new(50, 20, true);
    bench.run(settings()).unwrap();
    let table = Table::read(&bench.output().join(labels::CLASS_TABLE)).unwrap();
    let text = |name: &str| match column(&table, name) {
        Column::Text(values) => values.iter().map(|v| v.clone().unwrap_or("-".into())).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(text("class_name"), CLASSES);
    assert_eq!(text("make"), ["Aston Martin", "Audi", "Ford", "Ford", "Ford"]);
    assert_eq!(text("type_words"), ["Coupe", "Other", "Van", "Convertible", "SUV"]);
    assert_eq!(text("type_article"), ["Van", "Other", "Other", "Convertible", "SUV"]);
    let differs = [true, false, true, false, false].map(Some).to_vec();
    assert_eq!(column(&table, "type_differs"), &Column::Flag(differs));
    assert_eq!(text("type_why")[0], "`Van` is only a part of `Vantage`");
    assert_eq!(text("type_why")[1], "-");
    let photos = |split| column(&table, split).clone();
    assert_eq!(photos("photos_train"), Column::Integer(vec![Some(8); 5]));
    assert_eq!(photos("photos_validation"), Column::Integer(vec![Some(2); 5]));
    assert_eq!(photos("photos_test"), Column::Integer(vec![Some(4); 5]));
}

fn column<'a>(table: &'a Table, name: &str) -> &'a Column {
    &table.columns().iter().find(|(column, _)| column == name).unwrap().1
}

#[test]
fn the_article_reading_is_used_when_asked_for() {
    let bench = Bench::new(50, 20, true);
    bench.run(Settings { matching: NameMatching::Article, ..settings() }).unwrap();
    let row = &bench.labels().rows[20];
    assert_eq!(row.file_name, "cars_train/00001.jpg");
    assert_eq!(row.labels, [1, 3, 1].map(Label::Class));
}

#[test]
fn without_test_labels_a_test_split_is_held_out_of_the_training_photos() {
    let bench = Bench::new(100, 20, false);
    let summary = bench.run(settings()).unwrap();
    assert_eq!(summary.notes["photos_without_annotation"], 20);
    let table = bench.labels();
    assert_eq!(table.rows.len(), 100);
    assert_eq!(count(&table, Split::Test), 25);
    assert_eq!(count(&table, Split::Validation), 15);
    assert!(table.rows.iter().all(|row| row.file_name.starts_with("cars_train/")));
}

#[test]
fn the_official_test_split_is_kept() {
    let bench = Bench::new(50, 20, true);
    bench.run(settings()).unwrap();
    for row in bench.labels().rows {
        assert_eq!(row.split == Split::Test, row.file_name.starts_with("cars_test/"));
    }
}

#[test]
fn photos_that_are_not_there_are_counted_not_labelled() {
    let bench = Bench::new(50, 20, true);
    bench.write_photos(photos("cars_train", 45).chain(photos("cars_test", 20)).collect());
    let summary = bench.run(settings()).unwrap();
    assert_eq!(summary.notes["annotations_without_photo"], 5);
    assert_eq!(bench.labels().rows.len(), 65);
}

#[test]
fn equal_input_gives_equal_bytes_and_the_seed_matters() {
    let (one, other) = (Bench::new(60, 10, true), Bench::new(60, 10, true));
    one.run(settings()).unwrap();
    other.run(settings()).unwrap();
    assert_eq!(one.bytes(), other.bytes());
    other.run(Settings { seed: 2, ..settings() }).unwrap();
    assert_ne!(one.bytes()[0], other.bytes()[0]);
}

#[test]
fn other_heads_leave_the_boxes_alone() {
    let bench = Bench::new(60, 10, true);
    bench.run(settings()).unwrap();
    let before = bench.bytes();
    let mut fewer = settings();
    fewer.heads.truncate(2);
    bench.run(fewer).unwrap();
    let after = bench.bytes();
    assert_eq!(before[2], after[2]);
    assert_ne!(before[0], after[0]);
    assert_eq!(bench.heads().len(), 2);
}

#[test]
fn columns_may_be_parts_of_class_names() {
    let bench = Bench::new(50, 0, false);
    let mut by_parts = settings();
    by_parts.heads = ["make", "body", "year"]
        .map(|column| HeadDefinition {
            name: format!("by_{column}"),
            rule: HeadRule::Column(ColumnRule {
                column: column.into(),
                classes: None,
                min_images: 1,
                other: None,
            }),
            kind: HeadKind::Single,
            tag_syntax: TagSyntax::default(),
        })
        .into();
    bench.run(by_parts).unwrap();
    let classes: Vec<_> = bench.heads().into_iter().map(|head| head.classes).collect();
    assert_eq!(classes[0], ["Aston Martin", "Audi", "Ford"]);
    assert_eq!(classes[1], ["Convertible", "Coupe", "Minivan", "SUV", "Sedan"]);
    assert_eq!(classes[2], ["2007", "2012"]);
}

#[test]
fn tags_from_keywords_are_in_the_table_of_class_names() {
    let bench = Bench::new(50, 0, false);
    let mut tagged = settings();
    tagged.heads = vec![HeadDefinition {
        name: "words".into(),
        rule: HeadRule::ClassName {
            rule: Rule::Keyword {
                classes: ["Ford", "Van", "SUV"].map(str::to_owned).into(),
                other: String::new(),
            },
            matching: None,
        },
        kind: HeadKind::Tags,
        tag_syntax: TagSyntax::default(),
    }];
    bench.run(tagged).unwrap();
    let table = Table::read(&bench.output().join(labels::CLASS_TABLE)).unwrap();
    let column = |name: &str| table.columns().iter().find(|(column, _)| column == name).unwrap().1.clone();
    let list = |rows: &[&[&str]]| {
        Column::TextList(rows.iter().map(|row| Some(row.iter().map(ToString::to_string).collect())).collect())
    };
    assert_eq!(column("words_words"), list(&[&[], &[], &["Ford", "Van"], &["Ford"], &["Ford", "SUV"]]));
    assert_eq!(column("words_article"), list(&[&["Van"], &[], &["Ford"], &["Ford"], &["Ford", "SUV"]]));
    let Column::Text(why) = column("words_why") else { panic!() };
    assert_eq!(why[0].as_deref(), Some("`Van` only as a part of the text"));
    assert_eq!(why[2].as_deref(), Some("`Van` only as whole words"));
    assert_eq!(why[4], None);
}

#[test]
fn class_names_travel_in_the_schema() {
    let bench = Bench::new(50, 20, true);
    bench.run(settings()).unwrap();
    let table = Table::read(&bench.output().join(labels::LABEL_TABLE)).unwrap();
    let note: serde_json::Value = serde_json::from_str(table.metadata("huggingface").unwrap()).unwrap();
    let feature = &note["info"]["features"]["type_id"];
    assert_eq!(feature["_type"], "ClassLabel");
    assert_eq!(feature["names"][3], "Van");
}
