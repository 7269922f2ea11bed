//! The plots of the report, as SVG that takes its colours from the page's style sheet, so that one drawing
//! serves a light and a dark page.

mod confusion;
mod curves;
mod reliability;
mod scale;
mod svg;

pub(crate) use confusion::confusion_matrix;
pub(crate) use curves::{Curves, Unit};
pub(crate) use reliability::reliability;
