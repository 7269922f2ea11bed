//! Where the network is weak: accuracies of photos that have something in common.

use askama::Template;
use marque_contracts::counts::{counted, grouped, percent};
use marque_metrics::{Metrics, Slice, SliceHead};

/// Slices that are listed as weak at most.
const WEAKEST: usize = 8;

/// The section.
#[derive(Template)]
#[template(path = "report/slices.html")]
pub(super) struct SliceSection<'a> {
    summary: String,
    weak: Vec<Weak<'a>>,
    heads: Vec<&'a str>,
    rows: Vec<Row<'a>>,
}

/// A slice on which a head is worse than elsewhere.
struct Weak<'a> {
    head: &'a str,
    attribute: &'a str,
    value: &'a str,
    right: String,
    interval: String,
    rest: String,
    photos: String,
}

struct Row<'a> {
    attribute: &'a str,
    value: &'a str,
    photos: u64,
    photos_written: String,
    cells: Vec<Cell>,
}

struct Cell {
    /// The share, to sort by.
    share: Option<f64>,
    text: String,
    interval: String,
    is_weak: bool,
}

impl<'a> SliceSection<'a> {
    /// `None` where nothing tells the photos apart.
    pub(super) fn of(metrics: &'a Metrics) -> Option<Self> {
        let slices = &metrics.slices;
        let heads = slices.first()?.heads.iter().map(|head| head.name.as_str()).collect();
        let mut weak: Vec<(&Slice, &SliceHead)> = slices
            .iter()
            .flat_map(|slice| slice.heads.iter().map(move |head| (slice, head)))
            .filter(|(_, head)| head.is_weak())
            .collect();
        weak.sort_by(|a, b| a.1.q_value.unwrap_or(1.0).total_cmp(&b.1.q_value.unwrap_or(1.0)));
        let summary = match weak.len() {
            0 => format!(
                "None of {} is clearly worse than the rest",
                counted(slices.len() as u64, "slice", "slices")
            ),
            n => format!(
                "{} of a head on one of {}",
                counted(n as u64, "weakness", "weaknesses"),
                counted(slices.len() as u64, "slice", "slices")
            ),
        };
        let mut rows: Vec<_> = slices.iter().collect();
        let least = |slice: &Slice| slice.heads.iter().filter_map(|head| head.q_value).fold(1.0, f64::min);
        rows.sort_by(|a, b| least(a).total_cmp(&least(b)));
        Some(Self {
            summary,
            weak: weak.into_iter().take(WEAKEST).map(Weak::of).collect(),
            heads,
            rows: rows.into_iter().map(Row::of).collect(),
        })
    }
}

impl<'a> Weak<'a> {
    fn of((slice, head): (&'a Slice, &'a SliceHead)) -> Self {
        Self {
            head: &head.name,
            attribute: &slice.attribute,
            value: &slice.value,
            right: share(head.right.share),
            interval: interval(head),
            rest: share(head.rest),
            photos: counted(head.right.total, "photo", "photos"),
        }
    }
}

impl<'a> Row<'a> {
    fn of(slice: &'a Slice) -> Self {
        let cell = |head: &SliceHead| Cell {
            share: head.right.share,
            text: share(head.right.share),
            interval: interval(head),
            is_weak: head.is_weak(),
        };
        Self {
            attribute: &slice.attribute,
            value: &slice.value,
            photos: slice.photos,
            photos_written: grouped(slice.photos),
            cells: slice.heads.iter().map(cell).collect(),
        }
    }
}

fn share(share: Option<f64>) -> String {
    share.map_or_else(|| "–".to_owned(), percent)
}

/// "81.2–90.3"; nothing where nothing was measured.
fn interval(head: &SliceHead) -> String {
    let number = |share: f64| format!("{:.0}", share * 100.0);
    head.right.interval.map(|[low, high]| format!("{}–{}", number(low), number(high))).unwrap_or_default()
}
