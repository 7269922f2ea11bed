//! Stage 5, `evaluate`: measures the network on photos that it never saw, and writes a report for people.
//!
//! - **Reads** `labels.parquet` and `heads.json` of `labels`, `shards/` and `index.parquet` of `preprocess`,
//!   `model/` and `history.parquet` of `train`, and, to show some of them, `photos/` of `ingest`.
//! - **Writes** `metrics.json` ([`Metrics`]), `predictions.parquet` ([`Answers::write`]) and `report.html`
//!   ([`Report`]), a page that needs no other file.
//!
//! The network runs in evaluation mode and every photo of the split counts once, the last, smaller batch
//! included. Where a label is not known, the photo is left out for that head.

mod answers;
mod calibration;
mod error;
mod gallery;
mod inputs;
mod metrics;
mod plot;
mod predict;
mod proportion;
mod report;
mod settings;
mod stage;
mod tag_answers;
mod tag_metrics;
mod thumbnail;

pub use answers::{Answers, HeadAnswers};
pub use calibration::{Bin, Calibration};
pub use error::Error;
pub use gallery::{confident_mistakes, sample};
pub use metrics::{ClassMetrics, HeadMetrics, Majority, Metrics};
pub use proportion::Proportion;
pub use report::{PhotoCard, Report};
pub use settings::Settings;
pub use stage::Evaluate;
pub use tag_answers::TagAnswers;
pub use tag_metrics::{TagHeadMetrics, TagMetrics};
pub use thumbnail::Thumbnail;
