//! Stage 4, `train`: trains one network with a head per question on the sum of the heads' cross-entropies.
//!
//! **Reads** `labels.parquet` and `heads.json` of `labels`, `shards/` and `index.parquet` of `preprocess`, and
//! the pretrained weights that `train.weights` names, if any.
//!
//! **Writes** `model/` (the best epoch by validation: `model.safetensors` under torchvision's names,
//! `config.json`, `preprocessor_config.json`), `checkpoints/epoch-NNN/` (the last epochs, same layout), and
//! `history.parquet` and `history.csv` (a row per epoch).
//!
//! Every random choice is drawn from a generator keyed by (seed, purpose, epoch, position), so that a run
//! interrupted after any epoch goes on to the same weights.

mod augment;
mod batches;
mod checkpoint;
mod data;
mod error;
mod optimizer;
mod random;
mod schedule;
mod settings;
mod stage;
mod tally;
pub mod throughput;
mod trainer;

pub use augment::Augment;
pub use error::Error;
pub use optimizer::{AdamW, AdamWSettings};
pub use schedule::{Schedule, Shape};
pub use settings::{ClassWeighting, Selection, Settings};
pub use stage::Train;
