//! What is written is what is read, with the same bytes each time; what is broken is an error.

use std::path::Path;

use marque_contracts::Digest;
use marque_contracts::schema::Split;
use marque_formats::{
    AnnotationRow, AnnotationTable, Crop, CropRow, DuplicateKind, DuplicateRow, EpochRow, Frame, Geometry,
    HeadEpoch, IndexRow, LabelRow, LabelTable, PhotoRow, RejectedRow, ShardReader, ShardWriter, shard_path,
    write_shard,
};

use safetensors::tensor::{Dtype, TensorView};

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
        labels: vec![Some(i64::from(i % 2)), (i != 3).then_some(0)],
    };
    LabelTable {
        heads: vec![
            ("brand".into(), vec!["BMW".into(), "Other".into()]),
            ("era".into(), vec!["2009 and earlier".into()]),
        ],
        rows: (0..5).map(row).collect(),
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
}

#[test]
fn label_table_names_its_classes_for_hugging_face() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("labels.parquet");
    label_table().write(&path).unwrap();
    let frame = Frame::read(&path).unwrap();
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
    table.rows[4].labels[1] = Some(7);
    let error = table.write(&folder.path().join("x")).unwrap_err().to_string();
    assert!(error.contains("`era` has id 7, but there are 1 classes"), "{error}");
}

#[test]
fn a_missing_column_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("labels.parquet");
    label_table().write(&path).unwrap();
    let error = LabelTable::read(&path, &[("tags".into(), vec![])]).unwrap_err().to_string();
    assert!(error.contains("column `tags_id` is missing"), "{error}");
    std::fs::write(&path, b"PAR1 not really").unwrap();
    assert!(Frame::read(&path).is_err());
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
    EpochRow::write_csv(&rows, &path).unwrap();
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        "epoch,learning_rate,head_learning_rate,gradient_norm,train_loss,validation_loss,ema,kept,\
         train_loss_brand,validation_loss_brand,train_accuracy_brand,validation_accuracy_brand,\
         validation_macro_f1_brand\n1,0.01,0.02,3.5,2.5,2,true,true,1.5,1.25,0.25,0.5,0.125\n\
         2,0.01,0.02,3.5,2.5,,true,true,,,,,\n"
    );
}

#[test]
fn shards_give_back_every_photo() {
    let folder = tempfile::tempdir().unwrap();
    let geometry = Geometry { height: 2, width: 3 };
    let photo = |value: u8| vec![value; geometry.bytes()];
    write_shard(folder.path(), 0, geometry, &[photo(1), photo(2)].concat()).unwrap();
    write_shard(folder.path(), 1, geometry, &photo(3)).unwrap();
    let index: Vec<_> = [(0, 0), (0, 1), (1, 0)]
        .iter()
        .map(|&(shard, row)| IndexRow { file_name: format!("{shard}-{row}.jpg"), shard, row })
        .collect();
    let table = folder.path().join("index.parquet");
    IndexRow::write(&index, &table).unwrap();
    let index = IndexRow::read(&table).unwrap();
    let reader = ShardReader::open_indexed(folder.path(), &index).unwrap();
    assert_eq!(reader.geometry(), geometry);
    for (row, value) in index.iter().zip(1..) {
        assert_eq!(reader.pixels(row).unwrap(), photo(value));
    }
    let beyond = IndexRow { file_name: "x".into(), shard: 1, row: 1 };
    assert!(matches!(reader.pixels(&beyond), Err(marque_formats::Error::NoPixels { .. })));
    assert!(ShardReader::open_indexed(folder.path(), &[beyond]).is_err());
    std::fs::write(folder.path().join("00001.safetensors"), b"short").unwrap();
    assert!(ShardReader::open_indexed(folder.path(), &index).is_err());
}

#[test]
fn shards_are_written_in_any_order_from_several_threads() {
    let folder = tempfile::tempdir().unwrap();
    let geometry = Geometry { height: 3, width: 5 };
    let photo = |row: usize| -> Vec<u8> { (0..geometry.bytes()).map(|i| (i * 7 + row * 31) as u8).collect() };
    let writer = ShardWriter::create(folder.path(), 0, geometry, 40).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (writer, photo) = (&writer, &photo);
            scope.spawn(move || {
                (0..10).rev().for_each(|i| writer.write(i * 4 + thread, &photo(i * 4 + thread)).unwrap());
            });
        }
    });
    let path = shard_path(folder.path(), 0);
    assert!(!path.exists(), "it is there before it is whole");
    assert_eq!(writer.finish().unwrap(), path);
    // The format is safetensors', to the byte as its own writer has it.
    let pixels: Vec<u8> = (0..40).flat_map(photo).collect();
    let view = TensorView::new(Dtype::U8, vec![40, 3, 5, 3], &pixels).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), safetensors::serialize([("pixels", view)], None).unwrap());
}

#[test]
fn shards_that_lack_photos_or_get_others_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let geometry = Geometry { height: 2, width: 2 };
    let writer = ShardWriter::create(folder.path(), 0, geometry, 2).unwrap();
    writer.write(0, &[0; 12]).unwrap();
    assert!(writer.write(2, &[0; 12]).unwrap_err().to_string().contains("row 2 of 2"));
    assert!(writer.write(1, &[0; 11]).unwrap_err().to_string().contains("11 bytes instead of 12"));
    assert!(writer.finish().unwrap_err().to_string().contains("it got 1 of its 2 photos"));
    assert!(write_shard(folder.path(), 0, geometry, &[0; 13]).is_err());
    assert!(!shard_path(folder.path(), 0).exists());
    let endless = Geometry { height: usize::MAX, width: 2 };
    assert!(ShardWriter::create(folder.path(), 0, endless, 1).is_err());
}

#[test]
fn damaged_shards_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let geometry = Geometry { height: 2, width: 2 };
    let path = write_shard(folder.path(), 0, geometry, &[7; 24]).unwrap();
    let whole = std::fs::read(&path).unwrap();
    for length in 0..whole.len() {
        std::fs::write(&path, &whole[..length]).unwrap();
        assert!(ShardReader::open(folder.path(), 1).is_err(), "{length} of {} bytes", whole.len());
    }
    // Headers that lie: about the shape, the type, the end, the header's own length.
    let text = String::from_utf8(whole[8..whole.len() - 24].to_vec()).unwrap();
    let lies = [
        ("[2,2,2,3]", "[9,2,2,3]"),
        ("[2,2,2,3]", "[2,2,3,2]"),
        ("[2,2,2,3]", "[2,4,3]"),
        ("[2,2,2,3]", "[0,2,2,3]"),
        ("[0,24]", "[0,48]"),
        ("[0,24]", "[8,24]"),
        ("U8", "F8"),
        ("pixels", "others"),
    ];
    for (truth, lie) in lies {
        assert!(text.contains(truth), "{text}");
        let header = text.replace(truth, lie);
        let file = [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &[7; 24]].concat();
        std::fs::write(&path, file).unwrap();
        assert!(ShardReader::open(folder.path(), 1).is_err(), "{header}");
    }
    let mut file = whole.clone();
    file[..8].fill(0xff);
    std::fs::write(&path, file).unwrap();
    assert!(ShardReader::open(folder.path(), 1).is_err());
    // A photo without pixels, and an index that speaks of the last shard there could be.
    let header = r#"{"pixels":{"dtype":"U8","shape":[4,0,2,3],"data_offsets":[0,0]}}"#;
    std::fs::write(&path, [&(header.len() as u64).to_le_bytes(), header.as_bytes()].concat()).unwrap();
    assert!(ShardReader::open(folder.path(), 1).is_err());
    std::fs::write(&path, &whole).unwrap();
    let beyond = IndexRow { file_name: "x".into(), shard: u32::MAX, row: 0 };
    assert!(ShardReader::open_indexed(folder.path(), &[beyond]).is_err());
    let alone = ShardReader::open_shard(folder.path(), 0).unwrap();
    assert!(alone.pixels(&IndexRow { file_name: "x".into(), shard: 1, row: 0 }).is_err());
    assert_eq!(alone.pixels(&IndexRow { file_name: "x".into(), shard: 0, row: 1 }).unwrap(), [7; 12]);
}

fn annotation_table() -> AnnotationTable {
    let row = |i: u32| AnnotationRow {
        file_name: format!("own/{i}.jpg"),
        split: Split::ALL.get(i as usize).copied(),
        class_name: (i != 1).then(|| "Land Rover Defender SUV 1998".to_owned()),
        crop: (i != 2).then_some(Crop { x1: i, y1: 2, x2: 30 + i, y2: 40 }),
        values: vec![(i != 0).then(|| "red".to_owned()), (i != 3).then(|| "alloys|roof".to_owned())],
    };
    AnnotationTable { columns: vec!["colour".into(), "tags".into()], rows: (0..5).map(row).collect() }
}

#[test]
fn annotation_tables_round_trip_with_nulls_and_columns_of_the_users_own() {
    let folder = tempfile::tempdir().unwrap();
    let table = annotation_table();
    let path = write_twice(folder.path(), |path| table.write(path).unwrap());
    assert_eq!(AnnotationTable::read(&path).unwrap(), table);
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
    refused(|table| table.rows.swap(1, 2), "own/1.jpg twice or out of order");
    refused(|table| table.rows[2].file_name = "own/1.jpg".into(), "own/1.jpg twice");
    refused(|table| table.rows[4].values.truncate(1), "own/4.jpg has 1 values for 2 label columns");
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
