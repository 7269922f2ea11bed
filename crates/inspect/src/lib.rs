//! Queries and views over the Parquet tables of the store: SQL, summaries of the labels and of the class names, contact
//! sheets of photos, and sheets of where a network looked.
//!
//! **Reads** tables through `marque-formats`, and photos. **Writes** contact sheets where the caller asks for one.
//! The only crate with Polars in it, which takes minutes to build and is needed by no stage.

mod answer;
mod classes;
mod data_frame;
mod error;
mod explained;
mod lettering;
mod polars_thread;
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
pub use explained::{ExplainedAnswer, ExplainedPhoto, explained_sheet};
pub use sequence::{Picture, SequenceRow, sequence_sheet};
pub use sheet::{PhotoTable, Sheet};
pub use sql::{TableFile, is_named, query, rows};
pub use summary::{LabelSummary, SummaryRequest, summarise};
