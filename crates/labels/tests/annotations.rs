//! Annotations of the published layouts: boxes at the edge, the layout of one folder, and what is refused.

mod published;

use marque_contracts::FailureKind;
use marque_contracts::schema::{Dataset, Layout, Split, ingest, labels};
use marque_formats::{Crop, CropRow, PhotoRow};
use marque_labels::{HeadRule, Rule, Settings, read_annotations};
use marque_mat5::{Cell, Struct, Value, Variable, write};
use published::{Bench, CLASSES, annotations, count, photos, settings};

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

/// The layout of one folder, one file of annotations, and a flag for the test photos.
#[test]
fn all_photos_may_be_in_one_folder() {
    let bench = Bench::new(1, 1, true);
    fs_err::remove_dir_all(bench.input(ingest::METADATA)).unwrap();
    fs_err::create_dir_all(bench.input(ingest::METADATA)).unwrap();
    let dataset = Dataset { layout: Layout::CarIms, photos: 30 };
    fs_err::write(bench.input(ingest::DATASET), serde_json::to_vec(&dataset).unwrap()).unwrap();
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
        fs_err::write(bench.metadata("cars_annos.mat"), write(&variables).unwrap()).unwrap();
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
    settings.heads[0].rule = HeadRule::ClassName { rule, matching: None };
    settings
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
            |b| fs_err::write(b.metadata("devkit/cars_train_annos.mat"), "x").unwrap(),
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
        (|b| fs_err::remove_file(b.metadata("devkit/cars_meta.mat")).unwrap(), &["no cars_meta.mat"]),
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
    high.heads[0].rule = HeadRule::ClassName { rule, matching: None };
    check_failure(&bench, high, FailureKind::Settings, &["head `brand`", "31 photos", "largest has 30"]);

    let bench = Bench::new(50, 0, false);
    fs_err::write(bench.input(ingest::DATASET), "{\"layout\": \"unheard-of\"}").unwrap();
    check_failure(&bench, settings(), FailureKind::Data, &["dataset.json"]);

    let bench = Bench::new(50, 0, false);
    fs_err::remove_file(bench.input(ingest::PHOTO_TABLE)).unwrap();
    check_failure(&bench, settings(), FailureKind::Data, &["photos.parquet"]);
    assert!(!bench.output().join(labels::LABEL_TABLE).exists());
}

#[test]
fn names_of_photos_may_be_spelled_in_another_form() {
    let bench = Bench::new(0, 0, false);
    let row = |name: &str| {
        let mut row: Vec<Value> = [1.0, 2.0, 500.0, 400.0, 2.0].map(Value::from).into();
        row.push(name.into());
        row
    };
    let mut array = Struct::new(["bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2", "class", "fname"]);
    // Composed for decomposed, the other way round, a no-break space, and two that one photo could be.
    let annotated = [
        "Citro\u{eb}n.jpg",
        "Skoda\u{30c}.jpg",
        "BMW\u{a0}X5.jpg",
        "a\u{308}.jpg",
        "\u{e4}.jpg",
        "b.jpg",
        "c.jpg",
    ];
    annotated.iter().for_each(|name| array.push(row(name)).unwrap());
    bench.write_mat("devkit/cars_train_annos.mat", "annotations", array.into());
    let there =
        ["Citroe\u{308}n.jpg", "Skod\u{1ce}.jpg", "BMW X5.jpg", "a\u{308}\u{200b}.jpg", "b.jpg", "c.jpg"];
    let photo = |name: &&str| PhotoRow {
        file_name: format!("cars_train/{name}"),
        ..photos("cars_train", 1).next().unwrap()
    };
    bench.write_photos(there.iter().map(photo).collect());
    let summary = bench.run(Settings { test: 0.0, validation: 0.0, ..settings_of_few() }).unwrap();
    let names: Vec<_> = bench.labels().rows.into_iter().map(|row| row.file_name).collect();
    let mut expected: Vec<_> = [there[0], there[1], there[2], there[4], there[5]]
        .iter()
        .map(|name| format!("cars_train/{name}"))
        .collect();
    expected.sort();
    assert_eq!(names, expected);
    assert_eq!(summary.notes["annotations_without_photo"], 2);
    assert_eq!(summary.notes["photos_without_annotation"], 1);
}

#[test]
fn spellings_of_published_class_names_are_kept_to_be_told() {
    for (layout, file) in [(Layout::StanfordCars, "devkit/cars_meta.mat"), (Layout::CarIms, "cars_annos.mat")]
    {
        let bench = Bench::new(2, 0, false);
        let names = Cell::row(["Audi\u{200b} S4 Sedan 2007", "Ford Edge SUV 2012"].map(Value::from));
        let name_field = if layout == Layout::CarIms { "relative_im_path" } else { "fname" };
        let mut array =
            Struct::new([name_field, "bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2", "class", "test"]);
        let mut row: Vec<Value> = vec!["1.jpg".into()];
        row.extend([1.0, 1.0, 9.0, 9.0, 1.0, 0.0].map(Value::from));
        array.push(row).unwrap();
        let mut variables = vec![Variable::new("class_names", names)];
        if layout == Layout::CarIms {
            variables.push(Variable::new("annotations", array));
        } else {
            bench.write_mat("devkit/cars_train_annos.mat", "annotations", array.into());
        }
        fs_err::write(bench.metadata(file), write(&variables).unwrap()).unwrap();
        let annotations = read_annotations(layout, &bench.metadata("")).unwrap();
        assert_eq!(annotations.class_names[0].text, "Audi S4 Sedan 2007");
        let told: Vec<_> = annotations.spellings.joined().collect();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told[0].starts_with("\"Audi\\u{200b} S4 Sedan 2007\" has characters that are not seen"),
            "{told:?}"
        );
    }
}
