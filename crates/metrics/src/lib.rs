//! Metrics of classifiers: from the logits and labels of photos to counts, scores, intervals and calibration.
//!
//! - **Reads**: logits and labels in memory, as [`Predictions`], or one by one into a [`ConfusionMatrix`],
//!   [`MultiLabelCounts`] or [`HeadCounts`].
//! - **Writes**: nothing; [`Metrics`] is the record that the stage `evaluate` writes as `metrics.json`.
//!
//! Which label a head predicts is decided in one place, [`predicted`]. Photos whose label is not known are excluded from
//! every metric. Nothing here knows tensors or files; the logistic function is that of the losses.

mod average_precision;
mod bootstrap;
mod class_counts;
mod confident_learning;
mod confusion;
mod coverage;
mod decision;
mod error;
mod head_counts;
mod head_metrics;
mod linear_probe;
mod metrics;
mod multi_label;
mod operating_points;
mod paired;
mod predictions;
mod probability;
mod proportion;
mod reliability;
mod roc;
mod selective;
mod slices;
mod tag_metrics;
mod temperature;
mod unfamiliar;
mod without_boxes;

pub use average_precision::average_precision;
pub use bootstrap::{BootstrapIntervals, RESAMPLES};
pub use class_counts::{ClassCounts, balanced_accuracy, macro_f1};
pub use confident_learning::suspected;
pub use confusion::ConfusionMatrix;
pub use coverage::{CoveragePoint, coverage_curve};
pub use decision::{argmax, decisions, in_top_2, predicted, predicted_tags};
pub use error::Error;
pub use head_counts::HeadCounts;
pub use head_metrics::{ClassMetrics, HeadMetrics, Majority};
pub use linear_probe::{FOLDS, LinearProbes};
pub use metrics::Metrics;
pub use multi_label::MultiLabelCounts;
pub use operating_points::{OperatingPoint, OperatingPoints};
pub use paired::{Difference, Pair, PairedHead};
pub use predictions::{HeadPredictions, Predictions};
pub use probability::{confidence, log_softmax, probabilities};
pub use proportion::Proportion;
pub use reliability::{Bin, Reliability};
pub use roc::auroc;
pub use selective::SelectiveAnswers;
pub use slices::{Attribute, AttributeValues, Slice, SliceHead, brightness};
pub use tag_metrics::{TagHeadMetrics, TagMetrics};
pub use temperature::{
    FittedTemperature, TEMPERATURES, fit_tag_temperature, fit_temperature, pool_temperatures,
};
pub use unfamiliar::Unfamiliar;
pub use without_boxes::{WithoutBoxes, WithoutBoxesHead};
