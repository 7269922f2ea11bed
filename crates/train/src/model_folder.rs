//! The folder of a model that other tools can open: weights, `config.json`, `preprocessor_config.json`.

use std::path::Path;

use marque_contracts::durable::{move_into_place, temporary};
use marque_contracts::json;
use marque_contracts::schema::model::{CONFIG, PREPROCESSOR, WEIGHTS};
use marque_contracts::schema::{Preparation, Preprocessor};
use marque_network::Network;

use crate::Error;

/// Writes a model with the heads that `answers` accepts by name. Whatever ends the program, weights that were in the
/// folder before stay complete.
pub(crate) fn write_model(
    network: &Network,
    preparation: &Preparation,
    answers: impl Fn(&str) -> bool,
    folder: &Path,
) -> Result<(), Error> {
    fs_err::create_dir_all(folder)?;
    let config = network.config().with_heads(|head| answers(&head.name));
    json::write(&folder.join(CONFIG), &config)?;
    let preparation = Preparation { size: config.input_size, ..preparation.clone() };
    let preprocessor = Preprocessor::new(&preparation, config.mean, config.std);
    json::write(&folder.join(PREPROCESSOR), &preprocessor)?;
    let weights = folder.join(WEIGHTS);
    let unfinished = temporary(&weights);
    network.save_with(|head| answers(&head.name), &unfinished)?;
    Ok(move_into_place(&unfinished, &weights)?)
}
