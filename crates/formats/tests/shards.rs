//! Shards: what is written is what is read, whatever the order; what is damaged is an error.

use marque_formats::{Geometry, IndexRow, ShardReader, ShardWriter, shard_path, write_shard};
use safetensors::tensor::{Dtype, TensorView};

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
