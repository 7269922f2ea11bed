//! The folder of a model that other tools can open: weights, `config.json`, `preprocessor_config.json`.

use std::collections::BTreeMap;
use std::path::Path;

use marque_contracts::durable::{create_folder, move_into_place, temporary};
use marque_contracts::schema::model::{CONFIG, PREPROCESSOR, WEIGHTS};
use marque_contracts::schema::{Fit, Preparation};
use marque_contracts::{Digest, json};
use marque_network::{Network, NetworkConfig};
use serde_json::{Value, json};

use crate::Error;

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
    json::write(&folder.join(PREPROCESSOR), &preprocessor(&config, preparation))?;
    let weights = folder.join(WEIGHTS);
    let unfinished = temporary(&weights);
    network.save_with(|head| answers(&head.name), &unfinished)?;
    move_into_place(&unfinished, &weights)?;
    let digest = |name| Ok((name, Digest::of_file(&folder.join(name))?));
    [CONFIG, PREPROCESSOR, WEIGHTS].into_iter().map(digest).collect()
}

/// How to prepare photos, in the words of Hugging Face's image processors, and in one of our own where these have none:
/// `crop_to_box`, with a margin.
fn preprocessor(config: &NetworkConfig, preparation: &Preparation) -> Value {
    let size = config.input_size;
    let square = json!({ "height": size, "width": size });
    let mut words = json!({
        "do_resize": true,
        "size": square,
        "resample": preparation.resize.pillow(),
        "do_rescale": true,
        "rescale_factor": 1.0 / 255.0,
        "do_normalize": true,
        "image_mean": config.mean,
        "image_std": config.std,
    });
    match preparation.fit {
        Fit::Squash => {}
        Fit::Crop => {
            words["size"] = json!({ "shortest_edge": size });
            words["do_center_crop"] = true.into();
            words["crop_size"] = square;
        }
        Fit::Pad => {
            words["size"] = json!({ "longest_edge": size });
            words["do_pad"] = true.into();
            words["pad_size"] = square;
            words["pad_color"] = json!(preparation.background);
        }
    }
    if let Some(margin) = preparation.margin {
        words["crop_to_box"] = json!({ "margin": margin });
    }
    words
}

#[cfg(test)]
mod tests {
    use marque_contracts::schema::Filter;
    use marque_network::{Backbone, HeadConfig};

    use super::*;

    #[test]
    fn photos_are_prepared_as_they_were_for_training() {
        let heads = vec![HeadConfig::new("brand", ["a", "b"])];
        let config = NetworkConfig::new(Backbone::ResNet18, 64, heads);
        let squashed = Preparation {
            size: 64,
            margin: None,
            fit: Fit::Squash,
            resize: Filter::Bilinear,
            background: [1, 2, 3],
        };
        let words = preprocessor(&config, &squashed);
        assert_eq!(words["size"], json!({ "height": 64, "width": 64 }));
        assert_eq!((&words["resample"], &words["crop_to_box"]), (&json!(2), &Value::Null));
        let cropped = Preparation { fit: Fit::Crop, resize: Filter::Lanczos, ..squashed.clone() };
        let words = preprocessor(&config, &cropped);
        assert_eq!(words["size"], json!({ "shortest_edge": 64 }));
        assert_eq!(words["crop_size"], json!({ "height": 64, "width": 64 }));
        assert_eq!(words["resample"], 1);
        let padded = Preparation { fit: Fit::Pad, margin: Some(0.125), ..squashed };
        let words = preprocessor(&config, &padded);
        assert_eq!(words["size"], json!({ "longest_edge": 64 }));
        assert_eq!(words["pad_color"], json!([1, 2, 3]));
        assert_eq!(words["crop_to_box"], json!({ "margin": 0.125 }));
    }
}
