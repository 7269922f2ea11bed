//! Groups of duplicates: together where splits are drawn, reported, dropped or refused where they leak.

mod own;

use marque_contracts::FailureKind;
use marque_contracts::schema::{Split, labels};
use marque_formats::{CropRow, DuplicateKind};
use own::{Bench, COLOUR, TAGS, numbered, row};

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
fn equal_input_gives_equal_bytes() {
    let run = || {
        let bench = paired(DuplicateKind::Near, |_| None);
        bench.run(&format!("{COLOUR}{}", TAGS.replace("kind", "column = \"colour\"\nkind"))).unwrap();
        let files = [labels::LABEL_TABLE, labels::LEAK_TABLE, labels::WEIGHT_TABLE, labels::CLASS_TABLE];
        files.map(|file| fs_err::read(bench.output(file)).unwrap())
    };
    assert_eq!(run(), run());
}
