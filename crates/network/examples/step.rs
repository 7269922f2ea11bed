//! Times training steps (forward, summed cross-entropy, backward; no optimiser) and prints images per second.
//!
//! `cargo run --release -p marque-network --example step -- --backbone resnet34 --size 128 --batch 16`

use candle_core::{Device, Tensor};
use clap::{Parser, ValueEnum};
use marque_kernels::{CrossEntropy, cross_entropy};
use marque_network::{Backbone, Gradients, HeadConfig, Network, NetworkConfig, stock};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

#[derive(Parser)]
struct Arguments {
    #[arg(long, value_enum, default_value_t = Trunk::Resnet34)]
    backbone: Trunk,
    /// Height and width of the images, in pixels.
    #[arg(long, default_value_t = 128)]
    size: usize,
    #[arg(long, default_value_t = 16)]
    batch: usize,
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Timed steps, after one that is not.
    #[arg(long, default_value_t = 3)]
    steps: usize,
    /// Evaluate instead of training.
    #[arg(long)]
    infer: bool,
    /// Compute with candle's own operations.
    #[arg(long)]
    stock: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Trunk {
    Resnet18,
    Resnet34,
    Resnet50,
}

fn main() -> Outcome<()> {
    let arguments = Arguments::parse();
    rayon::ThreadPoolBuilder::new().num_threads(arguments.threads).build_global()?;
    let network = Network::new(&config(&arguments), 0)?;
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let pixels = arguments.batch * arguments.size * arguments.size * 3;
    let pixels: Vec<f32> = (0..pixels).map(|_| rng.random_range(-2.0..2.0)).collect();
    let images =
        Tensor::from_vec(pixels, (arguments.batch, arguments.size, arguments.size, 3), &Device::Cpu)?;
    let mut gradients = Gradients::new();
    let mut seconds = Vec::new();
    for _ in 0..=arguments.steps {
        let start = Instant::now();
        step(&arguments, &network, &images, &mut rng, &mut gradients)?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    let mut timed = seconds.split_off(1);
    timed.sort_by(f64::total_cmp);
    let median = timed[timed.len() / 2];
    println!(
        "{:.2} images/s, median {median:.3} s, fastest {:.3} s, slowest {:.3} s",
        arguments.batch as f64 / median,
        timed[0],
        timed[timed.len() - 1]
    );
    Ok(())
}

fn step(
    arguments: &Arguments,
    network: &Network,
    images: &Tensor,
    rng: &mut ChaCha8Rng,
    gradients: &mut Gradients,
) -> Outcome<()> {
    match (arguments.infer, arguments.stock) {
        (true, false) => {
            network.forward_eval(images)?;
        }
        (true, true) => {
            stock::forward_eval(network, images)?;
        }
        (false, false) => {
            let pass = network.forward_train(images, rng)?;
            let loss = loss(pass.logits(), arguments.batch)?;
            pass.backward(&loss, gradients)?;
        }
        (false, true) => {
            loss(&stock::forward_train(network, images)?, arguments.batch)?.backward()?;
        }
    }
    Ok(())
}

fn loss(logits: &[Tensor], batch: usize) -> Outcome<Tensor> {
    let targets = Tensor::zeros(batch, candle_core::DType::I64, &Device::Cpu)?;
    let mut loss = Tensor::zeros((), candle_core::DType::F32, &Device::Cpu)?;
    for logits in logits {
        loss = (loss + cross_entropy(logits, &targets, &CrossEntropy::default())?)?;
    }
    Ok(loss)
}

fn config(arguments: &Arguments) -> NetworkConfig {
    let head =
        |name: &str, classes: usize| HeadConfig::new(name, (0..classes).map(|class| class.to_string()));
    NetworkConfig {
        backbone: match arguments.backbone {
            Trunk::Resnet18 => Backbone::ResNet18,
            Trunk::Resnet34 => Backbone::ResNet34,
            Trunk::Resnet50 => Backbone::ResNet50,
        },
        bottleneck_stride: Default::default(),
        norm_eps: 1e-5,
        norm_momentum: 0.1,
        zero_init_residual: false,
        dropout: 0.2,
        input_size: arguments.size,
        mean: [0.5; 3],
        std: [0.5; 3],
        heads: vec![head("brand", 6), head("type", 5), head("era", 2)],
    }
}
