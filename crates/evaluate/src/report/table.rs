//! The tables of a head: the scores of its classes, and how frequent these are.

use askama::Template;
use marque_contracts::counts::grouped;
use marque_contracts::schema::{Head, HeadKind, Split};
use marque_metrics::{ClassMetrics, HeadMetrics, TagHeadMetrics, TagMetrics};

/// A row per class with bars.
#[derive(Template)]
#[template(path = "report/table.html")]
pub(super) struct Table<'a> {
    title: &'static str,
    explanation: String,
    /// Heading of the first column.
    first: &'static str,
    /// Headings of the columns with bars.
    measures: Vec<&'static str>,
    /// Whether bars are relative to the largest value of their column, and not from 0 to 1.
    relative: bool,
    rows: Vec<Row<'a>>,
}

struct Row<'a> {
    name: &'a str,
    /// Photos with the class, where there is a column for them.
    photos: Option<String>,
    cells: Vec<Cell>,
}

/// A value with a bar.
struct Cell {
    text: String,
    /// Length of the bar in percent of the cell; `None` where there is no value.
    bar: Option<String>,
}

impl Cell {
    /// A score from 0 to 1.
    fn score(value: Option<f64>) -> Self {
        Self {
            text: value.map_or_else(|| "–".to_owned(), |value| format!("{value:.2}")),
            bar: value.map(|value| format!("{:.1}", value * 100.0)),
        }
    }

    /// A count beside the largest of its column.
    fn count(value: u64, most: u64) -> Self {
        let bar = (most > 0).then(|| format!("{:.1}", value as f64 / most as f64 * 100.0));
        Self { text: grouped(value), bar }
    }
}

impl<'a> Row<'a> {
    /// Precision, recall and F1 of a class, and other scores.
    fn of_scores(class: &'a ClassMetrics, more: &[Option<f64>]) -> Self {
        let scores = [class.precision, class.recall, class.f1].into_iter().chain(more.iter().copied());
        let cells = scores.map(Cell::score).collect();
        Self { name: &class.name, photos: Some(grouped(class.support)), cells }
    }
}

impl<'a> Table<'a> {
    /// The scores of each class.
    pub(super) fn of_classes(head: &'a HeadMetrics, split: &str) -> Self {
        Self {
            title: "By class",
            explanation: format!("Measured on the {split} split."),
            first: "Class",
            measures: vec!["Precision", "Recall", "F1"],
            relative: false,
            rows: head.classes.iter().map(|class| Row::of_scores(class, &[])).collect(),
        }
    }

    /// The scores of each tag.
    pub(super) fn of_tags(head: &'a TagHeadMetrics, split: &str) -> Self {
        let row = |tag: &'a TagMetrics| Row::of_scores(&tag.scores, &[tag.average_precision, tag.auroc]);
        Self {
            title: "By tag",
            explanation: format!(
                "Measured on the {split} split; a tag is answered where it is more probable than not."
            ),
            first: "Tag",
            measures: vec!["Precision", "Recall", "F1", "AP", "AUROC"],
            relative: false,
            rows: head.tags.iter().map(row).collect(),
        }
    }

    /// Photos of each class by split. A split's bars are relative to its most frequent class, so that equal bars mean
    /// equal shares. `heads` are all heads: each has a column for every split in which any has labels.
    pub(super) fn class_balance(heads: &'a [Head], position: usize) -> Self {
        let splits = labelled_splits(heads);
        let head = heads.get(position);
        let (title, first, explanation) = match head.map(|head| head.kind) {
            Some(HeadKind::Tags) => (
                "Tag balance",
                "Tag",
                "Photos with the tag per split; each bar relative to the split's most frequent tag.",
            ),
            _ => (
                "Class balance",
                "Class",
                "Labelled photos per split; each bar relative to the split's largest class.",
            ),
        };
        Self {
            title,
            explanation: explanation.to_owned(),
            first,
            measures: splits.iter().map(|(_, heading)| *heading).collect(),
            relative: true,
            rows: head.map(|head| balance_rows(head, &splits)).unwrap_or_default(),
        }
    }
}

/// The splits in which a head has labelled photos, and their headings.
fn labelled_splits(heads: &[Head]) -> Vec<(Split, &'static str)> {
    let labelled = |split: &Split| {
        heads.iter().any(|head| head.counts.get(split).is_some_and(|counts| counts.iter().any(|n| *n > 0)))
    };
    let headings = [(Split::Train, "Training"), (Split::Validation, "Validation"), (Split::Test, "Test")];
    headings.into_iter().filter(|(split, _)| labelled(split)).collect()
}

fn balance_rows<'a>(head: &'a Head, splits: &[(Split, &str)]) -> Vec<Row<'a>> {
    let counts = |split: &Split| head.counts.get(split).map_or(&[][..], Vec::as_slice);
    let columns: Vec<_> = splits.iter().map(|(split, _)| counts(split)).collect();
    let cell = |class: usize, column: &[u64]| {
        Cell::count(column.get(class).copied().unwrap_or(0), column.iter().copied().max().unwrap_or(0))
    };
    let row = |(class, name): (usize, &'a String)| Row {
        name,
        photos: None,
        cells: columns.iter().map(|column| cell(class, column)).collect(),
    };
    head.classes.iter().enumerate().map(row).collect()
}
