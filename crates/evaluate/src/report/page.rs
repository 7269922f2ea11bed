//! The page as the template sees it.

use askama::Template;
use marque_formats::{EpochRow, HeadEpoch};

use crate::plot::{Curves, Unit, confusion_matrix, reliability};
use crate::{HeadMetrics, Metrics, Proportion, TagHeadMetrics};

use super::Report;
use super::photo_card::{PhotoCard, Verdict};
use super::tables::{BalanceRow, ClassRow, Confusion, TagRow, labelled_splits};
use super::wording::{count, counted, decimal, number_word, percent, percent_number};

/// The page.
#[derive(Template)]
#[template(path = "report.html")]
pub(super) struct Page<'a> {
    headline: String,
    subtitle: String,
    split: &'a str,
    note: Option<&'a str>,
    overall: Option<Overall>,
    heads: Vec<HeadSection>,
    tags: Vec<TagSection>,
    charts: Vec<Chart>,
    best_epoch: Option<u32>,
    /// Whether there were validation photos.
    validated: bool,
    epochs: usize,
    /// Headings of the splits that have labelled photos.
    splits: Vec<&'static str>,
    sample: &'a [PhotoCard],
    mistakes: &'a [PhotoCard],
    wrong_photos: bool,
    aspect: String,
    head_names: String,
    gauge_columns: usize,
    chart_columns: usize,
    facts: &'a [(String, String)],
}

/// All heads together.
struct Overall {
    gauge: Gauge,
    none_wrong: String,
    one_wrong: String,
    more_wrong: String,
}

/// A share, drawn large with its interval on a rule from 0 to 100%.
struct Gauge {
    name: String,
    /// Percents without the sign; `None` if there was nothing to measure.
    value: Option<GaugeValue>,
    /// What always answering one class reaches.
    baseline: Option<Baseline>,
    photos: String,
}

struct GaugeValue {
    percent: String,
    interval: String,
    /// Places on the rule, in percent.
    at: String,
    low: String,
    width: String,
}

struct Baseline {
    class: String,
    percent: String,
    at: String,
}

struct HeadSection {
    gauge: Gauge,
    anchor: String,
    classes: String,
    macro_f1: String,
    log_loss: String,
    calibration_error: String,
    matrix: String,
    reliability: String,
    class_rows: Vec<ClassRow>,
    balance_rows: Vec<BalanceRow>,
    confusions: Vec<Confusion>,
}

/// A head with tags.
struct TagSection {
    gauge: Gauge,
    anchor: String,
    classes: String,
    mean_average_precision: String,
    macro_f1: String,
    micro_f1: String,
    log_loss: String,
    rows: Vec<TagRow>,
    balance_rows: Vec<BalanceRow>,
}

struct Chart {
    title: String,
    svg: String,
}

impl<'a> Page<'a> {
    pub(super) fn of(report: &'a Report<'a>) -> Self {
        let metrics = report.metrics;
        let names: Vec<_> = names(metrics).collect();
        let several = names.len() > 1;
        let overall = several.then(|| Overall::new(metrics));
        let wrong = |head: &HeadMetrics| head.accuracy.count < head.accuracy.total;
        Self {
            headline: headline(metrics),
            subtitle: subtitle(report),
            split: &metrics.split,
            note: report.note,
            overall,
            heads: metrics
                .heads
                .iter()
                .enumerate()
                .map(|(i, head)| HeadSection::new(i, head, report))
                .collect(),
            tags: metrics.tags.iter().enumerate().map(|(i, head)| TagSection::new(i, head, report)).collect(),
            gauge_columns: columns(names.len() + usize::from(several)),
            chart_columns: columns(names.len() + 1),
            charts: charts(report),
            best_epoch: report.best_epoch,
            validated: report.history.iter().any(|row| row.validation_loss.is_some()),
            splits: labelled_splits(report.heads).into_iter().map(|(_, heading)| heading).collect(),
            epochs: report.history.len(),
            sample: report.sample,
            mistakes: report.mistakes,
            wrong_photos: metrics.heads.iter().any(wrong)
                || metrics.tags.iter().any(|head| head.exact.count < head.exact.total),
            aspect: aspect(report.sample.iter().chain(report.mistakes)),
            head_names: names.join(", "),
            facts: report.facts,
        }
    }
}

impl Overall {
    fn new(metrics: &Metrics) -> Self {
        let photos = |wrong: std::ops::RangeInclusive<usize>| {
            let chosen = metrics.photos_by_wrong_heads.iter().enumerate().filter(|(n, _)| wrong.contains(n));
            count(chosen.map(|(_, photos)| photos).sum())
        };
        Self {
            gauge: Gauge::new("All heads", &metrics.all_heads_right, None),
            none_wrong: photos(0..=0),
            one_wrong: photos(1..=1),
            more_wrong: photos(2..=usize::MAX),
        }
    }
}

impl Gauge {
    fn new(name: &str, right: &Proportion, baseline: Option<Baseline>) -> Self {
        let place = |share: f64| format!("{:.2}", share * 100.0);
        let value = right.share.zip(right.interval).map(|(share, [low, high])| GaugeValue {
            percent: percent_number(share),
            interval: format!("{} to {}", percent_number(low), percent(high)),
            at: place(share),
            low: place(low),
            width: place(high - low),
        });
        let photos = format!("{} of {}", count(right.count), counted(right.total, "photo", "photos"));
        Self { name: name.to_owned(), value, baseline, photos }
    }

    fn of_head(head: &HeadMetrics) -> Self {
        let baseline = head.majority.accuracy.share.map(|share| Baseline {
            class: head.majority.class.clone(),
            percent: percent(share),
            at: format!("{:.2}", share * 100.0),
        });
        Self::new(&head.name, &head.accuracy, baseline)
    }
}

impl HeadSection {
    fn new(position: usize, head: &HeadMetrics, report: &Report<'_>) -> Self {
        Self {
            gauge: Gauge::of_head(head),
            anchor: format!("head-{}", position + 1),
            classes: counted(head.classes.len() as u64, "class", "classes"),
            macro_f1: decimal(head.macro_f1),
            log_loss: decimal(head.log_loss),
            calibration_error: head.calibration.expected_error.map_or_else(|| "–".to_owned(), percent),
            matrix: confusion_matrix(head),
            reliability: reliability(&head.name, &head.calibration),
            class_rows: head.classes.iter().map(ClassRow::of).collect(),
            balance_rows: balance(report, position),
            confusions: Confusion::most_frequent(head),
        }
    }
}

impl TagSection {
    fn new(position: usize, head: &TagHeadMetrics, report: &Report<'_>) -> Self {
        let place = report.metrics.heads.len() + position;
        let baseline = head.always_none.share.map(|share| Baseline {
            class: "none".to_owned(),
            percent: percent(share),
            at: format!("{:.2}", share * 100.0),
        });
        Self {
            gauge: Gauge::new(&head.name, &head.exact, baseline),
            anchor: format!("head-{}", place + 1),
            classes: counted(head.tags.len() as u64, "tag", "tags"),
            mean_average_precision: decimal(head.mean_average_precision),
            macro_f1: decimal(head.macro_f1),
            micro_f1: decimal(head.micro_f1),
            log_loss: decimal(head.log_loss),
            rows: head.tags.iter().map(TagRow::of).collect(),
            balance_rows: balance(report, place),
        }
    }
}

/// How frequent the classes of a head are in each split.
fn balance(report: &Report<'_>, position: usize) -> Vec<BalanceRow> {
    let splits: Vec<_> = labelled_splits(report.heads).into_iter().map(|(split, _)| split).collect();
    report.heads.get(position).map(|head| BalanceRow::all(head, &splits)).unwrap_or_default()
}

/// Names of the heads, in the order of the page.
fn names(metrics: &Metrics) -> impl Iterator<Item = &str> {
    let tags = metrics.tags.iter().map(|head| head.name.as_str());
    metrics.heads.iter().map(|head| head.name.as_str()).chain(tags)
}

/// The result in one sentence.
fn headline(metrics: &Metrics) -> String {
    let names: Vec<_> = names(metrics).collect();
    let (right, heads) = match (&names[..], metrics.heads.first(), metrics.tags.first()) {
        ([only], Some(head), _) => (&head.accuracy, format!("the {only}")),
        ([only], None, Some(head)) => (&head.exact, format!("exactly the {only}")),
        ([_, _], ..) => (&metrics.all_heads_right, "both answers".to_owned()),
        (several, ..) => (&metrics.all_heads_right, format!("all {} answers", number_word(several.len()))),
    };
    match right.share {
        Some(share) => format!("{} of {} photos have {heads} right", percent(share), metrics.split),
        None => format!("No {} photo has every label", metrics.split),
    }
}

/// What was measured, on what.
fn subtitle(report: &Report<'_>) -> String {
    let heads = names(report.metrics).count();
    let trained = match (report.best_epoch, report.history.len()) {
        (Some(epoch), epochs @ 1..) => format!(", weights of epoch {epoch} of {epochs}"),
        _ => String::new(),
    };
    format!(
        "{} with {} {}, measured on {}{trained}.",
        report.network,
        number_word(heads),
        if heads == 1 { "head" } else { "heads" },
        counted(report.metrics.photos, "photo", "photos"),
    )
}

/// Loss, then accuracy per head, all accuracies on the same scale.
fn charts(report: &Report<'_>) -> Vec<Chart> {
    let history = report.history;
    if history.is_empty() {
        return Vec::new();
    }
    let column = |value: fn(&EpochRow) -> Option<f64>| -> Vec<(u32, f64)> {
        history.iter().filter_map(|row| Some((row.epoch, value(row)?))).collect()
    };
    let training = column(|row| Some(row.train_loss));
    let validation = column(|row| row.validation_loss);
    let best_epoch = report.best_epoch;
    let highest = largest(training.iter().chain(&validation).map(|(_, value)| *value));
    let range = (0.0, if highest > 0.0 { highest * 1.05 } else { 1.0 });
    let loss = Curves { label: "Loss", unit: Unit::Number, range, training, validation, best_epoch };
    let mut charts = vec![Chart { title: "Loss, summed over heads".to_owned(), svg: loss.draw() }];

    let accuracies = history.iter().flat_map(|row| &row.heads);
    let accuracies = accuracies.flat_map(|head| [head.train_accuracy, head.validation_accuracy]);
    let lowest = -largest(accuracies.flatten().map(|value| -value));
    // Down to a whole tenth, so that curves near the top are not squeezed into a line.
    let range = (((lowest - 0.02) * 10.0).floor().clamp(0.0, 9.0) / 10.0, 1.0);
    for (i, name) in names(report.metrics).enumerate() {
        let column = |value: fn(&HeadEpoch) -> Option<f64>| -> Vec<(u32, f64)> {
            history.iter().filter_map(|row| Some((row.epoch, value(row.heads.get(i)?)?))).collect()
        };
        let curves = Curves {
            label: &format!("accuracy of {name}"),
            unit: Unit::Percent,
            range,
            training: column(|head| head.train_accuracy),
            validation: column(|head| head.validation_accuracy),
            best_epoch,
        };
        charts.push(Chart { title: format!("Accuracy, {name}"), svg: curves.draw() });
    }
    charts
}

/// The largest of the finite values; 0 without any.
fn largest(values: impl Iterator<Item = f64>) -> f64 {
    values.filter(|value| value.is_finite()).reduce(f64::max).unwrap_or(0.0)
}

/// Columns for some cards, at most five, in rows as equal as can be.
fn columns(cards: usize) -> usize {
    cards.div_ceil(cards.div_ceil(5).max(1)).max(1)
}

/// Width to height of the photos' frames: that of the photo in the middle, upright ones made square.
fn aspect<'a>(cards: impl Iterator<Item = &'a PhotoCard>) -> String {
    let ratio = |card: &PhotoCard| f64::from(card.thumbnail.width) / f64::from(card.thumbnail.height.max(1));
    let mut ratios: Vec<f64> = cards.map(ratio).collect();
    ratios.sort_by(f64::total_cmp);
    let middle = ratios.get(ratios.len() / 2).copied().unwrap_or(1.5);
    format!("{:.3}", middle.clamp(1.0, 1.6))
}
