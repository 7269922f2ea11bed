//! The page and the table, from predictions made up here.

use std::collections::BTreeMap;

use image::{DynamicImage, GenericImageView, Rgb, RgbImage};
use marque_contracts::schema::{Head, HeadKind, Label, Split};
use marque_evaluate::{
    Error, PhotoCard, Report, Settings, Suspects, Thumbnail, confident_mistakes, sample, write_predictions,
};
use marque_formats::{Column, EpochRow, HeadEpoch, Table};
use marque_metrics::{Metrics, Predictions};
use marque_network::Precision;
use marque_photo::Budget;
use marque_settings::{Document, Reader};

const ODD: &str = "<b>&\"'";

/// Heads with three classes each; photo `i` is of class `i % 3`, and every seventh prediction is wrong if asked.
fn predictions(heads: &[&str], mistakes: bool) -> Predictions {
    let names = (0..30).map(|i| format!("cars_test/{i:05}.jpg")).collect();
    let mut predictions = Predictions::new(Split::Test, names);
    for name in heads {
        let labels = (0..30).map(|i| (i != 29).then_some(i % 3).into()).collect();
        let mut logits = Vec::new();
        for i in 0..30 {
            let predicted = if mistakes && i % 7 == 0 { (i + 1) % 3 } else { i % 3 };
            logits.extend((0..3).map(|class| if class == predicted { 1.0 + i as f32 / 10.0 } else { 0.0 }));
        }
        let head = Head::new(*name, HeadKind::Single, vec![ODD.into(), "b".into(), "c".into()]);
        let counts = Split::ALL.into_iter().map(|split| (split, vec![4, 3, 2])).collect::<BTreeMap<_, _>>();
        predictions.add(Head { counts, ..head }, labels, logits).unwrap();
    }
    predictions
}

fn heads(predictions: &Predictions) -> Vec<Head> {
    predictions.heads().iter().map(|head| head.head().clone()).collect()
}

fn history(names: &[&str], epochs: u32) -> Vec<EpochRow> {
    let head = |name: &&str| HeadEpoch {
        name: (*name).to_owned(),
        train_accuracy: Some(0.8),
        validation_accuracy: Some(0.9),
        validation_macro_f1: Some(0.7),
        ..HeadEpoch::default()
    };
    (1..=epochs)
        .map(|epoch| EpochRow {
            epoch,
            learning_rate: 0.1,
            train_loss: 1.0 / f64::from(epoch),
            validation_loss: Some(1.2 / f64::from(epoch)),
            kept: false,
            heads: names.iter().map(head).collect(),
            ..EpochRow::default()
        })
        .collect()
}

fn page(names: &[&str], mistakes: bool, epochs: u32) -> String {
    let predictions = predictions(names, mistakes);
    render(&predictions, &heads(&predictions), &history(names, epochs))
}

fn render(predictions: &Predictions, heads: &[Head], history: &[EpochRow]) -> String {
    let metrics = Metrics::measure(predictions);
    let photo = DynamicImage::ImageRgb8(RgbImage::from_pixel(30, 20, Rgb([200, 30, 30])));
    let card = |photo_id| PhotoCard::new(predictions, photo_id, Thumbnail::of_image(&photo).unwrap());
    let cards = |photos: Vec<usize>| photos.into_iter().map(card).collect::<Vec<_>>();
    let report = Report {
        metrics: &metrics,
        heads,
        history,
        best_epoch: Some(1),
        network: "ResNet18",
        facts: &[("Backbone".to_owned(), ODD.to_owned())],
        note: Some(ODD),
        sample: &cards(sample(predictions, 5)),
        mistakes: &cards(confident_mistakes(predictions, 3)),
        suspects: &Suspects::default(),
    };
    report.render().unwrap()
}

/// Checks that tags open and close in order. The page writes void elements without a slash, SVG ones with.
fn check_nesting(page: &str) {
    const VOID: [&str; 3] = ["meta", "img", "!doctype"];
    let (_, body) = page.split_once("</style>").unwrap();
    let mut open = vec!["html", "head"];
    for part in body.split('<').skip(1) {
        let (tag, _) = part.split_once('>').unwrap_or_else(|| panic!("no end of tag: {part}"));
        let name = tag.trim_start_matches('/').split([' ', '/', '\n']).next().unwrap();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name));
        } else if !tag.ends_with('/') && !VOID.contains(&name) {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn every_number_of_heads_makes_a_whole_page() {
    let names: Vec<String> = (0..10).map(|i| format!("head {i}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for count in [1, 2, 3, 10] {
        let page = page(&names[..count], true, 4);
        check_nesting(&page);
        assert_eq!(page.matches("<svg class=\"matrix\"").count(), count);
        assert_eq!(page.matches("<svg class=\"chart reliability\"").count(), count);
        assert_eq!(page.matches("<svg class=\"chart\"").count(), count + 1);
        assert_eq!(page.matches("<svg class=\"chart coverage\"").count(), count);
        assert_eq!(page.matches("<figure class=\"photo").count(), 8);
    }
}

/// Heads with tags have no confusion matrix, but a gauge, a section and lines on the photos like all others.
#[test]
fn a_head_with_tags_has_its_section() {
    let mut predictions = predictions(&["brand"], true);
    let labels = (0..30).map(|i| Label::Tags((0..i % 3).collect())).collect();
    let logits = (0..90).map(|i| if i % 3 < i / 3 % 3 { 2.0 } else { -2.0 }).collect();
    let head = Head::new("extras", HeadKind::Tags, vec!["roof".into(), "alloys".into(), ODD.into()]);
    predictions.add(head, labels, logits).unwrap();
    let page = render(&predictions, &heads(&predictions), &history(&["brand", "extras"], 2));
    check_nesting(&page);
    assert!(page.contains("of the test photos with every label have both answers right"));
    assert!(page.contains("<p>3 tags, 100% exactly right, micro-F1 1.000, mean AUROC 1.000</p>"));
    assert!(page.contains("always “<bdi>none</bdi>” reaches 33.3%"));
    assert!(page.contains("<span class=\"answer\">roof, alloys</span>"));
    assert!(page.contains("mAP its mean over the tags"));
    let columns = ["<th class=\"number\">Photos</th>", "Tag balance", ">AP</th>", "<svg class=\"matrix\""];
    assert_eq!(columns.map(|part| page.matches(part).count()), [2, 1, 1, 1]);
}

#[test]
fn names_are_text_wherever_they_stand() {
    let page = page(&[ODD, "type"], true, 2);
    check_nesting(&page);
    assert!(!page.contains("<b>&"), "a name was not escaped");
    assert!(page.matches("&#60;b&#62;&#38;&#34;&#39;").count() > 20);
}

/// A name that turns the direction of what follows it turns nothing else.
#[test]
fn names_turn_nothing_else_around() {
    let mut predictions = Predictions::new(Split::Test, vec!["\u{202e}gpj.exe".into(), "b.jpg".into()]);
    let classes = vec!["x\u{202e}y".into(), "سيارة".into()];
    let logits = vec![1.0, 0.0, 1.0, 0.0];
    let head = Head::new("brand", HeadKind::Single, classes);
    predictions.add(head, vec![Label::Class(0), Label::Class(1)], logits).unwrap();
    let page = render(&predictions, &heads(&predictions), &history(&["brand"], 2));
    assert!(!page.contains('\u{202e}'));
    assert!(page.contains("\\u202egpj.exe") && page.contains("x\\u202ey"));
    assert!(page.contains("<bdi>سيارة</bdi>") && page.contains("unicode-bidi: isolate"));
}

/// What stands over something is printed on the same sheet.
#[test]
fn headings_are_printed_with_what_they_are_over() {
    let page = page(&["brand"], true, 2);
    let print = page.split("@media print {").nth(1).unwrap().split("</style>").next().unwrap();
    let together: Vec<_> = print.lines().filter(|line| line.contains("break-after: avoid")).collect();
    for heading in [".heading", "h2", "h3"] {
        assert!(together.iter().any(|line| line.contains(heading)), "{heading}");
    }
}

/// Nothing is said of photos without a label.
#[test]
fn photos_without_labels_are_not_counted() {
    for (labelled, said) in [
        ([8, 8], ["measured on 8 photos", "of test photos have both"]),
        ([5, 5], ["measured on 5 of 8 photos", "of the test photos with every label have both"]),
        (
            [5, 7],
            ["measured on 5 to 7 of 8 photos, by head", "of the test photos with every label have both"],
        ),
    ] {
        let names = (0..8).map(|i| format!("{i}.jpg")).collect();
        let mut predictions = Predictions::new(Split::Test, names);
        for (name, labelled) in ["brand", "type"].into_iter().zip(labelled) {
            let labels = (0..8).map(|i| (i < labelled).then_some(0).into()).collect();
            let head = Head::new(name, HeadKind::Single, vec!["a".into(), "b".into()]);
            predictions.add(head, labels, [1.0, 0.0].repeat(8)).unwrap();
        }
        let page = render(&predictions, &heads(&predictions), &history(&["brand", "type"], 1));
        for part in said {
            assert!(page.contains(part), "{labelled:?}: {part}");
        }
        assert!(page.contains(&format!("<p>{0} of {0} photos</p>", labelled[0])), "{labelled:?}");
    }
}

#[test]
fn the_page_needs_nothing_else() {
    let page = page(&["brand", "type"], true, 3);
    for sign in ["http:", "https:", "<script", "<link", "@import", "url("] {
        assert!(!page.contains(sign), "{sign}");
    }
    assert_eq!(page.matches("src=\"").count(), page.matches("src=\"data:image/jpeg;base64,").count());
    assert_eq!(page, self::page(&["brand", "type"], true, 3));
}

#[test]
fn no_mistakes_are_good_news() {
    let page = page(&["brand"], false, 1);
    check_nesting(&page);
    assert!(page.contains("100% of the labelled test photos have the brand right"));
    assert!(page.contains("every answer agrees with its label"));
}

#[test]
fn a_page_without_labels_or_history_says_so() {
    let mut predictions = Predictions::new(Split::Test, vec!["a.jpg".into()]);
    let head = Head::new("x", HeadKind::Single, vec!["one".into()]);
    predictions.add(head, vec![Label::Unknown], vec![0.5]).unwrap();
    let metrics = Metrics::measure(&predictions);
    let report = Report {
        metrics: &metrics,
        heads: &heads(&predictions),
        history: &[],
        best_epoch: None,
        network: "ResNet18",
        facts: &[],
        note: None,
        sample: &[],
        mistakes: &[],
        suspects: &Suspects::default(),
    };
    let page = report.render().unwrap();
    check_nesting(&page);
    assert!(page.contains("No test photo has every label"));
    assert!(!page.contains("NaN"));
}

#[test]
fn without_validation_photos_nothing_is_said_of_them() {
    let predictions = predictions(&["brand"], true);
    let mut heads = heads(&predictions);
    let mut history = history(&["brand"], 3);
    let page = render(&predictions, &heads, &history);
    assert!(page.contains("curve validation") && page.contains("</i>validation"));
    assert!(page.contains(">Validation</th>"));
    for row in &mut history {
        row.validation_loss = None;
        for head in &mut row.heads {
            (head.validation_loss, head.validation_accuracy, head.validation_macro_f1) = (None, None, None);
        }
    }
    heads[0].counts.insert(Split::Validation, vec![0; 3]);
    let page = render(&predictions, &heads, &history);
    let (_, body) = page.split_once("</style>").unwrap();
    assert!(!body.to_lowercase().contains("validation"), "{body}");
    check_nesting(&page);
}

#[test]
fn mistakes_are_ordered_by_confidence() {
    let predictions = predictions(&["brand"], true);
    // Photos 0, 7, 14, 21, 28 are wrong; the later, the surer.
    assert_eq!(confident_mistakes(&predictions, 3), [28, 21, 14]);
    assert_eq!(confident_mistakes(&predictions, 99).len(), 5);
    let drawn = sample(&predictions, 99);
    assert_eq!(drawn.len(), 29, "the photo without a label is not shown");
    assert_eq!(sample(&predictions, 4), drawn[..4]);
}

#[test]
fn predictions_round_trip() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    let predictions = predictions(&["brand", "type"], true);
    write_predictions(&predictions, &one).unwrap();
    write_predictions(&predictions, &two).unwrap();
    assert_eq!(std::fs::read(&one).unwrap(), std::fs::read(&two).unwrap());

    let frame = Table::read(&one).unwrap();
    let names: Vec<_> = frame.columns().iter().map(|(name, _)| name.as_str()).collect();
    let expected = [
        "file_name",
        "split",
        "duplicate_group",
        "familiarity",
        "brand",
        "brand_predicted",
        "brand_probability",
        "brand_probabilities",
        "brand_right",
        "type",
        "type_predicted",
        "type_probability",
        "type_probabilities",
        "type_right",
    ];
    assert_eq!(names, expected);
    assert_eq!(frame.rows(), 30);
    let column = |name: &str| &frame.columns().iter().find(|(column, _)| column == name).unwrap().1;
    let Column::Text(labels) = column("type") else { panic!("label is not text") };
    let Column::Text(predicted) = column("type_predicted") else { panic!("prediction is not text") };
    let Column::Flag(right) = column("type_right") else { panic!("right is not a flag") };
    for photo in 0..30 {
        assert_eq!(
            right[photo],
            labels[photo].as_ref().map(|label| Some(label) == predicted[photo].as_ref())
        );
    }
    assert_eq!(
        (labels[0].as_deref(), predicted[0].as_deref(), right[0]),
        (Some(ODD), Some("b"), Some(false))
    );
    assert_eq!((labels[29].as_deref(), right[29]), (None, None));
}

#[test]
fn tags_are_lists_in_the_table() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table");
    let mut predictions = Predictions::new(Split::Test, vec!["a.jpg".into(), "b.jpg".into()]);
    let head = Head::new("extras", HeadKind::Tags, vec!["roof".into(), "alloys".into()]);
    predictions.add(head, vec![Label::Tags(vec![]), Label::Unknown], vec![-3.0, -3.0, 0.0, 1.0]).unwrap();
    write_predictions(&predictions, &path).unwrap();
    let names = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
    let text = |text: &str| Some(text.to_owned());
    let extras = |photo| predictions.heads()[0].probabilities(photo);
    let expected = [
        ("file_name", Column::Text(vec![text("a.jpg"), text("b.jpg")])),
        ("split", Column::Text(vec![text("test"), text("test")])),
        ("duplicate_group", Column::Integer(vec![None, None])),
        ("familiarity", Column::Number(vec![None, None])),
        ("extras", Column::TextList(vec![names(&[]), None])),
        ("extras_predicted", Column::TextList(vec![names(&[]), names(&["alloys"])])),
        ("extras_probabilities", Column::NumberList(vec![Some(extras(0)), Some(extras(1))])),
        ("extras_right", Column::Flag(vec![Some(true), None])),
    ];
    let frame = Table::read(&path).unwrap();
    let columns = frame.columns().iter().filter(|(name, _)| name != "extras_probability");
    for ((name, column), (expected_name, expected)) in columns.zip(&expected) {
        assert_eq!((name.as_str(), column), (*expected_name, expected));
    }
    assert_eq!(frame.columns().len(), 9);
    predictions.set_groups(vec![7, 7]);
    write_predictions(&predictions, &path).unwrap();
    let groups = Column::Integer(vec![Some(0), Some(0)]);
    assert_eq!(Table::read(&path).unwrap().column("duplicate_group"), Some(&groups));
}

#[test]
fn heads_whose_columns_collide_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let error =
        write_predictions(&predictions(&["a", "a_right"], true), &folder.path().join("x")).unwrap_err();
    assert!(matches!(error, Error::ColumnTaken { column } if column == "a_right"));
}

#[test]
fn thumbnails_keep_the_shape_of_the_photo() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("photo.png");
    RgbImage::from_fn(900, 300, |x, _| Rgb([(x / 4) as u8, 90, 60])).save(&path).unwrap();
    let budget = Budget::unlimited();
    let thumbnail = Thumbnail::of_file(&path, &budget).unwrap();
    assert_eq!((thumbnail.width, thumbnail.height), (320, 107));
    assert_eq!(thumbnail, Thumbnail::of_file(&path, &budget).unwrap());
    let small = DynamicImage::ImageRgb8(RgbImage::new(40, 30));
    assert_eq!((Thumbnail::of_image(&small).unwrap().width, small.dimensions()), (40, (40, 30)));

    std::fs::write(&path, "not a photo").unwrap();
    let error = Thumbnail::of_file(&path, &budget).unwrap_err();
    assert!(error.to_string().contains("photo.png"), "{error}");
}

#[test]
fn settings_have_defaults_and_bounds() {
    let read = |text: &str| {
        let document = Document::parse("pipeline.toml", text).unwrap();
        let mut reader = Reader::new(&document);
        let settings = Settings::read(&mut reader, Default::default(), Precision::F32, 2 << 30);
        reader.finish().map(|_| settings)
    };
    assert_eq!(read("").unwrap(), Settings::default());
    let settings =
        read("[evaluate]\nsplit = \"validation\"\nbatch_size = 8\nphotos = 0\nmistakes = 3").unwrap();
    assert_eq!((settings.split, settings.batch_size, settings.photos), (Split::Validation, 8, 0));
    let problems = read("[evaluate]\nsplit = \"train\"\nbatch_size = 0\nphoto = 1").unwrap_err();
    assert_eq!(problems.0.len(), 3, "{problems}");
}
