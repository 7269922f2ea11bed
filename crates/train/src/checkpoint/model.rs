//! Models that other tools can open: weights, `config.json`, `preprocessor_config.json`.

use std::path::Path;

use marque_network::{HeadConfig, Network, NetworkConfig};
use serde_json::json;

use super::{create, flush, rename, write_json};
use crate::Error;

const WEIGHTS: &str = "model.safetensors";
const CONFIG: &str = "config.json";
const PREPROCESSOR: &str = "preprocessor_config.json";

/// Writes a model with those heads that are to answer. Whatever kills the program, weights that were in the folder
/// before stay whole.
pub(crate) fn write_model(
    network: &Network,
    answers: impl Fn(&HeadConfig) -> bool,
    folder: &Path,
) -> Result<(), Error> {
    create(folder)?;
    let config = network.config().with_heads(&answers);
    write_json(&folder.join(CONFIG), &config)?;
    write_json(&folder.join(PREPROCESSOR), &preprocessor(&config))?;
    let beside = folder.join("model.safetensors.tmp");
    network.save_with(answers, &beside)?;
    flush(&beside)?;
    rename(&beside, &folder.join(WEIGHTS))?;
    flush(folder)
}

/// How to prepare photos, in the words of Hugging Face's image processors.
fn preprocessor(config: &NetworkConfig) -> serde_json::Value {
    json!({
        "do_resize": true,
        "size": { "height": config.input_size, "width": config.input_size },
        "resample": 2,
        "do_rescale": true,
        "rescale_factor": 1.0 / 255.0,
        "do_normalize": true,
        "image_mean": config.mean,
        "image_std": config.std,
    })
}
