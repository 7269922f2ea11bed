//! The whole stage on artifacts written here: what it writes, and that it writes the same each time.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use image::{Rgb, RgbImage};
use marque_contracts::schema::{
    ClassWeights, Head, HeadKind, Preparation, Preprocessor, Split, evaluate, ingest, labels, preprocess,
    train,
};
use marque_contracts::{Bar, Digest, Failure, FailureKind, Job, Progress, Silent, Stage, Unit, json};
use marque_evaluate::{Evaluate, Settings};
use marque_formats::{
    Column, DuplicateRow, EpochRow, HeadEpoch, IndexRow, LabelRow, LabelTable, ShardKind, ShardWriter, Table,
};
use marque_metrics::Metrics;
use marque_network::{Backbone, HeadConfig, Network, NetworkConfig};

const SIZE: usize = 32;
const PHOTOS: usize = 21;

/// Artifacts of four stages in a folder: 21 photos, every third of each split.
struct Artifacts {
    folder: tempfile::TempDir,
}

/// Remembers the lines printed.
#[derive(Default)]
struct Lines(Mutex<Vec<String>>);

impl Progress for Lines {
    fn bar(&self, what: &str, total: u64, unit: Unit) -> Box<dyn Bar> {
        Silent.bar(what, total, unit)
    }

    fn line(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }
}

fn heads() -> Vec<Head> {
    let head = |name: &str, classes: &[&str]| Head {
        name: name.to_owned(),
        kind: HeadKind::Single,
        classes: classes.iter().map(|class| (*class).to_owned()).collect(),
        counts: Split::ALL.into_iter().map(|split| (split, vec![1; classes.len()])).collect(),
        class_weights: ClassWeights::default(),
    };
    vec![head("era", &["old", "new"]), head("brand", &["A & B", "C", "<D>"])]
}

fn name(photo: usize) -> String {
    format!("cars/{photo:05}.png")
}

impl Artifacts {
    /// `labelled` says which splits have labels.
    fn new(labelled: &[Split]) -> Self {
        let artifacts = Self { folder: tempfile::tempdir().unwrap() };
        for stage in [ingest::STAGE, labels::STAGE, preprocess::STAGE, train::STAGE] {
            std::fs::create_dir_all(artifacts.stage(stage)).unwrap();
        }
        DuplicateRow::write(&[], &artifacts.stage(ingest::STAGE).join(ingest::DUPLICATE_TABLE)).unwrap();
        artifacts.write_pixels(false);
        artifacts.write_labels(labelled);
        artifacts.write_model();
        artifacts.write_features();
        artifacts
    }

    fn stage(&self, stage: &str) -> PathBuf {
        self.folder.path().join(stage)
    }

    fn write_pixels(&self, mirrored: bool) {
        let photos = self.stage(ingest::STAGE).join(ingest::PHOTOS);
        let shards = self.stage(preprocess::STAGE).join(preprocess::SHARDS);
        std::fs::create_dir_all(photos.join("cars")).unwrap();
        std::fs::create_dir_all(&shards).unwrap();
        let (mut index, mut bytes) = (Vec::new(), vec![Vec::new(), Vec::new()]);
        for photo in 0..PHOTOS {
            let image = RgbImage::from_fn(SIZE as u32, SIZE as u32, |x, y| {
                let value = |k: usize| ((x as usize * k + y as usize * 3 + photo * 37) % 256) as u8;
                Rgb([value(5), value(7), value(11)])
            });
            let image = if mirrored { image::imageops::flip_horizontal(&image) } else { image };
            image.save(photos.join(name(photo))).unwrap();
            let shard = usize::from(photo >= 13);
            let row = (photo - 13 * shard) as u32;
            index.push(IndexRow { file_name: name(photo), shard: shard as u32, row });
            bytes[shard].extend(image.into_raw());
        }
        for (number, bytes) in (0..).zip(&bytes) {
            let photos = bytes.chunks_exact(SIZE * SIZE * 3);
            let shape = [SIZE, SIZE, 3];
            let writer =
                ShardWriter::create(&shards, number, ShardKind::Pixels, photos.len(), &shape).unwrap();
            photos.enumerate().for_each(|(row, photo)| writer.write(row, photo).unwrap());
            writer.finish().unwrap();
        }
        IndexRow::write(&index, &self.stage(preprocess::STAGE).join(preprocess::INDEX)).unwrap();
    }

    fn write_labels(&self, labelled: &[Split]) {
        let heads = heads();
        let row = |photo: usize| {
            let split = Split::ALL[photo % 3];
            let known = labelled.contains(&split);
            LabelRow {
                file_name: name(photo),
                split,
                class_name: None,
                make: None,
                model: None,
                body: None,
                year: None,
                crop: None,
                width: SIZE as u32,
                height: SIZE as u32,
                digest: Digest::of_bytes(&[photo as u8]),
                labels: vec![
                    known.then_some(photo % 2).into(),
                    (known && photo != 20).then_some(photo / 3 % 3).into(),
                ],
            }
        };
        let table =
            LabelTable { heads: heads.clone(), rows: (0..PHOTOS).map(row).collect(), columns: Vec::new() };
        let folder = self.stage(labels::STAGE);
        table.write(&folder.join(labels::LABEL_TABLE)).unwrap();
        std::fs::write(folder.join(labels::HEADS), serde_json::to_string(&heads).unwrap()).unwrap();
    }

    /// The network's heads come in another order than the label table's.
    fn write_model(&self) {
        let heads: Vec<_> = heads();
        let configs = heads.iter().rev().map(|head| HeadConfig::new(&head.name, head.classes.iter()));
        let config = NetworkConfig {
            dropout: 0.5,
            mean: [0.5, 0.4, 0.3],
            std: [0.2, 0.25, 0.3],
            ..NetworkConfig::new(Backbone::ResNet18, SIZE, configs.collect())
        };
        let model = self.stage(train::STAGE).join(train::MODEL);
        std::fs::create_dir_all(&model).unwrap();
        Network::new(&config, 7).unwrap().save(&model.join("model.safetensors")).unwrap();
        std::fs::write(model.join("config.json"), serde_json::to_string(&config).unwrap()).unwrap();
        let (fit, resize) = Default::default();
        let preparation = Preparation { size: SIZE, margin: None, fit, resize, background: [255; 3] };
        let preprocessor = Preprocessor::new(&preparation, config.mean, config.std);
        json::write(&model.join("preprocessor_config.json"), &preprocessor).unwrap();
        let epoch = |epoch: u32| EpochRow {
            epoch,
            learning_rate: 0.1,
            train_loss: 1.0,
            validation_loss: Some(1.1),
            kept: false,
            heads: heads
                .iter()
                .map(|head| HeadEpoch {
                    name: head.name.clone(),
                    train_accuracy: Some(0.5),
                    validation_accuracy: Some(0.6),
                    validation_macro_f1: Some(0.4),
                    ..HeadEpoch::default()
                })
                .collect(),
            ..EpochRow::default()
        };
        EpochRow::write(&[epoch(1), epoch(2)], &self.stage(train::STAGE).join(train::HISTORY)).unwrap();
    }

    /// Features by which an era can be told, and of photo 3 those of the other one.
    fn write_features(&self) {
        let trained = self.stage(train::STAGE);
        let folder = trained.join(train::POOLED_FEATURES);
        std::fs::create_dir_all(&folder).unwrap();
        let photos: Vec<_> = (0..PHOTOS).filter(|photo| Split::ALL[photo % 3] != Split::Test).collect();
        let writer = ShardWriter::create(&folder, 0, ShardKind::Features, photos.len(), &[3]).unwrap();
        for (row, photo) in photos.iter().enumerate() {
            let era = f32::from(u8::from((photo % 2 == 0) != (*photo == 3)));
            let values =
                [era, 1.0 - era, (photo % 5) as f32].map(|value| half::f16::from_f32(value).to_le_bytes());
            writer.write(row, &values.concat()).unwrap();
        }
        writer.finish().unwrap();
        let place =
            |(row, photo): (usize, &usize)| IndexRow { file_name: name(*photo), shard: 0, row: row as u32 };
        let index: Vec<_> = photos.iter().enumerate().map(place).collect();
        IndexRow::write(&index, &trained.join(train::POOLED_INDEX)).unwrap();
    }

    fn run(&self, settings: &Settings, output: &str) -> Result<(PathBuf, Vec<String>), Failure> {
        let output = self.folder.path().join(output);
        std::fs::create_dir_all(&output).unwrap();
        let stages = [ingest::STAGE, labels::STAGE, preprocess::STAGE, train::STAGE];
        let inputs: BTreeMap<_, _> = stages.map(|stage| (stage.to_owned(), self.stage(stage))).into();
        let lines = Lines::default();
        Evaluate::new(settings.clone()).run(&Job::new(inputs, &output, &lines))?;
        Ok((output, lines.0.into_inner().unwrap()))
    }
}

fn settings(batch_size: usize) -> Settings {
    Settings { batch_size, photos: 4, mistakes: 3, ..Settings::default() }
}

fn read(folder: &Path) -> [Vec<u8>; 4] {
    [evaluate::METRICS, evaluate::PREDICTIONS, evaluate::REPORT, evaluate::SUSPECTS]
        .map(|name| std::fs::read(folder.join(name)).unwrap())
}

fn metrics(folder: &Path) -> Metrics {
    serde_json::from_slice(&std::fs::read(folder.join(evaluate::METRICS)).unwrap()).unwrap()
}

#[test]
fn every_photo_counts_in_batches_of_any_size() {
    let artifacts = Artifacts::new(&Split::ALL);
    let (whole, lines) = artifacts.run(&settings(64), "whole").unwrap();
    assert!(lines.is_empty(), "{lines:?}");
    let expected = metrics(&whole);
    assert_eq!((expected.split.as_str(), expected.photos), ("test", 7));
    let heads: Vec<_> = expected.heads.iter().map(|head| (head.name.as_str(), head.accuracy.total)).collect();
    assert_eq!(heads, [("brand", 6), ("era", 7)], "in the network's order, unknown labels left out");
    assert_eq!(expected.all_heads_right.total, 6);
    for batch_size in [1, 3] {
        let (parts, _) = artifacts.run(&settings(batch_size), &format!("by-{batch_size}")).unwrap();
        let found = metrics(&parts);
        for (found, expected) in found.heads.iter().zip(&expected.heads) {
            assert_eq!(found.confusion, expected.confusion, "batches of {batch_size}");
            assert!((found.log_loss.unwrap() - expected.log_loss.unwrap()).abs() < 1e-5);
        }
    }
}

#[test]
fn with_flip_mirror_images_have_the_answers_of_the_photos() {
    let artifacts = Artifacts::new(&Split::ALL);
    let log_losses = |flip: bool, output: &str| -> Vec<f64> {
        let (folder, _) = artifacts.run(&Settings { flip, ..settings(4) }, output).unwrap();
        metrics(&folder).heads.iter().map(|head| head.log_loss.unwrap()).collect()
    };
    let (photos, both) = (log_losses(false, "photos"), log_losses(true, "both"));
    artifacts.write_pixels(true);
    let (mirrored, both_again) = (log_losses(false, "mirrored"), log_losses(true, "both-again"));
    for head in 0..2 {
        assert!((photos[head] - mirrored[head]).abs() > 1e-4, "{photos:?} {mirrored:?}");
        assert!((both[head] - both_again[head]).abs() < 1e-5, "{both:?} {both_again:?}");
        assert!((both[head] - photos[head]).abs() > 1e-5, "{both:?} {photos:?}");
    }
}

#[test]
fn the_same_inputs_give_the_same_bytes() {
    let artifacts = Artifacts::new(&Split::ALL);
    let (one, _) = artifacts.run(&settings(3), "one").unwrap();
    let (two, _) = artifacts.run(&settings(3), "two").unwrap();
    assert!(read(&one) == read(&two));
}

#[test]
fn the_table_agrees_with_the_network_photo_by_photo() {
    use candle_core::{Device, Tensor};
    let artifacts = Artifacts::new(&Split::ALL);
    let (output, _) = artifacts.run(&settings(2), "output").unwrap();
    let frame = Table::read(&output.join(evaluate::PREDICTIONS)).unwrap();
    let column = |name: &str| frame.columns().iter().find(|(column, _)| column == name).unwrap().1.clone();
    let Column::Text(names) = column("file_name") else { panic!("names are not text") };
    let Column::Text(predicted) = column("brand_predicted") else { panic!("answers are not text") };
    let Column::Number(probability) = column("brand_probability") else { panic!("not numbers") };

    let model = artifacts.stage(train::STAGE).join(train::MODEL);
    let config: NetworkConfig =
        serde_json::from_str(&std::fs::read_to_string(model.join("config.json")).unwrap()).unwrap();
    let network = Network::new(&config, 0).unwrap();
    network.load(&model.join("model.safetensors")).unwrap();
    assert_eq!(names.len(), 7);
    for (i, file_name) in names.iter().enumerate() {
        let path = artifacts.stage(ingest::STAGE).join(ingest::PHOTOS).join(file_name.as_ref().unwrap());
        let pixels = image::open(path).unwrap().into_rgb8().into_raw();
        let normalised: Vec<f32> = pixels
            .iter()
            .enumerate()
            .map(|(at, byte)| (f32::from(*byte) / 255.0 - config.mean[at % 3]) / config.std[at % 3])
            .collect();
        let images = Tensor::from_vec(normalised, (1, SIZE, SIZE, 3), &Device::Cpu).unwrap();
        let logits =
            network.forward_eval(&images).unwrap()[0].flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let highest = logits.iter().copied().fold(f32::MIN, f32::max);
        let answer = logits.iter().position(|logit| *logit == highest).unwrap();
        assert_eq!(predicted[i].as_deref(), config.heads[0].labels().nth(answer));
        let sum: f64 = logits.iter().map(|logit| f64::from(logit - highest).exp()).sum();
        assert!((probability[i].unwrap() - 1.0 / sum).abs() < 1e-5);
    }
}

#[test]
fn a_label_that_its_photo_does_not_go_with_is_suspected() {
    let artifacts = Artifacts::new(&Split::ALL);
    let (output, _) = artifacts.run(&settings(8), "output").unwrap();
    let table = Table::read(&output.join(evaluate::SUSPECTS)).unwrap();
    let column = |name: &str| table.columns().iter().find(|(column, _)| column == name).unwrap().1.clone();
    let [
        Column::Text(heads),
        Column::Text(names),
        Column::Text(splits),
        Column::Text(suggestions),
        Column::Flag(suspects),
    ] = ["head", "file_name", "split", "suggestion", "suspect"].map(column)
    else {
        panic!("columns of other kinds")
    };
    let rows =
        |head: &str| (0..heads.len()).filter(|row| heads[*row].as_deref() == Some(head)).collect::<Vec<_>>();
    let learnt = |row: &usize| splits[*row].as_deref() != Some("test");
    let era: Vec<_> = rows("era").into_iter().filter(learnt).collect();
    assert_eq!(era.len(), 14, "each training and validation photo");
    let suspected: Vec<_> = era.iter().filter(|row| suspects[**row] == Some(true)).collect();
    assert_eq!(suspected.len(), 1, "{names:?} {suspects:?}");
    assert_eq!(names[*suspected[0]].as_deref(), Some(name(3).as_str()));
    assert_eq!(suggestions[*suspected[0]].as_deref(), Some("old"));
    assert_eq!(rows("brand").into_iter().filter(learnt).count(), 0, "too few photos of two of three classes");
    assert_eq!(rows("brand").len(), 6, "of the measured photos the network itself says it");
}

#[test]
fn without_test_labels_validation_is_measured_and_said_so() {
    let artifacts = Artifacts::new(&[Split::Train, Split::Validation]);
    let (output, lines) = artifacts.run(&settings(8), "output").unwrap();
    assert_eq!(lines.len(), 1);
    let [metrics, _, page, _] = read(&output);
    assert!(String::from_utf8(metrics).unwrap().contains("\"split\": \"validation\""));
    assert!(String::from_utf8(page).unwrap().contains(&lines[0]));
}

#[test]
fn without_any_labels_there_is_nothing_to_measure() {
    let failure = Artifacts::new(&[Split::Train]).run(&settings(8), "output").unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Data);
    assert!(failure.to_string().contains("no photo of the test split has a label"));
    assert!(failure.hint().is_some());
}

#[test]
fn artifacts_that_do_not_belong_together_are_refused() {
    let artifacts = Artifacts::new(&Split::ALL);
    let index = artifacts.stage(preprocess::STAGE).join(preprocess::INDEX);
    let mut rows = IndexRow::read(&index).unwrap();
    rows.retain(|row| row.file_name != name(2));
    IndexRow::write(&rows, &index).unwrap();
    let failure = artifacts.run(&settings(8), "output").unwrap_err();
    assert!(failure.to_string().contains("cars/00002.png"), "{failure}");

    let artifacts = Artifacts::new(&Split::ALL);
    let mut other = heads();
    other[0].classes.reverse();
    let path = artifacts.stage(labels::STAGE).join(labels::HEADS);
    std::fs::write(&path, serde_json::to_string(&other).unwrap()).unwrap();
    let failure = artifacts.run(&settings(8), "output").unwrap_err();
    assert!(failure.to_string().contains("the network's head `era` has other classes"), "{failure}");
    std::fs::write(&path, serde_json::to_string(&other[1..]).unwrap()).unwrap();
    let failure = artifacts.run(&settings(8), "output").unwrap_err();
    assert!(failure.to_string().contains("the network's head `era` is not in it"), "{failure}");
}

#[test]
fn settings_that_change_the_output_are_in_the_key() {
    let stage = |settings: Settings| Evaluate::new(settings).settings();
    assert_eq!(
        stage(settings(8)),
        serde_json::json!({
            "evaluate": { "split": "test", "flip": false, "photos": 4, "mistakes": 3, "features": false },
            "predict": { "target_precision": 0.95, "min_familiarity": 0.01 },
            "runtime": { "precision": "f32" },
        })
    );
    assert_ne!(stage(settings(1)), stage(Settings { split: Split::Validation, ..settings(1) }));
}

#[test]
fn the_epoch_that_was_kept_is_marked_if_the_history_names_it() {
    let artifacts = Artifacts::new(&Split::ALL);
    let page = |artifacts: &Artifacts| {
        let (output, _) = artifacts.run(&settings(8), "output").unwrap();
        String::from_utf8(std::fs::read(output.join(evaluate::REPORT)).unwrap()).unwrap()
    };
    assert!(!page(&artifacts).contains("weights of epoch"));
    let path = artifacts.stage(train::STAGE).join(train::HISTORY);
    let mut frame = Table::new();
    for (name, column) in Table::read(&path).unwrap().columns().iter().filter(|(name, _)| name != "kept") {
        frame = frame.with(name, column.clone());
    }
    frame.with("kept", Column::Flag(vec![Some(true), Some(false)])).write(&path).unwrap();
    assert!(page(&artifacts).contains("weights of epoch 1 of 2"));
}
