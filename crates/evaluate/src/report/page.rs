//! The page: the result in one sentence, a card per head, and the sections.

use askama::Template;
use marque_contracts::counts::percent;
use marque_metrics::Metrics;

use super::gauge::Gauge;
use super::head_section::HeadSection;
use super::method::MethodSection;
use super::photos::PhotoSection;
use super::slices::SliceSection;
use super::suspects::SuspectSection;
use super::training::TrainingSection;
use super::trust::TrustSection;
use super::wording::number_word;
use super::{Report, columns};

/// The page.
#[derive(Template)]
#[template(path = "report/page.html")]
pub(super) struct Page<'a> {
    headline: String,
    subtitle: String,
    note: Option<&'a str>,
    gauges: Vec<Gauge<'a>>,
    gauge_columns: usize,
    photos: PhotoSection<'a>,
    mistakes: PhotoSection<'a>,
    suspects: Option<SuspectSection<'a>>,
    slices: Option<SliceSection<'a>>,
    training: TrainingSection,
    heads: Vec<HeadSection<'a>>,
    trust: TrustSection<'a>,
    method: MethodSection<'a>,
}

impl<'a> Page<'a> {
    pub(super) fn of(report: &'a Report<'a>) -> Self {
        let metrics = report.metrics;
        let several = metrics.head_names().count() > 1;
        let heads = metrics.heads.iter().map(|head| Gauge::of_classes(head, &metrics.split));
        let tags = metrics.tags.iter().map(|head| Gauge::of_tags(head, &metrics.split));
        let overall = several.then(|| Gauge::overall(metrics));
        let gauges: Vec<_> = overall.into_iter().chain(heads).chain(tags).collect();
        Self {
            headline: headline(metrics),
            subtitle: subtitle(report),
            note: report.note,
            gauge_columns: columns(gauges.len()),
            gauges,
            photos: PhotoSection::sample(report),
            mistakes: PhotoSection::mistakes(report),
            suspects: SuspectSection::of(report),
            slices: SliceSection::of(metrics),
            training: TrainingSection::of(report),
            heads: HeadSection::all(report),
            trust: TrustSection::of(metrics),
            method: MethodSection { facts: report.facts, has_tags: !metrics.tags.is_empty() },
        }
    }
}

/// The result in one sentence.
fn headline(metrics: &Metrics) -> String {
    let names: Vec<_> = metrics.head_names().collect();
    let (right, heads) = match (&names[..], metrics.heads.first(), metrics.tags.first()) {
        ([only], Some(head), _) => (&head.accuracy, format!("the {only}")),
        ([only], None, Some(head)) => (&head.exact, format!("exactly the {only}")),
        ([_, _], ..) => (&metrics.all_heads_right, "both answers".to_owned()),
        (several, ..) => (&metrics.all_heads_right, format!("all {} answers", number_word(several.len()))),
    };
    // Of photos without labels nobody knows.
    let labelled = match (right.total == metrics.photos, names.len()) {
        (true, _) => format!("{} photos", metrics.split),
        (false, 1) => format!("the labelled {} photos", metrics.split),
        (false, _) => format!("the {} photos with every label", metrics.split),
    };
    match right.share {
        Some(share) => format!("{} of {labelled} have {heads} right", percent(share)),
        None => format!("No {} photo has every label", metrics.split),
    }
}

/// What was measured, on what.
fn subtitle(report: &Report<'_>) -> String {
    let heads = report.metrics.head_names().count();
    let trained = match (report.best_epoch, report.history.len()) {
        (Some(epoch), epochs @ 1..) => format!(", weights of epoch {epoch} of {epochs}"),
        _ => String::new(),
    };
    format!(
        "{} with {} {}, measured on {}{trained}.",
        report.network,
        number_word(heads),
        if heads == 1 { "head" } else { "heads" },
        report.metrics.measured_photos(),
    )
}
