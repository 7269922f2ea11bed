//! The section of a head: its diagrams, its scores by class, and how frequent the classes are.

use std::cmp::Reverse;

use askama::Template;
use marque_contracts::counts::{counted, grouped, percent};
use marque_metrics::{HeadMetrics, Proportion, TagHeadMetrics};
use marque_plot::confusion_matrix;

use super::Report;
use super::reliability::reliability;
use super::table::Table;
use super::wording::decimal;

/// Pairs of classes listed as most often confused.
const MOST_CONFUSED: usize = 10;

/// From so many classes on, the pairs most often confused are listed beside the matrix.
const MANY_CLASSES: usize = 13;

/// A section.
#[derive(Template)]
#[template(path = "report/head.html")]
pub(super) struct HeadSection<'a> {
    pub(super) anchor: String,
    pub(super) name: &'a str,
    summary: String,
    diagrams: Option<Diagrams>,
    scores: Table<'a>,
    balance: Table<'a>,
}

/// The drawings of a head with one class a photo.
struct Diagrams {
    confusion_matrix: String,
    reliability: String,
    most_confused: Vec<ConfusedPair>,
}

/// A class and what it is taken for.
struct ConfusedPair {
    label: String,
    predicted: String,
    photos: String,
}

impl<'a> HeadSection<'a> {
    /// The sections of all heads, in the order of the metrics.
    pub(super) fn all(report: &'a Report<'a>) -> Vec<Self> {
        let heads =
            report.metrics.heads.iter().enumerate().map(|(i, head)| Self::of_classes(head, i, report));
        let before = report.metrics.heads.len();
        let tags = report.metrics.tags.iter().enumerate();
        heads.chain(tags.map(|(i, head)| Self::of_tags(head, before + i, report))).collect()
    }

    fn of_classes(head: &'a HeadMetrics, position: usize, report: &'a Report<'a>) -> Self {
        let names: Vec<_> = head.classes.iter().map(|class| class.name.as_str()).collect();
        let classes = counted(names.len() as u64, "class", "classes");
        Self {
            anchor: anchor(position),
            name: &head.name,
            summary: classes + &share(&head.accuracy, "right") + &more(head),
            diagrams: Some(Diagrams {
                confusion_matrix: confusion_matrix(&head.name, &names, &head.confusion),
                reliability: reliability(&head.name, &head.calibration),
                most_confused: most_confused(head),
            }),
            scores: Table::of_classes(head, &report.metrics.split),
            balance: Table::class_balance(report.heads, position),
        }
    }

    fn of_tags(head: &'a TagHeadMetrics, position: usize, report: &'a Report<'a>) -> Self {
        let tags = counted(head.tags.len() as u64, "tag", "tags");
        let micro_f1 = decimal(head.micro_f1);
        Self {
            anchor: anchor(position),
            name: &head.name,
            summary: format!(
                "{tags}{}, micro-F1 {micro_f1}, mean AUROC {}",
                share(&head.exact, "exactly right"),
                decimal(head.mean_auroc)
            ),
            diagrams: None,
            scores: Table::of_tags(head, &report.metrics.split),
            balance: Table::class_balance(report.heads, position),
        }
    }
}

fn anchor(position: usize) -> String {
    format!("head-{}", position + 1)
}

/// ", 93.5% right"; nothing if there was nothing to measure.
fn share(right: &Proportion, word: &str) -> String {
    right.share.map(|share| format!(", {} {word}", percent(share))).unwrap_or_default()
}

/// ", 97.1% among the first two, balanced accuracy 92.0% (90.1% to 93.8%)"; what was not measured is left out.
fn more(head: &HeadMetrics) -> String {
    let top_2 = head.top_2_accuracy.and_then(|right| right.share);
    let top_2 = top_2.map(|share| format!(", {} among the first two", percent(share)));
    let interval = head.bootstrap.as_ref().and_then(|bootstrap| bootstrap.balanced_accuracy);
    let interval =
        interval.map(|[low, high]| format!(" ({} to {})", percent(low), percent(high))).unwrap_or_default();
    let balanced =
        head.balanced_accuracy.map(|share| format!(", balanced accuracy {}{interval}", percent(share)));
    top_2.unwrap_or_default() + &balanced.unwrap_or_default()
}

/// The pairs most often confused, for heads with too many classes to see them in the matrix.
fn most_confused(head: &HeadMetrics) -> Vec<ConfusedPair> {
    if head.classes.len() < MANY_CLASSES {
        return Vec::new();
    }
    let mut pairs: Vec<(u64, usize, usize)> = Vec::new();
    for (label, row) in head.confusion.iter().enumerate() {
        let wrong = row.iter().enumerate().filter(|(predicted, photos)| *predicted != label && **photos > 0);
        pairs.extend(wrong.map(|(predicted, photos)| (*photos, label, predicted)));
    }
    pairs.sort_by_key(|(photos, label, predicted)| (Reverse(*photos), *label, *predicted));
    pairs.truncate(MOST_CONFUSED);
    let name = |class: usize| head.classes[class].name.clone();
    let pair = |(photos, label, predicted)| ConfusedPair {
        label: name(label),
        predicted: name(predicted),
        photos: grouped(photos),
    };
    pairs.into_iter().map(pair).collect()
}
