//! A small data set in the published layout, made here: the artifact of `ingest`, and room for that of `labels`.

#![allow(dead_code, reason = "each test file uses a part")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use marque_contracts::schema::{Dataset, Head, HeadKind, Layout, Split, ingest, labels};
use marque_contracts::{Digest, Failure, Job, Silent, Stage, Summary};
use marque_formats::{DuplicateRow, LabelTable, PhotoRow};
use marque_labels::{
    Duplicates, HeadDefinition, HeadRule, Labels, NameMatching, OnLeak, Rule, Settings, SplitSource,
    TagSyntax,
};
use marque_mat5::{Cell, Struct, Value, Variable, write};
use tempfile::TempDir;

pub(crate) const CLASSES: [&str; 5] = [
    "Aston Martin V8 Vantage Coupe 2012",
    "Audi S4 Sedan 2007",
    "Ford Freestar Minivan 2007",
    "Ford Mustang Convertible 2007",
    "Ford Edge SUV 2012",
];

/// What `ingest` would have left, and room for the output.
pub(crate) struct Bench {
    folder: TempDir,
}

impl Bench {
    /// `train` and `test` photos, of the classes in turn; test labels only if `labelled`.
    pub(crate) fn new(train: usize, test: usize, labelled: bool) -> Self {
        let bench = Self { folder: tempfile::tempdir().unwrap() };
        fs_err::create_dir_all(bench.metadata("devkit")).unwrap();
        fs_err::create_dir_all(bench.output()).unwrap();
        let names = [("cars_train", train), ("cars_test", test)];
        let photos: Vec<_> = names.iter().flat_map(|(folder, count)| photos(folder, *count)).collect();
        bench.write_photos(photos);
        let dataset = Dataset { layout: Layout::StanfordCars, photos: (train + test) as u64 };
        fs_err::write(bench.input(ingest::DATASET), serde_json::to_vec(&dataset).unwrap()).unwrap();
        DuplicateRow::write(&[], &bench.input(ingest::DUPLICATE_TABLE)).unwrap();
        bench.write_mat("devkit/cars_meta.mat", "class_names", Cell::row(CLASSES.map(Value::from)).into());
        bench.write_mat("devkit/cars_train_annos.mat", "annotations", annotations(train).into());
        if labelled {
            bench.write_mat("cars_test_annos_withlabels.mat", "annotations", annotations(test).into());
        }
        bench
    }

    pub(crate) fn input(&self, file: &str) -> PathBuf {
        self.folder.path().join("in").join(file)
    }

    pub(crate) fn metadata(&self, file: &str) -> PathBuf {
        self.input(ingest::METADATA).join(file)
    }

    pub(crate) fn output(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    pub(crate) fn write_photos(&self, mut photos: Vec<PhotoRow>) {
        photos.sort_by(|a, b| a.file_name.cmp(&b.file_name));
        PhotoRow::write(&photos, &self.input(ingest::PHOTO_TABLE)).unwrap();
    }

    pub(crate) fn write_mat(&self, file: &str, name: &str, value: Value) {
        fs_err::write(self.metadata(file), write(&[Variable::new(name, value)]).unwrap()).unwrap();
    }

    pub(crate) fn run(&self, settings: Settings) -> Result<Summary, Failure> {
        let inputs = BTreeMap::from([(ingest::STAGE.to_owned(), self.folder.path().join("in"))]);
        let output = self.output();
        Labels::new(settings).run(&Job::new(inputs, &output, &Silent))
    }

    pub(crate) fn labels(&self) -> LabelTable {
        LabelTable::read(&self.output().join(labels::LABEL_TABLE), &self.heads()).unwrap()
    }

    pub(crate) fn heads(&self) -> Vec<Head> {
        serde_json::from_slice(&fs_err::read(self.output().join(labels::HEADS)).unwrap()).unwrap()
    }

    pub(crate) fn bytes(&self) -> Vec<Vec<u8>> {
        let files = [
            labels::LABEL_TABLE,
            labels::CLASS_TABLE,
            labels::CROP_TABLE,
            labels::HEADS,
            labels::WEIGHT_TABLE,
            labels::LEAK_TABLE,
        ];
        files.map(|file| fs_err::read(self.output().join(file)).unwrap()).into()
    }
}

pub(crate) fn photos(folder: &str, count: usize) -> impl Iterator<Item = PhotoRow> + use<'_> {
    (0..count).map(move |i| PhotoRow {
        file_name: format!("{folder}/{:05}.jpg", i + 1),
        bytes: 1000,
        digest: Digest::of_bytes(format!("{folder}{i}").as_bytes()),
        width: 640,
        height: 480,
    })
}

pub(crate) fn annotations(count: usize) -> Struct {
    let mut array = Struct::new(["bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2", "class", "fname"]);
    for i in 0..count {
        let name = format!("{:05}.jpg", i + 1);
        let class = (i % CLASSES.len() + 1) as f64;
        let row = [1.0.into(), 20.0.into(), 600.0.into(), 470.0.into(), class.into(), name.into()];
        array.push(row).unwrap();
    }
    array
}

pub(crate) fn settings() -> Settings {
    let head = |name: &str, rule| HeadDefinition {
        name: name.to_owned(),
        rule: HeadRule::ClassName { rule, matching: None },
        kind: HeadKind::Single,
        tag_syntax: TagSyntax::default(),
    };
    Settings {
        matching: NameMatching::Words,
        split: SplitSource::Official,
        on_leak: OnLeak::Report,
        duplicates: Duplicates::Near,
        validation: 0.2,
        test: 0.25,
        seed: 1,
        heads: vec![
            head("brand", Rule::Make { min_images: 20, other: "Other".into() }),
            head(
                "type",
                Rule::Keyword {
                    classes: ["Convertible", "Coupe", "SUV", "Van"].map(str::to_owned).into(),
                    other: "Other".into(),
                },
            ),
            head("era", Rule::Year { breaks: vec![2009] }),
        ],
    }
}

/// Photos of a split.
pub(crate) fn count(table: &LabelTable, split: Split) -> usize {
    table.rows.iter().filter(|row| row.split == split).count()
}
