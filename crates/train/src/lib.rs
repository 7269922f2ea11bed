//! Stage 4, `train`: trains one network with a head per question on the weighted sum of the heads' losses, and
//! `features`, which caches the activations of frozen parts for it, if asked to.
//!
//! **Reads** `labels.parquet` and `heads.json` of `labels`, `shards/`, `index.parquet`, `boxes.parquet` and `preparation.json` of
//! `preprocess`, `features/` where activations are cached, and the pretrained weights that `train.weights` names, if any.
//!
//! **Writes** `model/` (the selected epoch, `train.select_by`: `model.safetensors` under torchvision's names,
//! `config.json`, `preprocessor_config.json`, `calibration.json`, `familiarity.safetensors`, `locator/`), `checkpoints/epoch-NNN/` (the last epochs, same layout),
//! `pooled_features/` and `pooled_features.parquet` (of each training and validation photo), `history.parquet` and
//! `history.csv` (a row per epoch), and `tensorboard/` (the same as curves).
//!
//! Every random choice is drawn from a generator keyed by (seed, purpose, epoch, position), so that a run
//! interrupted anywhere goes on to the same weights from its last state.

mod augmentation;
mod batches;
mod bits;
mod calibration;
mod conflicts;
mod curves;
mod data;
mod divergence;
mod dry_run;
mod effects;
mod ema;
mod epoch_row;
mod error;
mod features;
mod fine_tuning;
mod freeze;
mod head_training;
mod hierarchy;
mod initial_network;
mod inputs;
mod learner;
mod locator;
mod locator_settings;
mod model_folder;
mod objective;
mod optimizer;
mod pooled_features;
mod position;
mod prefetch;
mod preview;
mod published_weights;
#[cfg(test)]
mod pytorch;
mod random;
mod resume;
mod running_metrics;
#[cfg(test)]
mod sample_data;
mod schedule;
mod selection;
mod settings;
mod settled;
mod stage;
mod steps;
mod sweep;
mod time_left;
mod train_state;
mod trainer;
mod trial_run;
mod validation;
mod values;

pub use augmentation::Augmentation;
pub use divergence::Divergence;
pub use dry_run::{DryRunEstimate, dry_run};
pub use ema::EmaSettings;
pub use error::Error;
pub use features::Features;
pub use fine_tuning::FineTuning;
pub use freeze::{FeatureSettings, Freeze};
pub use head_training::{ClassWeighting, HeadTraining, HeadWeighting};
pub use optimizer::{AdamW, Method, Optimizer, Rates, Sgd};
pub use position::Position;
pub use preview::{PreviewPicture, PreviewRow, preview};
pub use published_weights::PublishedWeights;
pub use schedule::{Horizon, PeakRates, Schedule, Shape};
pub use selection::Selection;
pub use settings::Settings;
pub use stage::Train;
pub use sweep::{Sweep, SweepPoint, SweepRange, sweep};
