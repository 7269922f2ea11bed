//! `report.html`: one page that needs no other file, no network and no script.
//!
//! The template is `templates/report.html`; everything that comes from data is escaped in it. The views of
//! this module turn numbers into the words and lengths that the template shows.

mod page;
mod photo_card;
mod tables;
mod wording;

use askama::Template;
use marque_contracts::schema::Head;
use marque_formats::EpochRow;

use crate::{Error, Metrics};
use page::Page;
pub use photo_card::PhotoCard;
pub(crate) use wording::count;

/// What the page tells.
#[derive(Debug)]
pub struct Report<'a> {
    /// What was measured.
    pub metrics: &'a Metrics,
    /// The heads in the order of the metrics, with their photos per class and split.
    pub heads: &'a [Head],
    /// What training noted, epoch by epoch, with the heads in the same order.
    pub history: &'a [EpochRow],
    /// The epoch whose weights were measured, if known.
    pub best_epoch: Option<u32>,
    /// What was measured, in a few words: "ResNet18 at 96 × 96 pixels".
    pub network: &'a str,
    /// What to say of the network and the photos: names and values, in order.
    pub facts: &'a [(String, String)],
    /// What the reader must know first: that another split was measured than asked for, say.
    pub note: Option<&'a str>,
    /// Photos drawn evenly from the split.
    pub sample: &'a [PhotoCard],
    /// Photos with the most confident mistakes, worst first.
    pub mistakes: &'a [PhotoCard],
}

impl Report<'_> {
    /// Renders the page.
    ///
    /// # Errors
    /// If the template fails.
    pub fn render(&self) -> Result<String, Error> {
        Ok(Page::of(self).render()?)
    }
}
