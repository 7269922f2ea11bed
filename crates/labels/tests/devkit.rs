//! The stage on the published annotations.

use std::collections::BTreeMap;
use std::path::Path;

use flate2::read::GzDecoder;
use marque_contracts::schema::{Dataset, Head, Layout, Split, ingest, labels};
use marque_contracts::{Digest, Job, Silent, Stage};
use marque_fixtures::published;
use marque_formats::{DuplicateRow, LabelTable, PhotoRow};
use marque_labels::{Labels, NameMatching, Settings};
use marque_settings::{Document, Reader};

const CONFIGURATION: &str = r#"
[labels]
rules = "article"
[[heads]]
name = "brand"
rule = "make"
min_images = 500
[[heads]]
name = "type"
rule = "keyword"
classes = ["Convertible", "Coupe", "SUV", "Van"]
[[heads]]
name = "era"
rule = "year"
breaks = [2009]
"#;

/// Writes what `ingest` would leave of the published training split, without the pixels.
fn ingested(folder: &Path) {
    let archive = fs_err::File::open(published("stanford-cars-train/car_devkit.tgz")).unwrap();
    tar::Archive::new(GzDecoder::new(archive)).unpack(folder.join(ingest::METADATA)).unwrap();
    let photo = |i: u32| PhotoRow {
        file_name: format!("cars_train/{i:05}.jpg"),
        bytes: 1,
        digest: Digest::of_bytes(&i.to_le_bytes()),
        width: 224,
        height: 224,
    };
    let photos: Vec<_> = (1..=8144).map(photo).collect();
    PhotoRow::write(&photos, &folder.join(ingest::PHOTO_TABLE)).unwrap();
    DuplicateRow::write(&[], &folder.join(ingest::DUPLICATE_TABLE)).unwrap();
    let dataset = Dataset { layout: Layout::StanfordCars, photos: 8144 };
    fs_err::write(folder.join(ingest::DATASET), serde_json::to_vec(&dataset).unwrap()).unwrap();
}

#[test]
#[ignore = "reads stanford-cars-train/car_devkit.tgz: make test-all"]
fn the_published_training_split() {
    let folder = tempfile::tempdir().unwrap();
    let (input, output) = (folder.path().join("in"), folder.path().join("out"));
    fs_err::create_dir_all(&input).unwrap();
    fs_err::create_dir_all(&output).unwrap();
    ingested(&input);
    let document = Document::parse("pipeline.toml", CONFIGURATION).unwrap();
    let mut reader = Reader::new(&document);
    let settings = Settings::read(&mut reader);
    reader.finish().unwrap();

    let run = |matching| -> Vec<Head> {
        let inputs = BTreeMap::from([(ingest::STAGE.to_owned(), input.clone())]);
        let settings = Settings { matching, ..settings.clone() };
        let summary = Labels::new(settings).run(&Job::new(inputs, &output, &Silent)).unwrap();
        println!("{}", summary.line);
        serde_json::from_slice(&fs_err::read(output.join(labels::HEADS)).unwrap()).unwrap()
    };
    let total = |head: &Head| -> Vec<u64> {
        let sum = |id| Split::ALL.iter().map(|split| head.counts[split][id]).sum();
        (0..head.classes.len()).map(sum).collect()
    };

    let article = run(NameMatching::Article);
    assert_eq!(article[0].classes, ["Audi", "BMW", "Chevrolet", "Dodge", "Ford", "Other"]);
    assert_eq!(total(&article[0]), [589, 531, 905, 630, 521, 4968]);
    assert_eq!(total(&article[1]), [960, 1078, 1437, 418, 4251]);
    assert_eq!(total(&article[2]), [2601, 5543]);

    let words = run(NameMatching::Words);
    assert_eq!(total(&words[0]), total(&article[0]));
    // 45 Vantage convertibles and 41 coupés back from Van; 31 Phantoms from Coupe; five minivans to Van.
    let minivans = 38 + 44 + 44 + 42 + 41;
    let types = [960 + 45 + 31, 1078 + 41 - 31, 1437, 418 - 45 - 41 + minivans, 4251 - minivans];
    assert_eq!(total(&words[1]), types);

    let table = LabelTable::read(&output.join(labels::LABEL_TABLE), &words).unwrap();
    let count = |split| table.rows.iter().filter(|row| row.split == split).count();
    // A fifth for testing, then a tenth of the rest, to the photo.
    assert_eq!(Split::ALL.map(count), [5863, 652, 1629]);
    let first = &table.rows[0];
    assert_eq!(first.file_name, "cars_train/00001.jpg");
    assert_eq!(first.class_name.as_deref(), Some("Audi TTS Coupe 2012"));
}
