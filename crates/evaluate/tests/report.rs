//! The page and the table, from answers made up here.

use std::collections::BTreeMap;

use image::{DynamicImage, GenericImageView, Rgb, RgbImage};
use marque_contracts::schema::{ClassWeights, Head, HeadKind, Split};
use marque_evaluate::{
    Answers, Error, Metrics, PhotoCard, Report, Settings, Thumbnail, confident_mistakes, sample,
};
use marque_formats::{Column, EpochRow, HeadEpoch, Table};
use marque_settings::{Document, Reader};

const ODD: &str = "<b>&\"'";

/// Heads with three classes each; photo `i` is of class `i % 3`, and every seventh answer is wrong if asked.
fn answers(heads: &[&str], mistakes: bool) -> Answers {
    let names = (0..30).map(|i| format!("cars_test/{i:05}.jpg")).collect();
    let mut answers = Answers::new(Split::Test, names);
    for name in heads {
        let truths = (0..30).map(|i| (i != 29).then_some(i % 3)).collect();
        let mut logits = Vec::new();
        for i in 0..30 {
            let answer = if mistakes && i % 7 == 0 { (i + 1) % 3 } else { i % 3 };
            logits.extend((0..3).map(|class| if class == answer { 1.0 + i as f32 / 10.0 } else { 0.0 }));
        }
        answers.add_head(name, vec![ODD.into(), "b".into(), "c".into()], truths, &logits).unwrap();
    }
    answers
}

fn heads(answers: &Answers) -> Vec<Head> {
    let head = |name: &str, classes: &[String]| Head {
        name: name.to_owned(),
        kind: HeadKind::Single,
        classes: classes.to_vec(),
        counts: Split::ALL.into_iter().map(|split| (split, vec![4, 3, 2])).collect::<BTreeMap<_, _>>(),
        class_weights: ClassWeights::default(),
    };
    answers.heads().iter().map(|answers| head(answers.name(), answers.classes())).collect()
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
    let answers = answers(names, mistakes);
    render(&answers, &heads(&answers), &history(names, epochs))
}

fn render(answers: &Answers, heads: &[Head], history: &[EpochRow]) -> String {
    let metrics = Metrics::measure(answers, &vec![vec![4, 3, 2]; heads.len()]).unwrap();
    let photo = DynamicImage::ImageRgb8(RgbImage::from_pixel(30, 20, Rgb([200, 30, 30])));
    let card = |photo_id| PhotoCard::new(answers, photo_id, Thumbnail::of_image(&photo).unwrap());
    let cards = |photos: Vec<usize>| photos.into_iter().map(card).collect::<Vec<_>>();
    let report = Report {
        metrics: &metrics,
        heads,
        history,
        best_epoch: Some(1),
        network: "ResNet18",
        facts: &[("Backbone".to_owned(), ODD.to_owned())],
        note: Some(ODD),
        sample: &cards(sample(answers, 5)),
        mistakes: &cards(confident_mistakes(answers, 3)),
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
        assert_eq!(page.matches("<figure class=\"photo").count(), 8);
    }
}

#[test]
fn names_are_text_wherever_they_stand() {
    let page = page(&[ODD, "type"], true, 2);
    check_nesting(&page);
    assert!(!page.contains("<b>&"), "a name was not escaped");
    assert!(page.matches("&#60;b&#62;&#38;&#34;&#39;").count() > 20);
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
    assert!(page.contains("100% of test photos have the brand right"));
    assert!(page.contains("every answer agrees with its label"));
}

#[test]
fn a_page_without_labels_or_history_says_so() {
    let mut answers = Answers::new(Split::Test, vec!["a.jpg".into()]);
    answers.add_head("x", vec!["one".into()], vec![None], &[0.5]).unwrap();
    let metrics = Metrics::measure(&answers, &[vec![0]]).unwrap();
    let report = Report {
        metrics: &metrics,
        heads: &heads(&answers),
        history: &[],
        best_epoch: None,
        network: "ResNet18",
        facts: &[],
        note: None,
        sample: &[],
        mistakes: &[],
    };
    let page = report.render().unwrap();
    check_nesting(&page);
    assert!(page.contains("No test photo has every label"));
    assert!(!page.contains("NaN"));
}

#[test]
fn without_validation_photos_nothing_is_said_of_them() {
    let answers = answers(&["brand"], true);
    let mut heads = heads(&answers);
    let mut history = history(&["brand"], 3);
    let page = render(&answers, &heads, &history);
    assert!(page.contains("curve validation") && page.contains("</i>validation"));
    assert!(page.contains(">Validation</th>"));
    for row in &mut history {
        row.validation_loss = None;
        for head in &mut row.heads {
            (head.validation_loss, head.validation_accuracy, head.validation_macro_f1) = (None, None, None);
        }
    }
    heads[0].counts.insert(Split::Validation, vec![0; 3]);
    let page = render(&answers, &heads, &history);
    let (_, body) = page.split_once("</style>").unwrap();
    assert!(!body.to_lowercase().contains("validation"), "{body}");
    check_nesting(&page);
}

#[test]
fn mistakes_are_ordered_by_confidence() {
    let answers = answers(&["brand"], true);
    // Photos 0, 7, 14, 21, 28 are wrong; the later, the surer.
    assert_eq!(confident_mistakes(&answers, 3), [28, 21, 14]);
    assert_eq!(confident_mistakes(&answers, 99).len(), 5);
    let drawn = sample(&answers, 99);
    assert_eq!(drawn.len(), 29, "the photo without a label is not shown");
    assert_eq!(sample(&answers, 4), drawn[..4]);
}

#[test]
fn predictions_round_trip() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    let answers = answers(&["brand", "type"], true);
    answers.write(&one).unwrap();
    answers.write(&two).unwrap();
    assert_eq!(std::fs::read(&one).unwrap(), std::fs::read(&two).unwrap());

    let frame = Table::read(&one).unwrap();
    let names: Vec<_> = frame.columns().iter().map(|(name, _)| name.as_str()).collect();
    let expected = [
        "file_name",
        "split",
        "brand",
        "brand_predicted",
        "brand_probability",
        "brand_right",
        "type",
        "type_predicted",
        "type_probability",
        "type_right",
    ];
    assert_eq!(names, expected);
    assert_eq!(frame.rows(), 30);
    let column = |name: &str| &frame.columns().iter().find(|(column, _)| column == name).unwrap().1;
    let Column::Text(truths) = column("type") else { panic!("truth is not text") };
    let Column::Text(predicted) = column("type_predicted") else { panic!("answer is not text") };
    let Column::Flag(right) = column("type_right") else { panic!("right is not a flag") };
    for photo in 0..30 {
        assert_eq!(
            right[photo],
            truths[photo].as_ref().map(|truth| Some(truth) == predicted[photo].as_ref())
        );
    }
    assert_eq!(
        (truths[0].as_deref(), predicted[0].as_deref(), right[0]),
        (Some(ODD), Some("b"), Some(false))
    );
    assert_eq!((truths[29].as_deref(), right[29]), (None, None));
}

#[test]
fn heads_whose_columns_collide_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let error = answers(&["a", "a_right"], true).write(&folder.path().join("x")).unwrap_err();
    assert!(matches!(error, Error::ColumnTaken { column } if column == "a_right"));
}

#[test]
fn thumbnails_keep_the_shape_of_the_photo() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("photo.png");
    RgbImage::from_fn(900, 300, |x, _| Rgb([(x / 4) as u8, 90, 60])).save(&path).unwrap();
    let thumbnail = Thumbnail::of_file(&path).unwrap();
    assert_eq!((thumbnail.width, thumbnail.height), (320, 107));
    assert_eq!(thumbnail, Thumbnail::of_file(&path).unwrap());
    let small = DynamicImage::ImageRgb8(RgbImage::new(40, 30));
    assert_eq!((Thumbnail::of_image(&small).unwrap().width, small.dimensions()), (40, (40, 30)));

    std::fs::write(&path, "not a photo").unwrap();
    let error = Thumbnail::of_file(&path).unwrap_err();
    assert!(error.to_string().contains("photo.png"), "{error}");
}

#[test]
fn settings_have_defaults_and_bounds() {
    let read = |text: &str| {
        let document = Document::parse("pipeline.toml", text).unwrap();
        let mut reader = Reader::new(&document);
        let settings = reader.section("evaluate", Settings::read);
        reader.finish().map(|()| settings)
    };
    assert_eq!(read("").unwrap(), Settings::default());
    let settings =
        read("[evaluate]\nsplit = \"validation\"\nbatch_size = 8\nphotos = 0\nmistakes = 3").unwrap();
    assert_eq!((settings.split, settings.batch_size, settings.photos), (Split::Validation, 8, 0));
    let problems = read("[evaluate]\nsplit = \"train\"\nbatch_size = 0\nphoto = 1").unwrap_err();
    assert_eq!(problems.0.len(), 3, "{problems}");
}
