//! The cards at the head of the page: a proportion drawn large, with its interval on a rule from 0 to 100%.

use std::ops::RangeInclusive;

use askama::Template;
use marque_contracts::counts::{counted, grouped, percent};
use marque_metrics::{HeadMetrics, Metrics, Proportion, TagHeadMetrics};

use super::wording::decimal;

/// A card.
#[derive(Template)]
#[template(path = "report/gauge.html")]
pub(super) struct Gauge<'a> {
    name: &'a str,
    split: &'a str,
    /// Whether the card stands out.
    hero: bool,
    /// `None` if there was nothing to measure.
    value: Option<Value>,
    baseline: Option<Baseline>,
    photos: String,
    /// Other figures: what they are and their values.
    figures: [(&'static str, String); 3],
}

/// A share and its interval, in percent without the sign; positions are on the rule.
struct Value {
    percent: String,
    interval: String,
    at: String,
    low: String,
    width: String,
}

/// What always predicting one class reaches.
struct Baseline {
    class: String,
    percent: String,
    at: String,
}

impl<'a> Gauge<'a> {
    /// How many photos all heads are right about.
    pub(super) fn overall(metrics: &'a Metrics) -> Self {
        let photos = |wrong: RangeInclusive<usize>| {
            let chosen = metrics.photos_by_wrong_heads.iter().enumerate().filter(|(n, _)| wrong.contains(n));
            grouped(chosen.map(|(_, photos)| photos).sum())
        };
        let figures =
            [("0 wrong", photos(0..=0)), ("1 wrong", photos(1..=1)), ("2+ wrong", photos(2..=usize::MAX))];
        let gauge = Self::new("All heads", &metrics.split, &metrics.all_heads_right, None, figures);
        Self { hero: true, ..gauge }
    }

    /// The accuracy of a head with one class a photo.
    pub(super) fn of_classes(head: &'a HeadMetrics, split: &'a str) -> Self {
        let error = head.calibration.expected_error;
        let figures = [
            ("macro-F1", decimal(head.macro_f1)),
            ("log loss", decimal(head.log_loss)),
            ("ECE", error.map_or_else(|| "–".to_owned(), percent)),
        ];
        let majority = Some((head.majority.class.as_str(), &head.majority.accuracy));
        Self::new(&head.name, split, &head.accuracy, majority, figures)
    }

    /// The exact-match accuracy of a head with tags.
    pub(super) fn of_tags(head: &'a TagHeadMetrics, split: &'a str) -> Self {
        let figures = [
            ("mAP", decimal(head.mean_average_precision)),
            ("macro-F1", decimal(head.macro_f1)),
            ("log loss", decimal(head.log_loss)),
        ];
        Self::new(&head.name, split, &head.exact, Some(("none", &head.always_none)), figures)
    }

    fn new(
        name: &'a str,
        split: &'a str,
        right: &Proportion,
        baseline: Option<(&str, &Proportion)>,
        figures: [(&'static str, String); 3],
    ) -> Self {
        let place = |share: f64| format!("{:.2}", share * 100.0);
        let value = right.share.zip(right.interval).map(|(share, [low, high])| Value {
            percent: number(share),
            interval: format!("{} to {}", number(low), percent(high)),
            at: place(share),
            low: place(low),
            width: place(high - low),
        });
        let baseline = baseline.and_then(|(class, accuracy)| {
            let share = accuracy.share?;
            Some(Baseline { class: class.to_owned(), percent: percent(share), at: place(share) })
        });
        let photos = format!("{} of {}", grouped(right.count), counted(right.total, "photo", "photos"));
        Self { name, split, hero: false, value, baseline, photos, figures }
    }
}

/// A percentage without its sign.
fn number(share: f64) -> String {
    percent(share).trim_end_matches('%').to_owned()
}
