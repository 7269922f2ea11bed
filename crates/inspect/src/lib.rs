//! Looks into the Parquet tables of the store: SQL over them, summaries of the labels and of the class names,
//! and contact sheets of photos.
//!
//! It reads tables through `marque-formats`, photos as they are, and writes nothing but the picture that it is
//! asked for. This is the only crate with Polars in it, which takes minutes to build and is needed by no stage.

mod answer;
mod classes;
mod error;
mod layout;
mod lettering;
mod rows;
mod sequence;
mod sheet;
mod sql;
mod statement;
mod summary;
mod summary_text;

pub use answer::{Answer, Value};
pub use classes::{ClassSummary, classes};
pub use error::Error;
pub use layout::wrap;
pub use sequence::{Picture, SequenceRow, sequence_sheet};
pub use sheet::{PhotoTable, Sheet};
pub use sql::{TableFile, query, rows};
pub use summary::{LabelSummary, SummaryRequest, summarise};
