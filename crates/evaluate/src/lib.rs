//! Stage 5, `evaluate`: measures the network on photos that were not trained on, and writes a report.
//!
//! - **Reads** `labels.parquet` and `heads.json` of `labels`, `shards/` and `index.parquet` of `preprocess`,
//!   `model/`, `history.parquet` and `pooled_features/` of `train`, `duplicates.parquet` of `ingest`, and, to
//!   show some of them, its `photos/`.
//! - **Writes** `metrics.json` ([`marque_metrics::Metrics`]), `predictions.parquet` ([`write_predictions`]),
//!   `suspects.parquet` (labels that look wrong) and `report.html` ([`Report`]), a page that needs no other file.
//!
//! The network runs in evaluation mode and every photo of the split counts once, the last, smaller batch
//! included. Where a label is not known, the photo is excluded from that head's metrics.

mod attributes;
mod comparison;
mod error;
mod gallery;
mod inputs;
mod measured;
mod prediction_table;
mod report;
mod settings;
mod stage;
mod suspects;
mod thumbnail;
mod without_boxes;

pub use comparison::{AnswerTable, Comparison, DifferentAnswer};
pub use error::Error;
pub use gallery::{confident_mistakes, sample};
pub use prediction_table::write_predictions;
pub use report::{PhotoCard, Report, SuspectCard, Suspects};
pub use settings::Settings;
pub use stage::Evaluate;
pub use thumbnail::Thumbnail;
