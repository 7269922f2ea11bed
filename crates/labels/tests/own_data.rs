//! The stage on data of the user's own: heads from columns, tags, parts of class names, splits.

mod own;

use marque_contracts::schema::{Head, HeadKind, Label, Split, labels};
use marque_formats::{AnnotationRow, CellValue, Column, Crop, CropRow, LabelTable};
use own::{Bench, COLOUR, TAGS, numbered, row};

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
    let rows = LabelTable::read(&bench.output(labels::LABEL_TABLE), &bench.heads()).unwrap().rows;
    let labels: Vec<_> = rows[..4].iter().map(|row| row.labels[0].class()).collect();
    assert_eq!(labels, [Some(2), Some(0), Some(1), None]);
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
    let rows = LabelTable::read(&bench.output(labels::LABEL_TABLE), &bench.heads()).unwrap().rows;
    let tags: Vec<_> = rows[..5].iter().map(|row| row.labels[0].clone()).collect();
    let (both, none) = (Label::Tags(vec![0, 1]), Label::Tags(vec![]));
    assert_eq!(tags, [both.clone(), none.clone(), Label::Unknown, both, none]);
    assert_eq!(
        bench.column(labels::LABEL_TABLE, "extras")[..5],
        ["[alloys,roof]", "[]", "-", "[alloys,roof]", "[]"]
    );
    // Each tag counts.
    assert_eq!(head.counts.values().map(|counts| counts[1]).sum::<u64>(), 8);
    let table = bench.table(labels::LABEL_TABLE);
    let note: serde_json::Value = serde_json::from_str(table.metadata("huggingface").unwrap()).unwrap();
    let feature = &note["info"]["features"]["extras_id"];
    assert_eq!(feature["_type"], "Sequence");
    assert_eq!(feature["feature"], serde_json::json!({"names": ["alloys", "roof"], "_type": "ClassLabel"}));
    assert_eq!(note["info"]["features"]["extras"]["feature"]["dtype"], "string");
    // Who asks for one class per photo is told why there is none.
    let single = [Head::new("extras", HeadKind::Single, head.classes.clone())];
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
    let table = bench.table(labels::WEIGHT_TABLE);
    let numbers = |name: &str| match table.column(name) {
        Some(Column::Number(values)) => values.iter().flatten().copied().collect::<Vec<_>>(),
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

fn listed(count: usize, tags: &[Option<&[&str]>]) -> Vec<AnnotationRow> {
    let list = |tags: &[&str]| CellValue::List(tags.iter().map(|tag| (*tag).to_owned()).collect());
    let cell = |i: usize| tags[i % tags.len()].map(list);
    let row = |i| AnnotationRow { values: vec![cell(i)], ..row(&format!("{i:03}.jpg"), &[]) };
    (0..count).map(row).collect()
}

#[test]
fn lists_of_tags_are_lists_whatever_the_words_for_texts_are() {
    let tags: [Option<&[&str]>; 5] =
        [Some(&["roof", "air, conditioned"]), Some(&[]), None, Some(&["none"]), Some(&[" roof", "a|b"])];
    for (syntax, fourth) in [
        ("", "[]"),
        ("delimiter = \",\"\n", "[]"),
        ("delimiter = \" \"\n", "[]"),
        ("none = \"keine\"\n", "[none]"),
    ] {
        let bench = Bench::new(&["extras"], listed(20, &tags));
        bench.run(&format!("{TAGS}{syntax}")).unwrap();
        assert_eq!(
            bench.column(labels::LABEL_TABLE, "extras")[..5],
            ["[air, conditioned,roof]", "[]", "-", fourth, "[a|b,roof]"],
            "{syntax}"
        );
    }
    // The column is a list in the label table too, if no head shows it.
    let bench = Bench::new(&["extras"], listed(20, &tags));
    let keyword = "[[heads]]\nname = \"type\"\nrule = \"column\"\ncolumn = \"extras\"\nkind = \"tags\"\n";
    bench.run(keyword).unwrap();
    assert_eq!(bench.column(labels::LABEL_TABLE, "extras")[1..5], ["[]", "-", "[none]", "[roof,a|b]"]);
}

#[test]
fn a_list_of_one_is_a_class_and_one_of_several_is_refused() {
    let bench = Bench::new(&["colour"], listed(20, &[Some(&["red"]), Some(&[]), None, Some(&["blue"])]));
    bench.run(COLOUR).unwrap();
    assert_eq!(bench.column(labels::LABEL_TABLE, "colour")[..4], ["red", "-", "-", "blue"]);
    let bench = Bench::new(&["colour"], listed(4, &[Some(&["red", "blue"])]));
    let failure = bench.run(COLOUR).unwrap_err();
    let source = std::error::Error::source(&failure).map(ToString::to_string);
    let said = format!("{failure} {source:?}");
    assert!(said.contains("000.jpg has several values in the column `colour`: red, blue"), "{said}");
    assert!(failure.hint().unwrap().contains("kind = \"tags\""), "{:?}", failure.hint());
}

/// Spellings of one name that look alike.
const CITROEN: [&str; 6] = [
    "Citro\u{eb}n C3",
    "Citroe\u{308}n C3",
    "Citro\u{eb}n\u{a0}C3",
    " Citro\u{eb}n  C3",
    "Citro\u{eb}n\u{200b} C3",
    "\u{202a}Citroe\u{308}n C3\u{202c}",
];

#[test]
fn names_that_look_alike_are_one_class_wherever_they_stand() {
    let class_names = || {
        let class = |i: usize| Some(format!("{} Coupe\u{301} 2012", CITROEN[i % 6]));
        (0..24).map(|i| AnnotationRow { class_name: class(i), ..row(&format!("{i:02}.jpg"), &[]) }).collect()
    };
    let one = "Citro\u{eb}n C3";
    // Values of a column.
    let bench = Bench::new(&["colour"], numbered(24, |i| vec![CITROEN[i % 6]]));
    bench.run(COLOUR).unwrap();
    assert_eq!(bench.heads()[0].classes, [one]);
    // Classes and others that the configuration lists.
    for spelled in CITROEN {
        bench.run(&format!("{COLOUR}classes = [\"{spelled}\", \"BMW\"]\nother = \"Other\"\n")).unwrap();
        assert_eq!(bench.heads()[0].classes, [one, "BMW", "Other"], "{spelled:?}");
        assert!(bench.column(labels::LABEL_TABLE, "colour").iter().all(|class| class == one), "{spelled:?}");
    }
    // Tags in texts, and the word for none of them.
    let cells = CITROEN.map(|name| format!("roof|{name}"));
    let rows = (0..24).map(|i| match i % 7 {
        6 => row(&format!("{i:02}.jpg"), &["keine\u{200b}"]),
        at => row(&format!("{i:02}.jpg"), &[cells[at].as_str()]),
    });
    let bench = Bench::new(&["extras"], rows.collect());
    bench.run(&format!("{TAGS}none = \"keine \"\n")).unwrap();
    assert_eq!(bench.heads()[0].classes, [one, "roof"]);
    assert_eq!(bench.column(labels::LABEL_TABLE, "extras")[6], "[]");
    // Class names, and keywords in them.
    let bench = Bench::new(&[], class_names());
    bench
        .run("[[heads]]\nname = \"type\"\nrule = \"keyword\"\nclasses = [\"Coup\u{e9}\", \"SUV\"]\n")
        .unwrap();
    assert_eq!(bench.column(labels::CLASS_TABLE, "class_name"), ["Citro\u{eb}n C3 Coup\u{e9} 2012"]);
    assert!(bench.column(labels::LABEL_TABLE, "type").iter().all(|class| class == "Coup\u{e9}"));
    // Parts of class names.
    let bench = Bench::new(&["make"], numbered(24, |i| vec![CITROEN[i % 6]]));
    bench.run("[[heads]]\nname = \"brand\"\nrule = \"make\"\nmin_images = 5\n").unwrap();
    assert_eq!(bench.heads()[0].classes, [one, "Other"]);
    // The name of a column.
    let bench = Bench::new(&["Farbto\u{308}ne"], numbered(24, |_| vec!["red"]));
    bench.run("[[heads]]\nname = \"colour\"\nrule = \"column\"\ncolumn = \"Farbt\u{f6}ne \"\n").unwrap();
    // A text without any character that is seen says nothing.
    let bench = Bench::new(&["colour"], numbered(24, |i| vec![["red", "\u{200b}"][i % 2]]));
    bench.run(COLOUR).unwrap();
    assert_eq!(bench.column(labels::LABEL_TABLE, "colour")[..2], ["red", "-"]);
}

#[test]
fn tags_may_be_separated_by_line_breaks() {
    let bench = Bench::new(&["extras"], numbered(20, |_| vec!["roof\nalloys"]));
    bench.run(&format!("{TAGS}delimiter = \"\\n\"\n")).unwrap();
    assert_eq!(bench.heads()[0].classes, ["alloys", "roof"]);
}
