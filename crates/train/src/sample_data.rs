//! Photos of the embedded data set for tests of training.

use std::path::Path;

use marque_contracts::schema::{Crop, Filter, Fit, Head, HeadKind, Label, Preparation};
use marque_formats::{IndexRow, ShardKind, ShardReader, ShardWriter};
use marque_network::Precision;
use marque_sample::{Sample as DrawnSample, Split, class_names, draw};
use marque_settings::{Document, Reader};

use crate::Settings;
use crate::data::{Data, Sample};

/// The `[train]` of the shipped configuration, with changes such as `train.seed=2`.
pub(crate) fn settings(changes: &[&str]) -> Settings {
    let mut document = Document::parse("pipeline.toml", include_str!("../../../pipeline.toml")).unwrap();
    changes.iter().for_each(|change| document.set(change).unwrap());
    Settings::read(&mut Reader::new(&document), Precision::F32, Path::new("downloads"))
}

/// So many photos of the embedded data set to learn from, cut and resized as the shipped pipeline has them.
pub(crate) fn data(folder: &Path, photos: usize) -> Data {
    let (fit, resize, background) = (Fit::Squash, Filter::Bilinear, [255; 3]);
    let preparation = Preparation { size: 64, margin: Some(0.0), fit, resize, background };
    let drawn = DrawnSample { train_photos: photos as u32, ..DrawnSample::default() };
    let names: Vec<_> = class_names().collect();
    let mut brands: Vec<_> = names.iter().map(|name| name.split(' ').next().unwrap().to_owned()).collect();
    brands.dedup();
    let writer = ShardWriter::create(folder, 0, ShardKind::Pixels, photos, &[64, 64, 3]).unwrap();
    let mut train = Vec::new();
    for (number, class) in marque_sample::classes(&drawn, Split::Train).unwrap().into_iter().enumerate() {
        let photo = draw(&drawn, class, Split::Train, number as u32).unwrap();
        let bounds = photo.annotated;
        let crop = Crop { x1: bounds.x1 - 1, y1: bounds.y1 - 1, x2: bounds.x2, y2: bounds.y2 };
        let prepared = marque_photo::prepare(&photo.jpeg, Some(crop), &preparation).unwrap();
        writer.write(number, &prepared.rgb).unwrap();
        let brand = brands.iter().position(|brand| names[class].starts_with(brand)).unwrap();
        let is_late = names[class][names[class].len() - 4..] > *"2009";
        train.push(Sample {
            place: IndexRow { file_name: format!("{number:05}.jpg"), shard: 0, row: number as u32 },
            number,
            targets: vec![Label::Class(brand), Label::Class(usize::from(is_late))],
            car: None,
        });
    }
    writer.finish().unwrap();
    let eras = vec!["early".to_owned(), "late".to_owned()];
    let heads = vec![Head::new("brand", HeadKind::Single, brands), Head::new("era", HeadKind::Single, eras)];
    let shards = ShardReader::open(folder, ShardKind::Pixels, 1).unwrap();
    Data { heads, shards, whole: None, preparation, train, validation: Vec::new() }
}
