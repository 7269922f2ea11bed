//! What is written is what is read, with the same bytes each time; what is broken is an error.

use std::path::Path;

use marque_contracts::Digest;
use marque_contracts::schema::{Head, HeadKind, Label, Split};
use marque_formats::{
    AnnotationRow, AnnotationTable, BoxFit, CellValue, Column, Crop, CropRow, DuplicateKind, DuplicateRow,
    EpochRow, HeadEpoch, LabelRow, LabelTable, PhotoRow, RejectedRow, Table,
};

fn head(name: &str, kind: HeadKind, classes: &[&str]) -> Head {
    Head::new(name, kind, classes.iter().map(|class| (*class).to_owned()).collect())
}

fn list(items: &[&str]) -> CellValue {
    CellValue::List(items.iter().map(|item| (*item).to_owned()).collect())
}

fn label_table() -> LabelTable {
    let row = |i: u32| LabelRow {
        file_name: format!("cars_train/{i:05}.jpg"),
        split: Split::ALL[i as usize % 3],
        class_name: (i != 2).then(|| "BMW X5 SUV 2007".to_owned()),
        make: Some("BMW".into()),
        model: Some("X5".into()),
        body: None,
        year: (i != 1).then_some(2007),
        crop: (i != 0).then_some(Crop { x1: i, y1: 2, x2: 30 + i, y2: 40 }),
        width: 320,
        height: 240,
        digest: Digest::of_bytes(&i.to_le_bytes()),
        labels: vec![
            Label::Class(i as usize % 2),
            [None, Some(vec![]), Some(vec![0]), Some(vec![1]), Some(vec![0, 1])][i as usize].clone().into(),
            (i != 3).then_some(0).into(),
        ],
    };
    LabelTable {
        heads: vec![
            head("brand", HeadKind::Single, &["BMW", "Other"]),
            head("extras", HeadKind::Tags, &["alloys", "roof"]),
            head("era", HeadKind::Single, &["2009 and earlier"]),
        ],
        rows: (0..5).map(row).collect(),
        columns: vec![
            ("seller".into(), vec![Some("Smith".into()), None, None, None, Some("Sons".into())]),
            ("doors".into(), vec![Some(list(&["left", "right"])), None, None, Some(list(&[])), None]),
        ],
    }
}

fn write_twice(folder: &Path, write: impl Fn(&Path)) -> std::path::PathBuf {
    let (one, two) = (folder.join("one"), folder.join("two"));
    write(&one);
    write(&two);
    assert_eq!(std::fs::read(&one).unwrap(), std::fs::read(&two).unwrap());
    one
}

#[test]
fn label_table_round_trips_with_nulls() {
    let folder = tempfile::tempdir().unwrap();
    let table = label_table();
    let path = write_twice(folder.path(), |path| table.write(path).unwrap());
    assert_eq!(LabelTable::read(&path, &table.heads).unwrap(), table);
    // Some of the heads in another order, as a network has them.
    let heads = [table.heads[2].clone(), table.heads[1].clone()];
    let some = LabelTable::read(&path, &heads).unwrap();
    assert_eq!(some.columns, table.columns);
    for (row, whole) in some.rows.iter().zip(&table.rows) {
        assert_eq!(row.labels, [whole.labels[2].clone(), whole.labels[1].clone()]);
    }
    let names: Vec<_> = Table::read(&path).unwrap().columns().iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(names[2..5], ["brand", "era", "extras"]);
    assert_eq!(names[names.len() - 4..], ["era_id", "extras_id", "seller", "doors"]);
}

#[test]
fn label_table_names_its_classes_for_hugging_face() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("labels.parquet");
    label_table().write(&path).unwrap();
    let frame = Table::read(&path).unwrap();
    let features: serde_json::Value = serde_json::from_str(frame.metadata("huggingface").unwrap()).unwrap();
    let features = &features["info"]["features"];
    assert_eq!(features["brand_id"], serde_json::json!({"_type": "ClassLabel", "names": ["BMW", "Other"]}));
    assert_eq!(features["brand"]["dtype"], "string");
    assert_eq!(features.as_object().unwrap().len(), frame.columns().len());
}

#[test]
fn an_id_without_a_class_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut table = label_table();
    table.rows[4].labels[2] = Label::Class(7);
    let error = table.write(&folder.path().join("x")).unwrap_err().to_string();
    assert!(error.contains("`era` has id 7, but there are 1 classes"), "{error}");
}

#[test]
fn a_missing_column_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("labels.parquet");
    label_table().write(&path).unwrap();
    let error = LabelTable::read(&path, &[head("tags", HeadKind::Tags, &[])]).unwrap_err().to_string();
    assert!(error.contains("column `tags_id` is missing"), "{error}");
    std::fs::write(&path, b"PAR1 not really").unwrap();
    assert!(Table::read(&path).is_err());
}

#[test]
fn other_tables_round_trip() {
    let folder = tempfile::tempdir().unwrap();
    let photos = vec![PhotoRow {
        file_name: "a.jpg".into(),
        bytes: 12,
        digest: Digest::of_bytes(b"a"),
        width: 3,
        height: 4,
    }];
    let path = write_twice(folder.path(), |path| PhotoRow::write(&photos, path).unwrap());
    assert_eq!(PhotoRow::read(&path).unwrap(), photos);

    let crops = vec![
        CropRow { file_name: "a.jpg".into(), crop: None },
        CropRow { file_name: "b.jpg".into(), crop: Some(Crop { x1: 0, y1: 1, x2: 2, y2: 3 }) },
    ];
    let path = write_twice(folder.path(), |path| CropRow::write(&crops, path).unwrap());
    assert_eq!(CropRow::read(&path).unwrap(), crops);

    let head = HeadEpoch {
        name: "brand".into(),
        train_loss: Some(1.5),
        validation_loss: Some(1.25),
        train_accuracy: Some(0.25),
        validation_accuracy: Some(0.5),
        validation_macro_f1: Some(0.125),
    };
    let row = EpochRow {
        epoch: 1,
        learning_rate: 0.01,
        head_learning_rate: 0.02,
        gradient_norm: 3.5,
        ema: true,
        train_loss: 2.5,
        validation_loss: Some(2.0),
        kept: true,
        heads: vec![head],
    };
    let unknown = HeadEpoch { name: "brand".into(), ..Default::default() };
    let rows = vec![row.clone(), EpochRow { epoch: 2, validation_loss: None, heads: vec![unknown], ..row }];
    let path = write_twice(folder.path(), |path| EpochRow::write(&rows, path).unwrap());
    assert_eq!(EpochRow::read(&path, &["brand".into()]).unwrap(), rows);
    // A training that was interrupted goes on with the history it had, to the bit.
    let floats = [-0.0, f64::from_bits(1), 1.0 / 3.0, f64::MAX, f64::NEG_INFINITY, f64::NAN];
    let histories = floats.map(|gradient_norm| EpochRow { gradient_norm, ..rows[0].clone() });
    EpochRow::write(&histories, &path).unwrap();
    let found = EpochRow::read(&path, &["brand".into()]).unwrap();
    let bits: Vec<_> = found.iter().map(|row| row.gradient_norm.to_bits()).collect();
    assert_eq!(bits, floats.map(f64::to_bits));
    EpochRow::write_csv(&rows, &path).unwrap();
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        "epoch,learning_rate,head_learning_rate,gradient_norm,train_loss,validation_loss,ema,kept,\
         train_loss_brand,validation_loss_brand,train_accuracy_brand,validation_accuracy_brand,\
         validation_macro_f1_brand\n1,0.01,0.02,3.5,2.5,2,true,true,1.5,1.25,0.25,0.5,0.125\n\
         2,0.01,0.02,3.5,2.5,,true,true,,,,,\n"
    );
}

fn annotation_table() -> AnnotationTable {
    let row = |i: u32| AnnotationRow {
        file_name: format!("own/{i}.jpg"),
        split: Split::ALL.get(i as usize).copied(),
        class_name: (i != 1).then(|| "Land Rover Defender SUV 1998".to_owned()),
        crop: (i != 2).then_some(Crop { x1: i, y1: 2, x2: 30 + i, y2: 40 }),
        values: vec![
            (i != 0).then(|| "red".into()),
            (i != 3).then(|| "alloys|roof".into()),
            (i != 4).then(|| list(&["left", "right"][..i as usize % 3])),
        ],
    };
    let columns = ["colour", "tags", "doors"].map(str::to_owned);
    AnnotationTable { columns: columns.into(), rows: (0..5).map(row).collect() }
}

#[test]
fn annotation_tables_round_trip_with_nulls_and_columns_of_the_users_own() {
    let folder = tempfile::tempdir().unwrap();
    let table = annotation_table();
    let path = write_twice(folder.path(), |path| table.write(path).unwrap());
    assert_eq!(AnnotationTable::read(&path).unwrap(), table);
    let mut spaced = table.clone();
    (spaced.columns[1], spaced.rows[1].values[0]) = (" tags ".into(), Some(" red".into()));
    spaced.columns[2] = "do\u{ad}ors\u{200b}".into();
    spaced.rows[0].class_name = Some("Land Rover Defender SUV 1998 ".into());
    spaced.rows[1].values[2] = Some(list(&[" left\u{a0}", " "]));
    spaced.rows[0].values[0] = Some("\u{a0}".into());
    spaced.write(&path).unwrap();
    assert_eq!(AnnotationTable::read(&path).unwrap(), table, "texts are written without space around them");
    let bare = AnnotationTable { columns: Vec::new(), rows: Vec::new() };
    bare.write(&path).unwrap();
    assert_eq!(AnnotationTable::read(&path).unwrap(), bare);
}

#[test]
fn annotation_tables_that_cannot_be_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.parquet");
    let refused = |change: fn(&mut AnnotationTable), message: &str| {
        let mut table = annotation_table();
        change(&mut table);
        let error = table.write(&path).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    };
    refused(|table| table.columns[1] = "split".into(), "column `split` is there twice");
    refused(|table| table.columns[1] = " colour".into(), "column ` colour` is there twice");
    refused(|table| table.rows.swap(1, 2), "own/1.jpg twice or out of order");
    refused(|table| table.rows[2].file_name = "own/1.jpg".into(), "own/1.jpg twice");
    refused(|table| table.rows[4].values.truncate(1), "own/4.jpg has 1 values for 3 label columns");
}

#[test]
fn duplicates_and_rejected_files_round_trip() {
    let folder = tempfile::tempdir().unwrap();
    let row = |group, kind, name: &str, hash| DuplicateRow {
        group,
        kind,
        file_name: name.into(),
        digest: Digest::of_bytes(name.as_bytes()),
        hash,
    };
    let rows = vec![
        row(0, DuplicateKind::Identical, "a.jpg", u64::MAX),
        row(0, DuplicateKind::Identical, "c.jpg", 0),
        row(1, DuplicateKind::Near, "b.jpg", 0x0123_4567_89ab_cdef),
    ];
    let path = write_twice(folder.path(), |path| DuplicateRow::write(&rows, path).unwrap());
    assert_eq!(DuplicateRow::read(&path).unwrap(), rows);

    let rows = vec![RejectedRow { file_name: "a.jpg".into(), reason: "it is cut short".into() }];
    let path = write_twice(folder.path(), |path| RejectedRow::write(&rows, path).unwrap());
    assert_eq!(RejectedRow::read(&path).unwrap(), rows);
    RejectedRow::write(&[], &path).unwrap();
    assert_eq!(RejectedRow::read(&path).unwrap(), []);
}

#[test]
fn boxes_may_reach_a_little_beyond_their_photos() {
    let crop = |[x1, y1, x2, y2]: [u32; 4]| Crop { x1, y1, x2, y2 };
    let fit = |sides| crop(sides).fit(640, 480);
    assert_eq!(fit([0, 0, 640, 480]), BoxFit::Inside(crop([0, 0, 640, 480])));
    // Eight pixels, or a fiftieth of the side: 12 of 640.
    assert_eq!(fit([1, 2, 652, 488]), BoxFit::Clipped(crop([1, 2, 640, 480])));
    for beyond in [[0, 0, 653, 480], [0, 0, 640, 490], [640, 0, 641, 480]] {
        assert_eq!(fit(beyond), BoxFit::Beyond(crop(beyond)));
    }
    for (sides, found) in [
        ([0, 0, 5, 5], Some((crop([0, 0, 5, 5]), false))),
        ([-8, 3, 5, 5], Some((crop([0, 3, 5, 5]), true))),
        ([-9, 3, 5, 5], None),
        ([5, 3, 5, 5], None),
        ([0, 3, 5, i64::MAX], None),
    ] {
        assert_eq!(Crop::from_sides(sides), found, "{sides:?}");
    }
}

#[test]
fn a_history_lacks_none_of_the_numbers_that_it_always_has() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.parquet");
    let numbers = ["learning_rate", "head_learning_rate", "gradient_norm", "train_loss", "validation_loss"];
    for null in numbers {
        let mut table = Table::new().with_integers("epoch", [1]);
        for name in numbers {
            table = table.with(name, Column::Number(vec![(name != null).then_some(0.5)]));
        }
        let flag = || Column::Flag(vec![Some(false)]);
        table.with("ema", flag()).with("kept", flag()).write(&path).unwrap();
        match EpochRow::read(&path, &[]) {
            Ok(rows) => assert_eq!((null, rows[0].validation_loss), ("validation_loss", None)),
            Err(error) => assert!(error.to_string().contains(&format!("`{null}` has a null")), "{error}"),
        }
    }
}
