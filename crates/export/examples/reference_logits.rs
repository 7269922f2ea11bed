//! What marque computes for some images, for `tests/onnx_agreement.py` to compare with:
//! `cargo run --release -p marque-export --example reference_logits -- MODEL_FOLDER OUT.safetensors`.
//!
//! The file holds `pixel_values`, `[n, 3, size, size]`, and per head `logits.<name>`.

use std::collections::HashMap;
use std::error::Error;
use std::path::PathBuf;

use candle_core::{Device, Tensor};
use marque_export::Model;
use marque_network::Network;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const IMAGES: usize = 8;

fn main() -> Result<(), Box<dyn Error>> {
    let [folder, out] = match std::env::args_os().skip(1).map(PathBuf::from).collect::<Vec<_>>().try_into() {
        Ok(paths) => paths,
        Err(_) => return Err("which model folder, and which file to write?".into()),
    };
    let model = Model::open(&folder)?;
    let network = Network::new(model.config(), 0)?;
    network.load(&folder.join("model.safetensors"))?;
    let size = model.config().input_size;
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let values: Vec<f32> = (0..IMAGES * size * size * 3).map(|_| rng.random_range(-2.0..2.0)).collect();
    let images = Tensor::from_vec(values, (IMAGES, size, size, 3), &Device::Cpu)?;
    let mut tensors =
        HashMap::from([("pixel_values".to_owned(), images.permute((0, 3, 1, 2))?.contiguous()?)]);
    for (head, logits) in model.config().heads.iter().zip(network.forward_eval(&images)?) {
        tensors.insert(format!("logits.{}", head.name), logits);
    }
    candle_core::safetensors::save(&tensors, &out)?;
    println!("{IMAGES} images of {size} pixels: {}", out.display());
    Ok(())
}
