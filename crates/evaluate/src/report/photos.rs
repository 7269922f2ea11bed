//! Sections of photos with what is predicted for them.

use askama::Template;
use marque_metrics::Metrics;

use super::Report;
use super::photo_card::{PhotoCard, Verdict};

/// A section.
#[derive(Template)]
#[template(path = "report/photos.html")]
pub(super) struct PhotoSection<'a> {
    anchor: &'static str,
    title: &'static str,
    explanation: String,
    /// What to say if there are no photos.
    empty: &'static str,
    cards: &'a [PhotoCard],
    /// Width to height of the photos' frames.
    aspect: String,
}

impl<'a> PhotoSection<'a> {
    /// A sample of the split.
    pub(super) fn sample(report: &Report<'a>) -> Self {
        let names: Vec<_> = report.metrics.head_names().collect();
        let (split, names) = (&report.metrics.split, names.join(", "));
        Self {
            anchor: "photos",
            title: "Photos and answers",
            explanation: format!(
                "Drawn at random from the labelled photos of the {split} split. From top to bottom: {names}."
            ),
            empty: "No photos were asked for.",
            cards: report.sample,
            aspect: aspect(report),
        }
    }

    /// The most confident mistakes.
    pub(super) fn mistakes(report: &Report<'a>) -> Self {
        let empty = match is_faultless(report.metrics) {
            true => "There are none: every answer agrees with its label.",
            false => "No photos were asked for.",
        };
        Self {
            anchor: "mistakes",
            title: "The most confident mistakes",
            explanation: "Wrong answers that the network was surest of.".to_owned(),
            empty,
            cards: report.mistakes,
            aspect: aspect(report),
        }
    }
}

/// Whether no head is wrong about any photo.
fn is_faultless(metrics: &Metrics) -> bool {
    let heads = metrics.heads.iter().map(|head| &head.accuracy);
    heads.chain(metrics.tags.iter().map(|head| &head.exact)).all(|right| right.count == right.total)
}

/// The median width to height of all photos; portrait frames are made square.
fn aspect(report: &Report<'_>) -> String {
    let ratio = |card: &PhotoCard| f64::from(card.thumbnail.width) / f64::from(card.thumbnail.height.max(1));
    let mut ratios: Vec<f64> = report.sample.iter().chain(report.mistakes).map(ratio).collect();
    ratios.sort_by(f64::total_cmp);
    let median = ratios.get(ratios.len() / 2).copied().unwrap_or(1.5);
    format!("{:.3}", median.clamp(1.0, 1.6))
}
