//! The stage on photos of the user's own: an annotation table, columns, tags, duplicates.

use std::collections::BTreeMap;
use std::path::PathBuf;

use marque_contracts::schema::{Dataset, Head, HeadKind, Layout, Split, ingest, labels};
use marque_contracts::{Digest, Failure, FailureKind, Job, Silent, Stage, Summary};
use marque_formats::{
    AnnotationRow, AnnotationTable, Column, Crop, CropRow, DuplicateKind, DuplicateRow, Frame, LabelTable,
    PhotoRow, TagColumn,
};
use marque_labels::{Labels, Settings};
use marque_settings::{Document, Reader};
use tempfile::TempDir;

/// What `ingest` would have left, and room for the output.
struct Bench {
    folder: TempDir,
}

impl Bench {
    fn new(columns: &[&str], rows: Vec<AnnotationRow>) -> Self {
        let bench = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::create_dir_all(bench.input(ingest::METADATA)).unwrap();
        std::fs::create_dir_all(bench.output("")).unwrap();
        let photos: Vec<_> = rows.iter().map(|row| photo(&row.file_name)).collect();
        PhotoRow::write(&photos, &bench.input(ingest::PHOTO_TABLE)).unwrap();
        let dataset = Dataset { layout: Layout::Table, photos: rows.len() as u64 };
        std::fs::write(bench.input(ingest::DATASET), serde_json::to_vec(&dataset).unwrap()).unwrap();
        let columns = columns.iter().map(|column| (*column).to_owned()).collect();
        AnnotationTable { columns, rows }.write(&bench.input(ingest::ANNOTATION_TABLE)).unwrap();
        bench.write_duplicates(&[]);
        bench
    }

    fn input(&self, file: &str) -> PathBuf {
        self.folder.path().join("in").join(file)
    }

    fn output(&self, file: &str) -> PathBuf {
        self.folder.path().join("out").join(file)
    }

    /// Groups of names, each with its kind.
    fn write_duplicates(&self, groups: &[(DuplicateKind, &[&str])]) {
        let row = |group: usize, kind, name: &str| DuplicateRow {
            group: group as u32,
            kind,
            file_name: name.to_owned(),
            digest: match kind {
                DuplicateKind::Identical => Digest::of_bytes(&[group as u8]),
                DuplicateKind::Near => Digest::of_bytes(name.as_bytes()),
            },
            hash: group as u64,
        };
        let rows: Vec<_> = groups
            .iter()
            .enumerate()
            .flat_map(|(group, (kind, names))| names.iter().map(move |name| row(group, *kind, name)))
            .collect();
        DuplicateRow::write(&rows, &self.input(ingest::DUPLICATE_TABLE)).unwrap();
    }

    fn run(&self, configuration: &str) -> Result<Summary, Failure> {
        let document = Document::parse("pipeline.toml", configuration).unwrap();
        let mut reader = Reader::new(&document);
        let settings = Settings::read(&mut reader);
        reader.finish().unwrap();
        let inputs = BTreeMap::from([(ingest::STAGE.to_owned(), self.folder.path().join("in"))]);
        Labels::new(settings).run(&Job::new(inputs, &self.output(""), &Silent))
    }

    fn heads(&self) -> Vec<Head> {
        serde_json::from_slice(&std::fs::read(self.output(labels::HEADS)).unwrap()).unwrap()
    }

    fn frame(&self, table: &str) -> Frame {
        Frame::read(&self.output(table)).unwrap()
    }

    /// A column of a table as text, nulls as "-".
    fn column(&self, table: &str, name: &str) -> Vec<String> {
        let frame = self.frame(table);
        let (_, column) = frame.columns().iter().find(|(column, _)| column == name).expect(name);
        let or_dash = |value: Option<String>| value.unwrap_or("-".to_owned());
        match column {
            Column::Text(values) => values.iter().cloned().map(or_dash).collect(),
            Column::Integer(values) => values.iter().map(|v| or_dash(v.map(|v| v.to_string()))).collect(),
            Column::Flag(values) => values.iter().map(|v| or_dash(v.map(|v| v.to_string()))).collect(),
            Column::TextList(values) => {
                values.iter().map(|v| or_dash(v.as_ref().map(|v| format!("[{}]", v.join(","))))).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    fn splits(&self) -> BTreeMap<String, String> {
        let names = self.column(labels::LABEL_TABLE, "file_name");
        names.into_iter().zip(self.column(labels::LABEL_TABLE, "split")).collect()
    }
}

fn photo(name: &str) -> PhotoRow {
    let digest = Digest::of_bytes(name.as_bytes());
    PhotoRow { file_name: name.to_owned(), bytes: 1000, digest, width: 640, height: 480 }
}

/// A row without split, class name or box. An empty value is null.
fn row(name: &str, values: &[&str]) -> AnnotationRow {
    let values = values.iter().map(|value| (!value.is_empty()).then(|| (*value).to_owned())).collect();
    AnnotationRow { file_name: name.to_owned(), values, ..AnnotationRow::default() }
}

fn numbered(count: usize, values: impl Fn(usize) -> Vec<&'static str>) -> Vec<AnnotationRow> {
    (0..count).map(|i| row(&format!("{i:03}.jpg"), &values(i))).collect()
}

const COLOUR: &str = "[[heads]]\nname = \"colour\"\nrule = \"column\"\n";
const TAGS: &str = "[[heads]]\nname = \"extras\"\nrule = \"column\"\nkind = \"tags\"\n";

#[test]
fn a_column_is_a_head_in_three_lines() {
    let colours = ["red", "blue", " green ", ""];
    let bench = Bench::new(&["colour", "seller"], numbered(80, |i| vec![colours[i % 4], "Smith & Sons"]));
    let summary = bench.run(COLOUR).unwrap();
    assert_eq!(summary.line, "80 photos (58 train, 6 validation, 16 test), 0 class names, heads colour (3)");
    let head = &bench.heads()[0];
    assert_eq!(
        (head.kind, head.classes.as_slice()),
        (HeadKind::Single, &["blue", "green", "red"].map(str::to_owned)[..])
    );
    let table =
        LabelTable::read(&bench.output(labels::LABEL_TABLE), &[("colour".into(), head.classes.clone())]);
    let rows = table.unwrap().rows;
    assert_eq!(
        rows[..4].iter().map(|row| row.labels[0]).collect::<Vec<_>>(),
        [Some(2), Some(0), Some(1), None]
    );
    // An unknown label is counted nowhere, and other columns come along.
    assert_eq!(head.counts.values().flatten().sum::<u64>(), 60);
    assert_eq!(bench.column(labels::LABEL_TABLE, "seller")[7], "Smith & Sons");
    assert_eq!(CropRow::read(&bench.output(labels::CROP_TABLE)).unwrap()[0].crop, None);
}

#[test]
fn rare_values_can_be_put_together_and_listed_ones_kept_in_order() {
    let values = ["red", "red", "red", "blue", "blue", "mauve"];
    let bench = Bench::new(&["colour"], numbered(36, |i| vec![values[i % 6]]));
    bench.run(&format!("{COLOUR}min_images = 7\nother = \"rare\"\n")).unwrap();
    assert_eq!(bench.heads()[0].classes, ["blue", "red", "rare"]);
    assert_eq!(
        bench.column(labels::LABEL_TABLE, "colour")[..6],
        ["red", "red", "red", "blue", "blue", "rare"]
    );
    bench.run(&format!("{COLOUR}classes = [\"red\", \"blue\"]\nother = \"rare\"\n")).unwrap();
    assert_eq!(bench.heads()[0].classes, ["red", "blue", "rare"]);
}

#[test]
fn tags_are_several_at_once_or_none_or_unknown() {
    let cells = ["roof | alloys", "none", "", "alloys|roof|alloys", "|"];
    let bench = Bench::new(&["extras"], numbered(20, |i| vec![cells[i % 5]]));
    bench.run(TAGS).unwrap();
    let head = &bench.heads()[0];
    assert_eq!(
        (head.kind, head.classes.as_slice()),
        (HeadKind::Tags, &["alloys", "roof"].map(str::to_owned)[..])
    );
    let tags = TagColumn::read(&bench.output(labels::LABEL_TABLE), "extras", &head.classes).unwrap();
    let both = Some(vec![0, 1]);
    assert_eq!(tags.rows[..5], [both.clone(), Some(vec![]), None, both, Some(vec![])]);
    assert_eq!(
        bench.column(labels::LABEL_TABLE, "extras")[..5],
        ["[alloys,roof]", "[]", "-", "[alloys,roof]", "[]"]
    );
    // Each tag counts.
    assert_eq!(head.counts.values().map(|counts| counts[1]).sum::<u64>(), 8);
    let frame = bench.frame(labels::LABEL_TABLE);
    let note: serde_json::Value = serde_json::from_str(frame.metadata("huggingface").unwrap()).unwrap();
    let feature = &note["info"]["features"]["extras_id"];
    assert_eq!(feature["_type"], "Sequence");
    assert_eq!(feature["feature"], serde_json::json!({"names": ["alloys", "roof"], "_type": "ClassLabel"}));
    assert_eq!(note["info"]["features"]["extras"]["feature"]["dtype"], "string");
    // Who asks for one class per photo is told why there is none.
    let single = [("extras".to_owned(), head.classes.clone())];
    let error = LabelTable::read(&bench.output(labels::LABEL_TABLE), &single).unwrap_err().to_string();
    assert!(error.contains("column `extras_id` has lists of classes (a head of kind = \"tags\")"), "{error}");
}

#[test]
fn a_rare_tag_keeps_photos_to_learn_from_and_a_common_one_is_held_out_in_proportion() {
    let cells = |i: usize| match i {
        7 | 40 | 93 => "roof|tow bar",
        _ => ["roof", "none", "", "roof|alloys", "alloys", "none"][i % 6],
    };
    let bench = Bench::new(&["extras"], numbered(120, |i| vec![cells(i)]));
    for seed in 0..40 {
        bench.run(&format!("[labels]\nvalidation = 0.2\ntest = 0.3\nseed = {seed}\n{TAGS}")).unwrap();
        let head = &bench.heads()[0];
        assert_eq!(head.classes, ["alloys", "roof", "tow bar"]);
        let train = &head.counts[&Split::Train];
        assert!(train[2] > 0, "seed {seed}: no training photo has the tow bar: {:?}", head.counts);
        // Alloys are the rarest but for the tow bar, so their strata give their share to the photo.
        let tested = head.counts[&Split::Test][0] as f64;
        let all: u64 = head.counts.values().map(|counts| counts[0]).sum();
        assert!((tested - 0.3 * all as f64).abs() <= 1.0, "seed {seed}: {tested} of {all}");
    }
}

#[test]
fn keywords_can_be_tags_of_a_class_name() {
    let names = [
        "Rolls-Royce Phantom Drophead Coupe Convertible 2012",
        "Honda Odyssey Minivan 2007",
        "Buick Regal GS 2012",
    ];
    let rows = (0..9)
        .map(|i| AnnotationRow { class_name: Some(names[i % 3].into()), ..row(&format!("{i}.jpg"), &[]) });
    let bench = Bench::new(&[], rows.collect());
    let heads = "[[heads]]\nname = \"style\"\nrule = \"keyword\"\nkind = \"tags\"\nclasses = [\"Van\", \"Coupe\", \"Convertible\"]\n";
    bench.run(heads).unwrap();
    assert_eq!(bench.column(labels::LABEL_TABLE, "style")[..3], ["[Coupe,Convertible]", "[Van]", "[]"]);
    bench.run(&format!("{heads}match = \"substring\"\n")).unwrap();
    assert_eq!(bench.column(labels::LABEL_TABLE, "style")[1], "[]");
}

#[test]
fn make_model_body_and_year_may_be_columns() {
    let rows = vec![
        row("a.jpg", &["Land Rover", "Defender", "1998.0"]),
        row("b.jpg", &["", "", "2015"]),
        row("c.jpg", &["", "", ""]),
        AnnotationRow { class_name: Some("Audi S4 Sedan 2007".into()), ..row("d.jpg", &["", "", "2008"]) },
        AnnotationRow { class_name: Some("Audi S4 Sedan 2007".into()), ..row("e.jpg", &["", "", ""]) },
    ];
    let bench = Bench::new(&["make", "model", "year"], rows);
    let heads = "[labels]\ntest = 0.0\nvalidation = 0.0\n[[heads]]\nname = \"brand\"\nrule = \"make\"\nmin_images = 1\n\
                 [[heads]]\nname = \"era\"\nrule = \"year\"\nbreaks = [2007]\n\
                 [[heads]]\nname = \"line\"\nrule = \"column\"\ncolumn = \"model\"\n";
    bench.run(heads).unwrap();
    let column = |name| bench.column(labels::LABEL_TABLE, name);
    assert_eq!(
        column("class_name"),
        ["Land Rover Defender 1998", "2015", "-", "Audi S4 Sedan 2007", "Audi S4 Sedan 2007"]
    );
    assert_eq!(column("brand"), ["Land Rover", "-", "-", "Audi", "Audi"]);
    assert_eq!(column("year"), ["1998", "2015", "-", "2008", "2007"]);
    assert_eq!(
        column("era"),
        ["2007 and earlier", "2008 and later", "-", "2008 and later", "2007 and earlier"]
    );
    assert_eq!(
        column("line"),
        ["Defender", "-", "-", "S4", "S4"],
        "the name says what the column leaves open"
    );
}

#[test]
fn folder_names_can_be_classes() {
    let rows = (0..12).map(|i| {
        let class = ["sedan", "suv"][i % 2];
        AnnotationRow { class_name: Some(class.into()), ..row(&format!("{i:02}-{class}.jpg"), &[]) }
    });
    let bench = Bench::new(&[], rows.collect());
    bench.run("[[heads]]\nname = \"shape\"\nrule = \"column\"\ncolumn = \"class_name\"\n").unwrap();
    assert_eq!(bench.heads()[0].classes, ["sedan", "suv"]);
}

#[test]
fn splits_of_the_tables_own_are_kept_and_completed() {
    let given = |split: Option<Split>| {
        (0..40).map(move |i| AnnotationRow { split, ..row(&format!("{split:?}-{i:02}.jpg"), &["red"]) })
    };
    let rows = |splits: &[Option<Split>]| {
        let mut rows: Vec<_> = splits.iter().flat_map(|split| given(*split)).collect();
        rows.sort_by(|a, b| a.file_name.cmp(&b.file_name));
        rows
    };
    let counts = |rows, configuration: &str| {
        let bench = Bench::new(&["colour"], rows);
        bench.run(configuration).unwrap();
        let splits = bench.splits();
        ["train", "validation", "test"].map(|split| splits.values().filter(|word| *word == split).count())
    };
    let config = format!("[labels]\nvalidation = 0.25\ntest = 0.5\n{COLOUR}");
    let [train, validation, test] = Split::ALL.map(Some);
    assert_eq!(counts(rows(&[train, validation, test]), &config), [40, 40, 40]);
    assert_eq!(counts(rows(&[train, test]), &config), [30, 10, 40]);
    assert_eq!(counts(rows(&[None, test]), &config), [30, 10, 40]);
    assert_eq!(counts(rows(&[None]), &config), [15, 5, 20]);
    // Drawn anew, whatever the table says.
    let anew = config.replace("[labels]", "[labels]\nsplit = \"stratified\"");
    assert_eq!(counts(rows(&[train, test]), &anew), [30, 10, 40]);
}

/// 60 photos of which 000 and 001, 002 and 003, … are duplicates; the last pair disagrees about its colour.
fn paired(kind: DuplicateKind, split: impl Fn(usize) -> Option<Split>) -> Bench {
    let mut rows = numbered(60, |i| vec![if i == 59 { "blue" } else { "red" }]);
    rows.push(row("060.jpg", &["blue"]));
    rows.push(row("061.jpg", &["blue"]));
    rows.iter_mut().enumerate().for_each(|(i, row)| row.split = split(i));
    let names: Vec<String> = rows.iter().map(|row| row.file_name.clone()).collect();
    let bench = Bench::new(&["colour"], rows);
    let pairs: Vec<[&str; 2]> = (0..30).map(|i| [names[2 * i].as_str(), names[2 * i + 1].as_str()]).collect();
    let groups: Vec<(DuplicateKind, &[&str])> = pairs.iter().map(|pair| (kind, pair.as_slice())).collect();
    bench.write_duplicates(&groups);
    bench
}

#[test]
fn duplicates_stay_together_where_splits_are_drawn() {
    let bench = paired(DuplicateKind::Identical, |_| None);
    for split in ["official", "grouped"] {
        bench.run(&format!("[labels]\nsplit = \"{split}\"\n{COLOUR}")).unwrap();
        let splits = bench.splits();
        for i in 0..30 {
            let of = |i: usize| &splits[&format!("{i:03}.jpg")];
            assert_eq!(of(2 * i), of(2 * i + 1), "{split}");
        }
        assert_eq!(bench.column(labels::LEAK_TABLE, "crosses"), ["-", "-"], "{split}");
    }
    let summary = bench.run(&format!("[labels]\nsplit = \"stratified\"\n{COLOUR}")).unwrap();
    assert!(summary.notes["groups_across_splits"].as_u64().unwrap() > 3, "{:?}", summary.notes);
}

#[test]
fn leaks_are_told_with_what_is_wrong() {
    let crossing = |i: usize| Some(if i == 1 || i == 59 { Split::Test } else { Split::Train });
    let bench = paired(DuplicateKind::Identical, crossing);
    let summary = bench.run(&format!("[labels]\nvalidation = 0.0\n{COLOUR}")).unwrap();
    assert_eq!(summary.notes["groups_across_splits"], 2);
    assert_eq!(summary.notes["photos_dropped"], 0);
    let column = |name| bench.column(labels::LEAK_TABLE, name);
    assert_eq!(column("file_name"), ["000.jpg", "001.jpg", "058.jpg", "059.jpg"]);
    assert_eq!(column("group"), ["0", "0", "29", "29"]);
    assert_eq!(column("split"), ["train", "test", "train", "test"]);
    assert_eq!(column("labels")[2..], ["colour: red", "colour: blue"]);
    assert_eq!(column("crosses"), ["train+test"; 4]);
    assert_eq!(column("contradicts")[1..3], ["-", "colour (blue / red)"]);
    assert_eq!(column("dropped"), ["false"; 4]);
    assert_eq!(bench.splits().len(), 62);
}

#[test]
fn leaking_photos_can_be_dropped_from_training_but_never_from_the_test_split() {
    let split = |i: usize| {
        Some(match i {
            1 | 59 => Split::Test,
            3 | 58 => Split::Validation,
            _ => Split::Train,
        })
    };
    let bench = paired(DuplicateKind::Near, split);
    let drop = format!("[labels]\non_leak = \"drop-from-train\"\n{COLOUR}");
    let summary = bench.run(&drop).unwrap();
    assert_eq!(summary.notes["photos_dropped"], 3);
    let splits = bench.splits();
    // 000 repeats a test photo, 002 a validation photo; 058 is for validation and repeats a test photo.
    for gone in ["000.jpg", "002.jpg", "058.jpg"] {
        assert!(!splits.contains_key(gone), "{gone}");
    }
    assert_eq!((splits["001.jpg"].as_str(), splits["003.jpg"].as_str()), ("test", "validation"));
    assert_eq!(
        bench.column(labels::LEAK_TABLE, "dropped"),
        ["true", "false", "true", "false", "true", "false"]
    );
    // Their pixels may be there already: the boxes do not change with what is dropped.
    assert_eq!(CropRow::read(&bench.output(labels::CROP_TABLE)).unwrap().len(), 62);
    // Near duplicates are none if only identical ones count.
    let identical = drop.replace("[labels]", "[labels]\nduplicates = \"identical\"");
    assert_eq!(bench.run(&identical).unwrap().notes["photos_dropped"], 0);
}

#[test]
fn leaks_can_stop_the_stage() {
    let crossing = |i: usize| Some(if i % 2 == 1 { Split::Test } else { Split::Train });
    let bench = paired(DuplicateKind::Identical, crossing);
    let failure = bench.run(&format!("[labels]\non_leak = \"error\"\n{COLOUR}")).unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Data);
    let said = failure.to_string();
    assert!(
        said.starts_with("30 groups of duplicate photos cross the splits, as 000.jpg, 001.jpg"),
        "{said}"
    );
    assert!(failure.hint().unwrap().contains("drop-from-train"));
    let clean = paired(DuplicateKind::Identical, |i| Some(if i < 20 { Split::Test } else { Split::Train }));
    clean.run(&format!("[labels]\nvalidation = 0.0\non_leak = \"error\"\n{COLOUR}")).unwrap();
}

#[test]
fn boxes_of_the_table_that_fit_are_taken_as_they_are() {
    let crop = Some(Crop { x1: 0, y1: 3, x2: 600, y2: 470 });
    let bench = Bench::new(&["colour"], vec![AnnotationRow { crop, ..row("a.jpg", &["red"]) }]);
    bench.run(COLOUR).unwrap();
    assert_eq!(CropRow::read(&bench.output(labels::CROP_TABLE)).unwrap()[0].crop, crop);
}

#[test]
fn weights_are_a_table_of_their_own() {
    let bench = Bench::new(&["colour"], numbered(40, |i| vec![if i % 4 == 0 { "red" } else { "blue" }]));
    bench.run(&format!("[labels]\nvalidation = 0.0\ntest = 0.0\n{COLOUR}")).unwrap();
    let frame = bench.frame(labels::WEIGHT_TABLE);
    let numbers = |name: &str| match frame.columns().iter().find(|(column, _)| column == name) {
        Some((_, Column::Number(values))) => values.iter().flatten().copied().collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(bench.column(labels::WEIGHT_TABLE, "class"), ["blue", "red"]);
    assert_eq!(bench.column(labels::WEIGHT_TABLE, "train_photos"), ["30", "10"]);
    assert_eq!(numbers("none"), [1.0, 1.0]);
    assert!((numbers("inverse")[1] - 2.0).abs() < 1e-12);
    for (weight, expected) in numbers("effective").iter().zip(&bench.heads()[0].class_weights.effective) {
        assert!((weight - expected).abs() < 1e-12);
    }
}

#[test]
fn what_cannot_be_is_refused_with_head_photo_and_value() {
    let refused = |columns: &[&str], values: &[&str], configuration: &str, parts: &[&str]| {
        let bench = Bench::new(columns, vec![row("a.jpg", values), row("b.jpg", values)]);
        let failure = bench.run(configuration).unwrap_err();
        let said = format!(
            "{failure}: {:?}: {:?}",
            std::error::Error::source(&failure).map(ToString::to_string),
            failure.hint()
        );
        for part in parts {
            assert!(said.contains(part), "{said} lacks {part}");
        }
    };
    refused(
        &["color"],
        &["red"],
        COLOUR,
        &["head `colour`", "no column `colour`", "color, class_name", "`column`"],
    );
    refused(&["colour"], &[""], COLOUR, &["head `colour`", "empty in every photo"]);
    refused(
        &["colour"],
        &["gren"],
        &format!("{COLOUR}classes = [\"green\"]\n"),
        &["a.jpg has \"gren\"", "`other`"],
    );
    refused(
        &["extras"],
        &["roof|alloy"],
        &format!("{TAGS}classes = [\"roof\", \"alloys\"]\n"),
        &["a.jpg has \"alloy\""],
    );
    let rare = format!("{COLOUR}min_images = 3\nother = \"rare\"\n");
    refused(&["colour"], &["red"], &rare, &["has 3 photos", "largest has 2", "set min_images"]);
    let year = "[[heads]]\nname = \"era\"\nrule = \"year\"\nbreaks = [2009]\n";
    let parts =
        ["`year` of your table", "a.jpg: \"about 2010\"", "b.jpg: ", "1885 to 2100", "correct these cells"];
    refused(&["year"], &["about 2010"], year, &parts);
    refused(&["year"], &["12"], year, &["a.jpg: \"12\""]);
}

#[test]
fn columns_of_class_name_parts_see_what_the_class_name_says() {
    let named = |name: &str, class: &str, year: &str| AnnotationRow {
        class_name: Some(class.to_owned()),
        ..row(name, &[year])
    };
    let rows = vec![
        named("a.jpg", "Audi S4 Sedan 2007", ""),
        named("b.jpg", "Audi S4 Sedan 2007", "2012.0"),
        row("c.jpg", &[""]),
    ];
    let bench = Bench::new(&["year"], rows);
    bench.run("[[heads]]\nname = \"built\"\nrule = \"column\"\ncolumn = \"year\"\n").unwrap();
    assert_eq!(bench.heads()[0].classes, ["2007", "2012"]);
    assert_eq!(bench.column(labels::LABEL_TABLE, "built"), ["2007", "2012", "-"]);
}

#[test]
fn equal_input_gives_equal_bytes() {
    let run = || {
        let bench = paired(DuplicateKind::Near, |_| None);
        bench.run(&format!("{COLOUR}{}", TAGS.replace("kind", "column = \"colour\"\nkind"))).unwrap();
        let files = [labels::LABEL_TABLE, labels::LEAK_TABLE, labels::WEIGHT_TABLE, labels::CLASS_TABLE];
        files.map(|file| std::fs::read(bench.output(file)).unwrap())
    };
    assert_eq!(run(), run());
}
