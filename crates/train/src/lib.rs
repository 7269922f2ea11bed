//! Stage 4, `train`: trains one network with a head per question on the weighted sum of the heads' losses, and
//! `features`, which keeps the activations of frozen parts for it, if asked to.
//!
//! **Reads** `labels.parquet` and `heads.json` of `labels`, `shards/` and `index.parquet` of `preprocess`, and
//! the pretrained weights that `train.weights` names, if any.
//!
//! **Writes** `model/` (the best epoch by validation: `model.safetensors` under torchvision's names,
//! `config.json`, `preprocessor_config.json`), `checkpoints/epoch-NNN/` (the last epochs, same layout),
//! `history.parquet` and `history.csv` (a row per epoch), and `tensorboard/` (the same as curves).
//!
//! Every random choice is drawn from a generator keyed by (seed, purpose, epoch, position), so that a run
//! interrupted anywhere goes on to the same weights from its last state.

mod augmentation;
mod batches;
mod bits;
mod checkpoint;
mod comparison;
mod curves;
mod data;
mod ema;
mod error;
mod features;
mod freeze;
mod head_settings;
mod hierarchy;
mod learner;
mod measured;
mod objective;
mod optimizer;
mod practice;
mod prefetch;
mod preview;
#[cfg(test)]
mod pytorch;
mod random;
mod rehearsal;
mod schedule;
mod settings;
mod stage;
mod sweep;
mod trainer;
mod validation;
mod values;

pub use augmentation::Augmentation;
pub use comparison::{Forward, first_losses};
pub use ema::EmaSettings;
pub use error::{Divergence, Error};
pub use features::Features;
pub use freeze::Freeze;
pub use head_settings::{ClassWeighting, HeadSettings, Weighing};
pub use optimizer::{AdamW, Method, Optimizer, Rates, Sgd};
pub use preview::{PreviewPicture, PreviewRow, preview};
pub use rehearsal::{Rehearsal, rehearse};
pub use schedule::{Length, PeakRates, Schedule, Shape};
pub use settings::{FeatureSettings, Selection, Settings};
pub use stage::Train;
pub use sweep::{Sweep, SweepPoint, SweepRange, sweep};
