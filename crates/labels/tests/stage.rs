//! The stage on a small data set in the published format, made here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use marque_contracts::schema::{Dataset, Head, Layout, Split, ingest, labels};
use marque_contracts::{Digest, Failure, FailureKind, Job, Silent, Stage, Summary};
use marque_formats::{Column, Crop, CropRow, DuplicateRow, Frame, LabelTable, PhotoRow};
use marque_labels::{
    ColumnRule, Duplicates, HeadKindSettings, HeadRule, HeadSettings, Labels, OnLeak, Reading, Rule,
    Settings, SplitSource,
};
use marque_mat5::{Cell, Struct, Value, Variable, write_file};
use tempfile::TempDir;

const CLASSES: [&str; 5] = [
    "Aston Martin V8 Vantage Coupe 2012",
    "Audi S4 Sedan 2007",
    "Ford Freestar Minivan 2007",
    "Ford Mustang Convertible 2007",
    "Ford Edge SUV 2012",
];

/// What `ingest` would have left, and room for the output.
struct Bench {
    folder: TempDir,
}

impl Bench {
    /// `train` and `test` photos, of the classes in turn; test labels only if `labelled`.
    fn new(train: usize, test: usize, labelled: bool) -> Self {
        let bench = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::create_dir_all(bench.metadata("devkit")).unwrap();
        std::fs::create_dir_all(bench.output()).unwrap();
        let names = [("cars_train", train), ("cars_test", test)];
        let photos: Vec<_> = names.iter().flat_map(|(folder, count)| photos(folder, *count)).collect();
        bench.write_photos(photos);
        let dataset = Dataset { layout: Layout::StanfordCars, photos: (train + test) as u64 };
        std::fs::write(bench.input(ingest::DATASET), serde_json::to_vec(&dataset).unwrap()).unwrap();
        DuplicateRow::write(&[], &bench.input(ingest::DUPLICATE_TABLE)).unwrap();
        bench.write_mat("devkit/cars_meta.mat", "class_names", Cell::row(CLASSES.map(Value::from)).into());
        bench.write_mat("devkit/cars_train_annos.mat", "annotations", annotations(train).into());
        if labelled {
            bench.write_mat("cars_test_annos_withlabels.mat", "annotations", annotations(test).into());
        }
        bench
    }

    fn input(&self, file: &str) -> PathBuf {
        self.folder.path().join("in").join(file)
    }

    fn metadata(&self, file: &str) -> PathBuf {
        self.input(ingest::METADATA).join(file)
    }

    fn output(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    fn write_photos(&self, mut photos: Vec<PhotoRow>) {
        photos.sort_by(|a, b| a.file_name.cmp(&b.file_name));
        PhotoRow::write(&photos, &self.input(ingest::PHOTO_TABLE)).unwrap();
    }

    fn write_mat(&self, file: &str, name: &str, value: Value) {
        write_file(self.metadata(file), &[Variable::new(name, value)]).unwrap();
    }

    fn run(&self, settings: Settings) -> Result<Summary, Failure> {
        let inputs = BTreeMap::from([(ingest::STAGE.to_owned(), self.folder.path().join("in"))]);
        let output = self.output();
        Labels::new(settings).run(&Job::new(inputs, &output, &Silent))
    }

    fn labels(&self) -> LabelTable {
        let heads: Vec<_> = self.heads().into_iter().map(|head| (head.name, head.classes)).collect();
        LabelTable::read(&self.output().join(labels::LABEL_TABLE), &heads).unwrap()
    }

    fn heads(&self) -> Vec<Head> {
        serde_json::from_slice(&std::fs::read(self.output().join(labels::HEADS)).unwrap()).unwrap()
    }

    fn bytes(&self) -> Vec<Vec<u8>> {
        let files = [
            labels::LABEL_TABLE,
            labels::CLASS_TABLE,
            labels::CROP_TABLE,
            labels::HEADS,
            labels::WEIGHT_TABLE,
            labels::LEAK_TABLE,
        ];
        files.map(|file| std::fs::read(self.output().join(file)).unwrap()).into()
    }
}

fn photos(folder: &str, count: usize) -> impl Iterator<Item = PhotoRow> + use<'_> {
    (0..count).map(move |i| PhotoRow {
        file_name: format!("{folder}/{:05}.jpg", i + 1),
        bytes: 1000,
        digest: Digest::of_bytes(format!("{folder}{i}").as_bytes()),
        width: 640,
        height: 480,
    })
}

fn annotations(count: usize) -> Struct {
    let mut array = Struct::new(["bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2", "class", "fname"]);
    for i in 0..count {
        let name = format!("{:05}.jpg", i + 1);
        let class = (i % CLASSES.len() + 1) as f64;
        let row = [1.0.into(), 20.0.into(), 600.0.into(), 470.0.into(), class.into(), name.into()];
        array.push(row).unwrap();
    }
    array
}

fn settings() -> Settings {
    let head = |name: &str, rule| HeadSettings {
        name: name.to_owned(),
        rule: HeadRule::ClassName { rule, reading: None },
        kind: HeadKindSettings::Single,
    };
    Settings {
        reading: Reading::Words,
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

fn count(table: &LabelTable, split: Split) -> usize {
    table.rows.iter().filter(|row| row.split == split).count()
}

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
    assert_eq!((row.width, row.height, row.labels.as_slice()), (640, 480, &[Some(0), Some(3), Some(0)][..]));
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
                    row.split == *split && row.labels[position] == Some(id as i64)
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
    let frame = Frame::read(&bench.output().join(labels::CLASS_TABLE)).unwrap();
    let text = |name: &str| match column(&frame, name) {
        Column::Text(values) => values.iter().map(|v| v.clone().unwrap_or("-".into())).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(text("class_name"), CLASSES);
    assert_eq!(text("make"), ["Aston Martin", "Audi", "Ford", "Ford", "Ford"]);
    assert_eq!(text("type_words"), ["Coupe", "Other", "Van", "Convertible", "SUV"]);
    assert_eq!(text("type_article"), ["Van", "Other", "Other", "Convertible", "SUV"]);
    let differs = [true, false, true, false, false].map(Some).to_vec();
    assert_eq!(column(&frame, "type_differs"), &Column::Flag(differs));
    assert_eq!(text("type_why")[0], "`Van` is only a part of `Vantage`");
    assert_eq!(text("type_why")[1], "-");
    let photos = |split| column(&frame, split).clone();
    assert_eq!(photos("photos_train"), Column::Integer(vec![Some(8); 5]));
    assert_eq!(photos("photos_validation"), Column::Integer(vec![Some(2); 5]));
    assert_eq!(photos("photos_test"), Column::Integer(vec![Some(4); 5]));
}

fn column<'a>(frame: &'a Frame, name: &str) -> &'a Column {
    &frame.columns().iter().find(|(column, _)| column == name).unwrap().1
}

#[test]
fn the_article_reading_is_used_when_asked_for() {
    let bench = Bench::new(50, 20, true);
    bench.run(Settings { reading: Reading::Article, ..settings() }).unwrap();
    let row = &bench.labels().rows[20];
    assert_eq!(row.file_name, "cars_train/00001.jpg");
    assert_eq!(row.labels, [Some(1), Some(3), Some(1)]);
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

/// The layout of one folder, one file of annotations, and a flag for the test photos.
#[test]
fn all_photos_may_be_in_one_folder() {
    let bench = Bench::new(1, 1, true);
    std::fs::remove_dir_all(bench.input(ingest::METADATA)).unwrap();
    std::fs::create_dir_all(bench.input(ingest::METADATA)).unwrap();
    let dataset = Dataset { layout: Layout::CarIms, photos: 30 };
    std::fs::write(bench.input(ingest::DATASET), serde_json::to_vec(&dataset).unwrap()).unwrap();
    bench.write_photos(photos("car_ims", 30).collect());
    let write = |test: fn(usize) -> f64| {
        let mut array =
            Struct::new(["relative_im_path", "bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2", "class", "test"]);
        for i in 0..30 {
            let name = format!("car_ims/{:05}.jpg", i + 1);
            let class = (i % CLASSES.len() + 1) as f64;
            let sides = [2.0, 3.0, 500.0, 400.0].map(Value::from);
            let mut row = vec![name.into()];
            row.extend(sides);
            row.extend([class.into(), test(i).into()]);
            array.push(row).unwrap();
        }
        let variables = [
            Variable::new("annotations", array),
            Variable::new("class_names", Cell::row(CLASSES.map(Value::from))),
        ];
        write_file(bench.metadata("cars_annos.mat"), &variables).unwrap();
    };
    write(|i| if i < 10 { 1.0 } else { 0.0 });
    bench.run(Settings { validation: 0.25, ..settings_of_few() }).unwrap();
    let table = bench.labels();
    assert_eq!(Split::ALL.map(|split| count(&table, split)), [15, 5, 10]);
    assert_eq!((table.rows[9].split, table.rows[0].file_name.as_str()), (Split::Test, "car_ims/00001.jpg"));
    assert_eq!(table.rows[0].class_name.as_deref(), Some(CLASSES[0]));
    assert_eq!(table.rows[0].crop, Some(Crop { x1: 1, y1: 2, x2: 500, y2: 400 }));
    write(|i| if i == 6 { 2.0 } else { 0.0 });
    let parts = ["cars_annos.mat", "annotation 7", "`test` is not 0 or 1"];
    check_failure(&bench, settings_of_few(), FailureKind::Data, &parts);
}

fn settings_of_few() -> Settings {
    let mut settings = settings();
    let rule = Rule::Make { min_images: 5, other: "Other".into() };
    settings.heads[0].rule = HeadRule::ClassName { rule, reading: None };
    settings
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
fn boxes_a_few_pixels_beyond_their_photos_are_cut() {
    let bench = Bench::new(50, 0, false);
    let mut array = annotations(50);
    // Counted from 1, the ends included; photos are 640 × 480.
    for (row, sides) in [(0, [0, -5, 300, 200]), (1, [1, 1, 652, 486]), (2, [1, 1, 900, 480])] {
        for (field, side) in sides.into_iter().enumerate() {
            array.rows[row][field] = f64::from(side).into();
        }
    }
    bench.write_mat("devkit/cars_train_annos.mat", "annotations", array.into());
    let summary = bench.run(settings()).unwrap();
    let crops = CropRow::read(&bench.output().join(labels::CROP_TABLE)).unwrap();
    let cut = [0, 1, 2].map(|row: usize| crops[row].crop.unwrap());
    assert_eq!(cut[0], Crop { x1: 0, y1: 0, x2: 300, y2: 200 });
    assert_eq!(cut[1], Crop { x1: 0, y1: 0, x2: 640, y2: 480 });
    assert_eq!(cut[2], Crop { x1: 0, y1: 0, x2: 900, y2: 480 }, "too far to be a slip of the hand");
    assert_eq!(summary.notes["boxes_cut"], 2);
    assert_eq!(bench.labels().rows[1].crop, Some(cut[1]));
}

#[test]
fn wrong_annotations_are_told_together_but_not_all() {
    let bench = Bench::new(50, 0, false);
    let mut array = annotations(50);
    for row in 20..33 {
        array.rows[row][2] = 0.0.into();
    }
    bench.write_mat("devkit/cars_train_annos.mat", "annotations", array.into());
    let said = bench.run(settings()).unwrap_err().to_string();
    assert!(said.contains("annotation 21: ") && said.contains("annotation 30: "), "{said}");
    assert!(!said.contains("annotation 31: ") && said.ends_with("and 3 more"), "{said}");
}

#[test]
fn columns_may_be_parts_of_class_names() {
    let bench = Bench::new(50, 0, false);
    let mut by_parts = settings();
    by_parts.heads = ["make", "body", "year"]
        .map(|column| HeadSettings {
            name: format!("by_{column}"),
            rule: HeadRule::Column(ColumnRule {
                column: column.into(),
                classes: None,
                min_images: 1,
                other: None,
            }),
            kind: HeadKindSettings::Single,
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
    tagged.heads = vec![HeadSettings {
        name: "words".into(),
        rule: HeadRule::ClassName {
            rule: Rule::Keyword {
                classes: ["Ford", "Van", "SUV"].map(str::to_owned).into(),
                other: String::new(),
            },
            reading: None,
        },
        kind: HeadKindSettings::Tags(Default::default()),
    }];
    bench.run(tagged).unwrap();
    let frame = Frame::read(&bench.output().join(labels::CLASS_TABLE)).unwrap();
    let column = |name: &str| frame.columns().iter().find(|(column, _)| column == name).unwrap().1.clone();
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
    let frame = Frame::read(&bench.output().join(labels::LABEL_TABLE)).unwrap();
    let note: serde_json::Value = serde_json::from_str(frame.metadata("huggingface").unwrap()).unwrap();
    let feature = &note["info"]["features"]["type_id"];
    assert_eq!(feature["_type"], "ClassLabel");
    assert_eq!(feature["names"][3], "Van");
}

fn check_failure(bench: &Bench, settings: Settings, kind: FailureKind, parts: &[&str]) {
    let failure = bench.run(settings).unwrap_err();
    let mut said = failure.to_string();
    let mut cause = std::error::Error::source(&failure);
    while let Some(error) = cause {
        said += &format!(": {error}");
        cause = error.source();
    }
    assert_eq!(failure.kind(), kind, "{said}");
    for part in parts {
        assert!(said.contains(part), "{said} lacks {part}");
    }
}

#[test]
fn wrong_annotations_are_refused_with_file_and_entry() {
    type Damage = fn(&Bench);
    let train = "cars_train_annos.mat";
    let rewrite = |bench: &Bench, row: usize, field: usize, value: Value| {
        let mut array = annotations(50);
        array.rows[row][field] = value;
        bench.write_mat("devkit/cars_train_annos.mat", "annotations", array.into());
    };
    let values: [(usize, Value, &str); 9] = [
        (4, 6.0.into(), "`class` is 6, not from 1 to 5"),
        (4, 0.0.into(), "`class` is 0"),
        (4, "2".into(), "no whole number"),
        (0, 1.5.into(), "`bbox_x1` is not a whole number"),
        (0, (-300.0).into(), "the box -300, 20 to 600, 470 is empty or outside"),
        (0, 601.0.into(), "is empty or outside"),
        (2, 0.0.into(), "is empty or outside"),
        (5, 7.0.into(), "`fname` is not text"),
        (5, "00001.jpg".into(), "cars_train/00001.jpg is annotated twice"),
    ];
    let bench = Bench::new(50, 0, false);
    for (field, value, reason) in values {
        rewrite(&bench, 6, field, value);
        let entry = if reason.contains("twice") { "annos.mat: " } else { "annotation 7: " };
        check_failure(&bench, settings(), FailureKind::Data, &[train, entry, reason]);
    }

    let damages: [(Damage, &[&str]); 8] = [
        (
            |b| b.write_mat("devkit/cars_train_annos.mat", "other", 1.0.into()),
            &[train, "`annotations` is missing"],
        ),
        (|b| b.write_mat("devkit/cars_train_annos.mat", "annotations", 1.0.into()), &[train, "struct array"]),
        (
            |b| b.write_mat("devkit/cars_train_annos.mat", "annotations", Struct::new(["fname"]).into()),
            &[train, "no field `bbox_x1`"],
        ),
        (
            |b| std::fs::write(b.metadata("devkit/cars_train_annos.mat"), "x").unwrap(),
            &[train, "not a MATLAB 5"],
        ),
        (
            |b| b.write_mat("devkit/cars_meta.mat", "class_names", Cell::row([1.0.into()]).into()),
            &["cars_meta.mat", "class name 1 is double, not text"],
        ),
        (
            |b| {
                b.write_mat("devkit/cars_meta.mat", "class_names", Cell::row(["A".into(), "A".into()]).into())
            },
            &["cars_meta.mat", "`A` is there twice"],
        ),
        (|b| std::fs::remove_file(b.metadata("devkit/cars_meta.mat")).unwrap(), &["no cars_meta.mat"]),
        (
            |b| b.write_mat("cars_meta.mat", "class_names", Cell::row(["A".into()]).into()),
            &["two files cars_meta.mat"],
        ),
    ];
    for (damage, parts) in damages {
        let bench = Bench::new(50, 0, false);
        damage(&bench);
        check_failure(&bench, settings(), FailureKind::Data, parts);
    }
}

#[test]
fn other_things_that_cannot_work() {
    let bench = Bench::new(50, 0, false);
    bench.write_photos(photos("elsewhere", 3).collect());
    check_failure(&bench, settings(), FailureKind::Data, &["none of the 50", "elsewhere/00001.jpg"]);

    let bench = Bench::new(50, 0, false);
    let mut high = settings();
    let rule = Rule::Make { min_images: 31, other: "Other".into() };
    high.heads[0].rule = HeadRule::ClassName { rule, reading: None };
    check_failure(&bench, high, FailureKind::Settings, &["head `brand`", "31 photos", "largest has 30"]);

    let bench = Bench::new(50, 0, false);
    std::fs::write(bench.input(ingest::DATASET), "{\"layout\": \"unheard-of\"}").unwrap();
    check_failure(&bench, settings(), FailureKind::Data, &["dataset.json"]);

    let bench = Bench::new(50, 0, false);
    std::fs::remove_file(bench.input(ingest::PHOTO_TABLE)).unwrap();
    check_failure(&bench, settings(), FailureKind::Data, &["photos.parquet"]);
    assert!(!Path::new(&bench.output().join(labels::LABEL_TABLE)).exists());
}
