//! Labels that look wrong, with their photos.

use askama::Template;
use marque_contracts::counts::{counted, percent};

use super::Report;
use crate::Thumbnail;
use crate::suspects::LookedAt;

/// A photo whose label looks wrong.
#[derive(Clone, PartialEq, Debug)]
pub struct SuspectCard {
    thumbnail: Thumbnail,
    file_name: String,
    split: &'static str,
    question: String,
    label: String,
    label_probability: String,
    suggestion: String,
    suggestion_probability: String,
}

/// Labels that look wrong: those that are shown, and how many there are.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Suspects {
    /// The photos whose labels are least probable.
    pub cards: Vec<SuspectCard>,
    /// All labels that look wrong.
    pub suspects: u64,
    /// All labels that were looked at.
    pub labels: u64,
}

/// The section.
#[derive(Template)]
#[template(path = "report/suspects.html")]
pub(super) struct SuspectSection<'a> {
    summary: String,
    cards: &'a [SuspectCard],
}

impl SuspectCard {
    pub(crate) fn new(label: &LookedAt, thumbnail: Thumbnail) -> Self {
        let question = match &label.tag {
            Some(tag) => format!("{}: {tag}", label.head),
            None => label.head.clone(),
        };
        Self {
            thumbnail,
            file_name: label.file_name.clone(),
            split: label.split.as_str(),
            question,
            label: label.label.clone(),
            label_probability: percent(label.label_probability),
            suggestion: label.suggestion.clone(),
            suggestion_probability: percent(label.suggestion_probability),
        }
    }
}

impl<'a> SuspectSection<'a> {
    /// `None` where no label was looked at.
    pub(super) fn of(report: &Report<'a>) -> Option<Self> {
        let Suspects { cards, suspects, labels } = report.suspects;
        let of = counted(*labels, "label", "labels");
        let summary = match suspects {
            0 => format!("None of {of} of all splits is suspected."),
            1 => format!("One of {of} of all splits is suspected."),
            n => format!("{n} of {of} of all splits are suspected; all are in suspects.parquet, ranked."),
        };
        (*labels > 0).then_some(Self { summary, cards })
    }
}
