//! From a model's folder and photos to answers: what `marque predict` prints, and `evaluate` measures.
//!
//! **Reads** the folder of a model ([`contracts::schema::model`](marque_contracts::schema::model)): weights, `config.json`,
//! `preprocessor_config.json`, and `calibration.json`, `familiarity.safetensors` and `locator/` where they are; and photos. Nothing else is needed: a folder that was
//! copied to another machine answers there. **Writes** nothing.
//!
//! [`Predictor`] computes; [`predict_photos`] decodes ahead of it, batch by batch, in memory that does not grow with the
//! number of photos. An answer depends on the photo and the model alone: the photos beside it in a batch, the number of
//! threads and who asks change no bit of it.

mod calibration;
mod error;
mod explanation;
mod familiarity;
mod locator;
mod photo_input;
mod photos;
mod prediction;
mod predictor;
mod preparing;
mod settings;

pub use calibration::{Calibration, HeadCalibration};
pub use error::Error;
pub use explanation::{ActivationMap, Explanation};
pub use familiarity::{Familiarity, PhotoFeatures};
pub use locator::{Correction, Locator, coverage, locator_config, locator_input};
pub use photo_input::{PhotoError, PhotoFile, PhotoInput};
pub use photos::{Reading, predict_photos};
pub use prediction::{Car, HeadPrediction, Prediction};
pub use predictor::{Outputs, Predictor};
pub use settings::Settings;
