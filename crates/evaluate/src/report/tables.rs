//! The tables of a head: its classes, how frequent they are, and what is taken for what.

use marque_contracts::schema::{Head, Split};

use crate::{ClassMetrics, HeadMetrics, TagMetrics};

use super::wording::count;

/// Pairs of classes listed as most often confused.
const CONFUSIONS: usize = 10;
/// From so many classes on, the pairs most often confused are listed beside the matrix.
pub(super) const MANY_CLASSES: usize = 13;

/// A value with a bar.
pub(super) struct Cell {
    pub(super) text: String,
    /// Length of the bar in percent of the cell; `None` where there is no value.
    pub(super) bar: Option<String>,
}

impl Cell {
    fn share(value: Option<f64>) -> Self {
        Self {
            text: value.map_or_else(|| "–".to_owned(), |value| format!("{value:.2}")),
            bar: value.map(|value| format!("{:.1}", value * 100.0)),
        }
    }

    fn count(value: u64, most: u64) -> Self {
        let bar = (most > 0).then(|| format!("{:.1}", value as f64 / most as f64 * 100.0));
        Self { text: count(value), bar }
    }
}

/// Precision, recall and F1 of a class.
pub(super) struct ClassRow {
    pub(super) name: String,
    pub(super) support: String,
    pub(super) cells: [Cell; 3],
}

impl ClassRow {
    pub(super) fn of(class: &ClassMetrics) -> Self {
        Self {
            name: class.name.clone(),
            support: count(class.support),
            cells: [class.precision, class.recall, class.f1].map(Cell::share),
        }
    }
}

/// Precision, recall, F1 and average precision of a tag.
pub(super) struct TagRow {
    pub(super) name: String,
    pub(super) support: String,
    pub(super) cells: [Cell; 4],
}

impl TagRow {
    pub(super) fn of(tag: &TagMetrics) -> Self {
        Self {
            name: tag.name.clone(),
            support: count(tag.support),
            cells: [tag.precision, tag.recall, tag.f1, tag.average_precision].map(Cell::share),
        }
    }
}

/// The splits that have labelled photos, and their headings.
pub(super) fn labelled_splits(heads: &[Head]) -> Vec<(Split, &'static str)> {
    let labelled = |split: &Split| {
        heads.iter().any(|head| head.counts.get(split).is_some_and(|counts| counts.iter().any(|n| *n > 0)))
    };
    let headings = [(Split::Train, "Training"), (Split::Validation, "Validation"), (Split::Test, "Test")];
    headings.into_iter().filter(|(split, _)| labelled(split)).collect()
}

/// Photos of a class by split; a split's bars are as long as the class is frequent in it, so that equal
/// bars mean equal shares.
pub(super) struct BalanceRow {
    pub(super) name: String,
    pub(super) cells: Vec<Cell>,
}

impl BalanceRow {
    /// A row per class, with a cell per split.
    pub(super) fn all(head: &Head, splits: &[Split]) -> Vec<Self> {
        let photos = |split: &Split, class: usize| {
            head.counts.get(split).and_then(|counts| counts.get(class)).copied().unwrap_or(0)
        };
        let classes = 0..head.classes.len();
        let most = |split: &Split| classes.clone().map(|class| photos(split, class)).max().unwrap_or(0);
        let most: Vec<_> = splits.iter().map(most).collect();
        let cells = |class: usize| {
            splits.iter().zip(&most).map(|(split, most)| Cell::count(photos(split, class), *most)).collect()
        };
        classes.clone().map(|class| Self { name: head.classes[class].clone(), cells: cells(class) }).collect()
    }
}

/// A class and what it is taken for.
pub(super) struct Confusion {
    pub(super) truth: String,
    pub(super) answer: String,
    pub(super) photos: String,
}

impl Confusion {
    /// The pairs most often confused, for heads with too many classes to see them in the matrix.
    pub(super) fn most_frequent(head: &HeadMetrics) -> Vec<Self> {
        if head.classes.len() < MANY_CLASSES {
            return Vec::new();
        }
        let mut pairs: Vec<(u64, usize, usize)> = Vec::new();
        for (truth, row) in head.confusion.iter().enumerate() {
            let wrong = row.iter().enumerate().filter(|(answer, count)| *answer != truth && **count > 0);
            pairs.extend(wrong.map(|(answer, count)| (*count, truth, answer)));
        }
        pairs.sort_by_key(|(count, truth, answer)| (std::cmp::Reverse(*count), *truth, *answer));
        pairs.truncate(CONFUSIONS);
        let name = |class: usize| head.classes[class].name.clone();
        pairs
            .into_iter()
            .map(|(photos, truth, answer)| Self {
                truth: name(truth),
                answer: name(answer),
                photos: count(photos),
            })
            .collect()
    }
}
