//! `report.html`: one page that needs no other file, no network and no script.
//!
//! Each section is a template of `templates/report/` with a file here that fills it; everything that comes from data is
//! escaped in the template.

mod coverage;
mod curves;
mod gauge;
mod head_section;
mod method;
mod page;
mod photo_card;
mod photos;
mod reliability;
mod slices;
mod suspects;
mod table;
mod training;
mod trust;
mod wording;

use askama::Template;
use marque_contracts::printable;
use marque_contracts::schema::Head;
use marque_formats::EpochRow;
use marque_metrics::Metrics;

use crate::Error;
use page::Page;
pub use photo_card::PhotoCard;
pub use suspects::{SuspectCard, Suspects};

/// What the page tells.
#[derive(Debug)]
pub struct Report<'a> {
    /// What was measured.
    pub metrics: &'a Metrics,
    /// The heads in the order of the metrics, those with tags last, with their photos per class and split.
    pub heads: &'a [Head],
    /// The training history, epoch by epoch, with the heads in the same order.
    pub history: &'a [EpochRow],
    /// The epoch whose weights were measured, if known.
    pub best_epoch: Option<u32>,
    /// The network in a few words: "ResNet18 at 96 × 96 pixels".
    pub network: &'a str,
    /// What to say of the network and the photos: names and values, in order.
    pub facts: &'a [(String, String)],
    /// What the reader must know first: that another split was measured than asked for, say.
    pub note: Option<&'a str>,
    /// Photos drawn uniformly from the split.
    pub sample: &'a [PhotoCard],
    /// Photos with the most confident mistakes, worst first.
    pub mistakes: &'a [PhotoCard],
    /// Labels that look wrong.
    pub suspects: &'a Suspects,
}

impl Report<'_> {
    /// Renders the page.
    ///
    /// # Errors
    /// If the template fails.
    pub fn render(&self) -> Result<String, Error> {
        // Nothing of a name or label acts on the page.
        Ok(printable(&Page::of(self).render()?).into_owned())
    }
}

/// Columns for some cards, at most five, in rows as equal as can be.
fn columns(cards: usize) -> usize {
    cards.div_ceil(cards.div_ceil(5).max(1)).max(1)
}
