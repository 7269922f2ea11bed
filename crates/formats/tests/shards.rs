//! Shards: what is written is what is read, whatever the order; what is damaged is an error.

use std::path::{Path, PathBuf};

use marque_contracts::durable::is_unfinished;
use marque_formats::{Geometry, IndexRow, ShardKind, ShardReader, ShardWriter, shard_path};
use safetensors::tensor::{Dtype, TensorView};

/// Writes shard `number` of whole photos, one after the other.
fn write_shard(folder: &Path, number: u32, geometry: Geometry, pixels: &[u8]) -> PathBuf {
    let photos = pixels.chunks_exact(geometry.bytes());
    let writer =
        ShardWriter::create(folder, number, ShardKind::Pixels, photos.len(), &geometry.shape()).unwrap();
    photos.enumerate().for_each(|(row, photo)| writer.write(row, photo).unwrap());
    writer.finish().unwrap()
}

#[test]
fn shards_give_back_every_photo() {
    let folder = tempfile::tempdir().unwrap();
    let geometry = Geometry { height: 2, width: 3 };
    let photo = |value: u8| vec![value; geometry.bytes()];
    write_shard(folder.path(), 0, geometry, &[photo(1), photo(2)].concat());
    write_shard(folder.path(), 1, geometry, &photo(3));
    let index: Vec<_> = [(0, 0), (0, 1), (1, 0)]
        .iter()
        .map(|&(shard, row)| IndexRow { file_name: format!("{shard}-{row}.jpg"), shard, row })
        .collect();
    let table = folder.path().join("index.parquet");
    IndexRow::write(&index, &table).unwrap();
    let index = IndexRow::read(&table).unwrap();
    let reader = ShardReader::open_indexed(folder.path(), ShardKind::Pixels, &index).unwrap();
    assert_eq!(reader.geometry(), geometry);
    for (row, value) in index.iter().zip(1..) {
        assert_eq!(reader.photo(row).unwrap(), photo(value));
    }
    let beyond = IndexRow { file_name: "x".into(), shard: 1, row: 1 };
    assert!(matches!(reader.photo(&beyond), Err(marque_formats::Error::NoPhoto { .. })));
    assert!(ShardReader::open_indexed(folder.path(), ShardKind::Pixels, &[beyond]).is_err());
    std::fs::write(folder.path().join("00001.safetensors"), b"short").unwrap();
    assert!(ShardReader::open_indexed(folder.path(), ShardKind::Pixels, &index).is_err());
}

#[test]
fn shards_are_written_in_any_order_from_several_threads() {
    let folder = tempfile::tempdir().unwrap();
    let geometry = Geometry { height: 3, width: 5 };
    let photo = |row: usize| -> Vec<u8> { (0..geometry.bytes()).map(|i| (i * 7 + row * 31) as u8).collect() };
    let writer = ShardWriter::create(folder.path(), 0, ShardKind::Pixels, 40, &geometry.shape()).unwrap();
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
    // What a crash would leave is known to be unfinished.
    let mut files = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name());
    assert!(files.all(|name| is_unfinished(name.to_str().unwrap())));
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
    let writer = ShardWriter::create(folder.path(), 0, ShardKind::Pixels, 2, &geometry.shape()).unwrap();
    writer.write(0, &[0; 12]).unwrap();
    assert!(writer.write(2, &[0; 12]).unwrap_err().to_string().contains("row 2 of 2"));
    assert!(writer.write(1, &[0; 11]).unwrap_err().to_string().contains("11 bytes instead of 12"));
    assert!(writer.finish().unwrap_err().to_string().contains("it got 1 of its 2 photos"));
    assert!(!shard_path(folder.path(), 0).exists());
    for (photos, height) in [(1, usize::MAX), (usize::MAX, 2)] {
        assert!(ShardWriter::create(folder.path(), 0, ShardKind::Pixels, photos, &[height, 2, 3]).is_err());
    }
}

#[test]
fn damaged_shards_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let geometry = Geometry { height: 2, width: 2 };
    let path = write_shard(folder.path(), 0, geometry, &[7; 24]);
    let whole = std::fs::read(&path).unwrap();
    for length in 0..whole.len() {
        std::fs::write(&path, &whole[..length]).unwrap();
        assert!(
            ShardReader::open(folder.path(), ShardKind::Pixels, 1).is_err(),
            "{length} of {} bytes",
            whole.len()
        );
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
        assert!(ShardReader::open(folder.path(), ShardKind::Pixels, 1).is_err(), "{header}");
    }
    let mut file = whole.clone();
    file[..8].fill(0xff);
    std::fs::write(&path, file).unwrap();
    assert!(ShardReader::open(folder.path(), ShardKind::Pixels, 1).is_err());
    // A photo without pixels, and an index that speaks of the last shard there could be.
    let header = r#"{"pixels":{"dtype":"U8","shape":[4,0,2,3],"data_offsets":[0,0]}}"#;
    std::fs::write(&path, [&(header.len() as u64).to_le_bytes(), header.as_bytes()].concat()).unwrap();
    assert!(ShardReader::open(folder.path(), ShardKind::Pixels, 1).is_err());
    std::fs::write(&path, &whole).unwrap();
    let beyond = IndexRow { file_name: "x".into(), shard: u32::MAX, row: 0 };
    assert!(ShardReader::open_indexed(folder.path(), ShardKind::Pixels, &[beyond]).is_err());
    let alone = ShardReader::open_shard(folder.path(), 0).unwrap();
    assert!(alone.photo(&IndexRow { file_name: "x".into(), shard: 1, row: 0 }).is_err());
    assert_eq!(alone.photo(&IndexRow { file_name: "x".into(), shard: 0, row: 1 }).unwrap(), [7; 12]);
}

#[test]
fn features_have_any_shape_and_are_not_pixels() {
    let folder = tempfile::tempdir().unwrap();
    // Two photos, three views of each, two values a view.
    let values: Vec<u8> = (0..24).collect();
    let writer = ShardWriter::create(folder.path(), 0, ShardKind::Features, 2, &[3, 2]).unwrap();
    values.chunks_exact(12).enumerate().for_each(|(row, photo)| writer.write(row, photo).unwrap());
    let path = writer.finish().unwrap();
    let view = TensorView::new(Dtype::F16, vec![2, 3, 2], &values).unwrap();
    assert_eq!(std::fs::read(path).unwrap(), safetensors::serialize([("features", view)], None).unwrap());
    let reader = ShardReader::open(folder.path(), ShardKind::Features, 1).unwrap();
    assert_eq!(reader.shape(), [3, 2]);
    let row = |row| IndexRow { file_name: "x".into(), shard: 0, row };
    assert_eq!(reader.photo(&row(1)).unwrap(), &values[12..]);
    assert!(reader.photo(&row(2)).is_err());
    assert!(ShardReader::open(folder.path(), ShardKind::Pixels, 1).is_err());
    // Another shape of views, and none at all.
    for shape in [&[3, 4][..], &[6]] {
        let writer = ShardWriter::create(folder.path(), 1, ShardKind::Features, 1, shape).unwrap();
        writer.write(0, &vec![0; 2 * shape.iter().product::<usize>()]).unwrap();
        writer.finish().unwrap();
        assert!(ShardReader::open(folder.path(), ShardKind::Features, 2).is_err(), "{shape:?}");
    }
}
