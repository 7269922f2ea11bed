//! Photos per second of forward and backward passes, by `marque-network` and by the reference:
//! `cargo run --release -p marque-reference --example throughput -- resnet18 64 32` (backbone, pixels, batch).

use std::error::Error;
use std::time::Instant;

use candle_core::{DType, Device, Tensor};
use marque_network::{Backbone, Frozen, Gradients, HeadConfig, Network, NetworkConfig};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

const STEPS: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [backbone, size, batch] = arguments.as_slice() else {
        return Err("which backbone, how many pixels, and how many photos in a batch?".into());
    };
    let backbone = Backbone::ALL.into_iter().find(|known| known.name() == backbone);
    let (size, batch): (usize, usize) = (size.parse()?, batch.parse()?);
    let network = Network::new(&config(backbone.ok_or("there is no such backbone")?, size), 0)?;
    let images = Tensor::rand(-2f32, 2.0, (batch, size, size, 3), &Device::Cpu)?;
    let mut gradients = Gradients::new();
    time("marque-network", batch, || {
        let pass = network.forward_train(&images, Frozen::default(), &mut ChaCha8Rng::seed_from_u64(0))?;
        let loss = loss(pass.logits())?;
        Ok(pass.backward(&loss, &mut gradients)?)
    })?;
    time("reference", batch, || {
        let logits = marque_reference::forward_train(&network, &images)?;
        loss(&logits)?.backward()?;
        Ok(())
    })
}

fn config(backbone: Backbone, size: usize) -> NetworkConfig {
    NetworkConfig::new(backbone, size, vec![HeadConfig::new("brand", ["Audi", "BMW"])])
}

fn loss(logits: &[Tensor]) -> candle_core::Result<Tensor> {
    let mut sum = Tensor::zeros((), DType::F32, &Device::Cpu)?;
    for logits in logits {
        sum = (sum + logits.sqr()?.sum_all()?)?;
    }
    Ok(sum)
}

/// Prints what the median of some steps after the first comes to.
fn time(
    name: &str,
    batch: usize,
    mut step: impl FnMut() -> Result<(), Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    let mut seconds = Vec::new();
    for _ in 0..=STEPS {
        let start = Instant::now();
        step()?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    let mut seconds = seconds.split_off(1);
    seconds.sort_by(f64::total_cmp);
    println!("{name}: {:.1} photos/s", batch as f64 / seconds[STEPS / 2]);
    Ok(())
}
