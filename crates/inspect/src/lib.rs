//! Looks into the Parquet tables of the store: SQL over them, and a summary of the labels.
//!
//! It reads tables through `marque-formats` and writes nothing. This is the only crate with Polars in it,
//! which takes minutes to build and is needed by no stage.

mod answer;
mod error;
mod sql;
mod summary;

pub use answer::{Answer, Value};
pub use error::Error;
pub use sql::{TableFile, query};
pub use summary::{LabelSummary, summarise};
