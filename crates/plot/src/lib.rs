//! SVG plots: scales and their ticks, axes with grids, lines, dots, and confusion matrices.
//!
//! - **Reads**: numbers in memory.
//! - **Writes**: SVG as text, with the same bytes for the same numbers. An element's colour and line come from its
//!   class: by the style sheet of the page that the SVG is put into ([`Svg::new`]), so that one drawing serves a light
//!   and a dark page, or by one of its own ([`Svg::standalone`]).
//!
//! Lengths are in the drawing's units, one CSS pixel each; `y` grows downwards.

mod axes;
mod confusion;
mod scale;
mod svg;

pub use axes::Axes;
pub use confusion::confusion_matrix;
pub use scale::{NumberFormat, Scale, decades, step, ticks};
pub use svg::{Area, Svg};
