//! The folder of a model that other tools can open: weights, `config.json`, `preprocessor_config.json`.

use std::collections::BTreeMap;
use std::path::Path;

use marque_contracts::durable::{create_folder, move_into_place, remove, sync_file, sync_folder, temporary};
use marque_contracts::schema::model::{CONFIG, PREPROCESSOR, WEIGHTS};
use marque_contracts::schema::{Preparation, Preprocessor};
use marque_contracts::{Digest, json};
use marque_network::Network;

use crate::Error;

/// The files of a model.
const FILES: [&str; 3] = [CONFIG, PREPROCESSOR, WEIGHTS];

/// Writes a model with the heads that `answers` accepts by name, and returns the digests of its files by name. Whatever
/// ends the program, each file that was in the folder before is complete, or the new one is.
pub(crate) fn write_model(
    network: &Network,
    preparation: &Preparation,
    answers: impl Fn(&str) -> bool,
    folder: &Path,
) -> Result<BTreeMap<&'static str, Digest>, Error> {
    create_folder(folder)?;
    let config = network.config().with_heads(|head| answers(&head.name));
    json::write(&folder.join(CONFIG), &config)?;
    let preparation = Preparation { size: config.input_size, ..preparation.clone() };
    let preprocessor = Preprocessor::new(&preparation, config.mean, config.std);
    json::write(&folder.join(PREPROCESSOR), &preprocessor)?;
    write_weights(network, answers, folder)?;
    let digest = |name| Ok((name, Digest::of_file(&folder.join(name))?));
    FILES.into_iter().map(digest).collect()
}

/// Writes the weights of a network with the heads that `answers` accepts by name into a folder.
pub(crate) fn write_weights(
    network: &Network,
    answers: impl Fn(&str) -> bool,
    folder: &Path,
) -> Result<(), Error> {
    let weights = folder.join(WEIGHTS);
    let unfinished = temporary(&weights);
    network.save_with(|head| answers(&head.name), &unfinished)?;
    Ok(move_into_place(&unfinished, &weights)?)
}

/// Copies the files of a model into another folder, which holds nothing else then.
pub(crate) fn copy_model(from: &Path, folder: &Path) -> Result<(), Error> {
    remove(folder)?;
    create_folder(folder)?;
    for name in FILES {
        fs_err::copy(from.join(name), folder.join(name))?;
        sync_file(&folder.join(name))?;
    }
    Ok(sync_folder(folder)?)
}
