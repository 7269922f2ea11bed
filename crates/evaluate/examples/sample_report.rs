//! Renders the report page from invented numbers, to look at while working on its design:
//! `cargo run --release -p marque-evaluate --example sample_report -- report.html [heads]`.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;

use image::{DynamicImage, Rgb, RgbImage};
use marque_contracts::Digest;
use marque_contracts::schema::{Head, HeadKind, Label, Split};
use marque_evaluate::{
    PhotoCard, Report, Suspects, Thumbnail, confident_mistakes, sample, write_predictions,
};
use marque_formats::{EpochRow, HeadEpoch};
use marque_metrics::{Metrics, Predictions};

const PHOTOS: usize = 523;
const EPOCHS: u32 = 14;
const BEST: u32 = 12;

/// Name, classes and how hard the head is: 0 is never wrong.
const HEADS: [(&str, &[&str], f64); 4] = [
    ("brand", &["Audi", "BMW", "Chevrolet", "Dodge", "Ford", "Other"], 1.0),
    ("type", &["Convertible", "Coupe", "SUV", "Van", "Other"], 0.9),
    ("era", &["2009 and earlier", "2010 and later"], 0.65),
    (
        "model year",
        &[
            "1991", "1993", "1994", "1997", "1998", "1999", "2000", "2001", "2002", "2003", "2006", "2007",
            "2008", "2009", "2010", "2011", "2012",
        ],
        1.6,
    ),
];

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = PathBuf::from(arguments.next().ok_or("usage: sample_report FILE [HEADS]")?);
    let count: usize = arguments.next().map_or(Ok(3), |text| text.parse())?;
    let heads: Vec<_> = HEADS.iter().cycle().take(count).enumerate().map(|(i, spec)| head(i, spec)).collect();
    let predictions = predictions(&heads)?;
    let heads: Vec<_> = predictions.heads().iter().map(|head| head.head().clone()).collect();
    let metrics = Metrics::measure(&predictions);
    let cards = |photos: Vec<usize>| -> Result<Vec<PhotoCard>, Box<dyn Error>> {
        let card =
            |photo: usize| Ok(PhotoCard::new(&predictions, photo, Thumbnail::of_image(&drawing(photo))?));
        photos.into_iter().map(card).collect()
    };
    let facts = [
        ("Backbone", "ResNet18, 3 × 3 stem"),
        ("Input", "96 × 96 pixels, RGB"),
        ("Mean, deviation", "0.485 0.456 0.406, 0.229 0.224 0.225"),
        ("Photos", "1,654 training, 407 validation, 523 test"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let report = Report {
        metrics: &metrics,
        heads: &heads,
        history: &history(&heads),
        best_epoch: Some(BEST),
        network: "ResNet18 at 96 × 96 pixels",
        facts: &facts,
        note: None,
        sample: &cards(sample(&predictions, 24))?,
        mistakes: &cards(confident_mistakes(&predictions, 12))?,
        suspects: &Suspects::default(),
    };
    std::fs::write(&path, report.render()?)?;
    std::fs::write(path.with_extension("json"), serde_json::to_string_pretty(&metrics)? + "\n")?;
    write_predictions(&predictions, &path.with_extension("parquet"))?;
    Ok(())
}

/// A number from 0 to 1 that depends only on what it is for.
fn chance(what: &str, i: usize) -> f64 {
    let digest = Digest::of_bytes(format!("{what} {i}").as_bytes());
    let [a, b, c, d, ..] = *digest.as_bytes();
    f64::from(u32::from_le_bytes([a, b, c, d])) / f64::from(u32::MAX)
}

/// Skewed towards the last class, as "Other" is in the real data.
fn true_class(name: &str, classes: usize, photo: usize) -> usize {
    let x = chance(name, photo);
    if x > 0.62 { classes - 1 } else { ((x / 0.62) * classes as f64) as usize % classes }
}

fn head(i: usize, (name, classes, _): &(&str, &[&str], f64)) -> Head {
    let name = if i < HEADS.len() { (*name).to_owned() } else { format!("{name} {}", i / HEADS.len() + 1) };
    let counts = |photos: usize, shift: usize| {
        let mut counts = vec![0; classes.len()];
        (shift..shift + photos).for_each(|photo| counts[true_class(&name, classes.len(), photo)] += 1);
        counts
    };
    let by_split = BTreeMap::from([
        (Split::Test, counts(PHOTOS, 0)),
        (Split::Train, counts(1654, 10_000)),
        (Split::Validation, counts(407, 20_000)),
    ]);
    let classes = classes.iter().map(|class| (*class).to_owned()).collect();
    Head { counts: by_split, ..Head::new(name, HeadKind::Single, classes) }
}

fn predictions(heads: &[Head]) -> Result<Predictions, Box<dyn Error>> {
    let names = (0..PHOTOS).map(|photo| format!("cars_test/{photo:05}.jpg")).collect();
    let mut predictions = Predictions::new(Split::Test, names);
    for (i, head) in heads.iter().enumerate() {
        let hardness = HEADS[i % HEADS.len()].2;
        let (mut labels, mut logits) = (Vec::new(), Vec::new());
        for photo in 0..PHOTOS {
            let label = true_class(&head.name, head.classes.len(), photo);
            labels.push(if photo % 61 == 0 { Label::Unknown } else { Label::Class(label) });
            for class in 0..head.classes.len() {
                let noise =
                    chance(&format!("{} {class}", head.name), photo) + chance(&head.classes[class], photo);
                let lead = if class == label { 5.2 } else { 0.0 };
                logits.push((lead + 4.2 * hardness * (noise - 1.0)) as f32);
            }
        }
        predictions.add(head.clone(), labels, logits)?;
    }
    add_tags(&mut predictions)?;
    Ok(predictions)
}

fn add_tags(predictions: &mut Predictions) -> Result<(), Box<dyn Error>> {
    let tags = ["roof rack", "alloy wheels", "tow bar"];
    let has = |photo: usize, tag: usize| chance(tags[tag], photo) < 0.15 * (tag + 1) as f64;
    let (mut labels, mut logits, mut counts) = (Vec::new(), Vec::new(), vec![0; tags.len()]);
    for photo in 0..PHOTOS {
        let label: Vec<_> = (0..tags.len()).filter(|tag| has(photo, *tag)).collect();
        label.iter().for_each(|tag| counts[*tag] += 1);
        for tag in 0..tags.len() {
            let lead = if label.contains(&tag) { 1.5 } else { -1.5 };
            logits.push((lead + 5.0 * (chance(&tag.to_string(), photo) - 0.5)) as f32);
        }
        labels.push(if photo % 53 == 0 { Label::Unknown } else { Label::Tags(label) });
    }
    let head = Head::new("extras", HeadKind::Tags, tags.map(str::to_owned).into());
    let counts = BTreeMap::from([(Split::Test, counts)]);
    Ok(predictions.add(Head { counts, ..head }, labels, logits)?)
}

fn history(heads: &[Head]) -> Vec<EpochRow> {
    let row = |epoch: u32| {
        let t = f64::from(epoch) / f64::from(EPOCHS);
        let wobble = |what: &str| 0.03 * (chance(what, epoch as usize) - 0.5) * (1.2 - t);
        let head = |head: &Head| HeadEpoch {
            name: head.name.clone(),
            train_accuracy: Some(1.0 - 0.5 * (-3.6 * t).exp() + wobble(&head.name)),
            validation_accuracy: Some(0.955 - 0.45 * (-3.4 * t).exp() + 2.0 * wobble(&head.classes[0])),
            validation_macro_f1: Some(0.93 - 0.5 * (-3.4 * t).exp()),
            ..HeadEpoch::default()
        };
        EpochRow {
            epoch,
            learning_rate: 1e-3 * (1.0 - t),
            train_loss: 3.3 * (-3.2 * t).exp() + 0.05,
            validation_loss: Some(2.9 * (-2.9 * t).exp() + 0.42 + 4.0 * wobble("loss")),
            kept: false,
            heads: heads.iter().map(head).collect(),
            ..EpochRow::default()
        }
    };
    (1..=EPOCHS).map(row).collect()
}

/// A car of sorts before a sky, in the colours of chance.
fn drawing(photo: usize) -> DynamicImage {
    let colour = |what: &str, low: f64, high: f64| {
        Rgb([0, 1, 2].map(|i| (255.0 * (low + (high - low) * chance(&format!("{what}{i}"), photo))) as u8))
    };
    let (sky, road, paint) = (colour("sky", 0.6, 0.95), colour("road", 0.3, 0.5), colour("paint", 0.1, 0.9));
    let nose = 60.0 + 30.0 * chance("nose", photo);
    let image = RgbImage::from_fn(360, 240, |x, y| {
        let (x, y) = (f64::from(x), f64::from(y));
        let wheel = |at: f64| (x - at).hypot(y - 172.0) < 24.0;
        let cabin =
            y > 78.0 && y <= 122.0 && x > 60.0 + nose + (122.0 - y) * 0.8 && x < 285.0 - (122.0 - y) * 0.6;
        let body = y > 120.0 && y < 172.0 && x > 40.0 && x < 322.0;
        match () {
            () if wheel(100.0) || wheel(262.0) => Rgb([22, 22, 26]),
            () if cabin => Rgb([70, 84, 98]),
            () if body => paint,
            () if y > 160.0 => road,
            () => sky,
        }
    });
    DynamicImage::ImageRgb8(image)
}
