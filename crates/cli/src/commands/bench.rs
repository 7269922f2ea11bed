//! `marque bench`

use std::time::Instant;

use candle_core::{DType, Device, Tensor};
use marque_kernels::nhwc::{Convolution, Epilogue};
use marque_kernels::{CrossEntropy, cross_entropy, instruction_set, multiply_add_peak};
use marque_network::{Backbone, Gradients, HeadConfig, Network, NetworkConfig, stock};
use marque_train::{AdamW, AdamWSettings};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use crate::arguments::{Bench, Trunk};
use crate::error::Error;
use crate::terminal::Terminal;

/// Steps before the timed ones, in which buffers are made.
const WARM_UP: usize = 2;

pub(super) fn bench(options: &Bench, terminal: &Terminal) -> Result<(), Error> {
    let threads = options.threads.unwrap_or(0);
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?;
    let run = Run::new(options)?;
    let seconds = run.seconds()?;
    let (batch, median) = (f64::from(options.batch), seconds[seconds.len() / 2]);
    let memory = peak_memory();
    let convolutions = run.network.convolutions(run.shape())?;
    let passes = if options.evaluate { 1.0 } else { 3.0 };
    // The image has no gradient.
    let unneeded = if options.evaluate { 0 } else { convolutions.first().map_or(0, Convolution::operations) };
    let operations = convolutions.iter().map(Convolution::operations).sum::<u64>();
    let operations = passes * operations as f64 - unneeded as f64;
    let peak = multiply_add_peak();
    if options.json {
        let record = json!({
            "backbone": format!("{:?}", options.backbone).to_lowercase(),
            "mode": if options.evaluate { "infer" } else { "train" },
            "batch": options.batch,
            "size": options.size,
            "threads": rayon::current_num_threads(),
            "stock": options.stock,
            "instructions": instruction_set(),
            "seconds_median": median,
            "seconds_min": seconds[0],
            "seconds_max": seconds[seconds.len() - 1],
            "images_per_second": batch / median,
            "gflops": operations / median / 1e9,
            "peak_gflops": peak / 1e9,
            "peak_rss_mib": memory.map(|bytes| bytes >> 20),
        });
        terminal.print(record);
        return Ok(());
    }
    terminal.print(format_args!(
        "{:?}, {} px, batch {}, {} threads, {}",
        options.backbone,
        options.size,
        options.batch,
        rayon::current_num_threads(),
        instruction_set()
    ));
    terminal.print(format_args!(
        "{:.1} photos/s: median of {} steps {median:.3} s, from {:.3} to {:.3} s",
        batch / median,
        seconds.len(),
        seconds[0],
        seconds[seconds.len() - 1]
    ));
    terminal.print(format_args!(
        "{:.0} GFLOP/s, counting convolutions by their definition; in registers the cores reach {:.0}",
        operations / median / 1e9,
        peak / 1e9
    ));
    if let Some(bytes) = memory {
        terminal.print(format_args!("{} MiB of memory at most", bytes >> 20));
    }
    if !options.stock {
        terminal.print("");
        by_kind(&convolutions, options.evaluate, median, terminal);
    }
    Ok(())
}

/// A network and what it computes on.
struct Run<'a> {
    options: &'a Bench,
    network: Network,
    images: Tensor,
    targets: Tensor,
}

impl<'a> Run<'a> {
    fn new(options: &'a Bench) -> Result<Self, Error> {
        let network = Network::new(&config(options), 0)?;
        let [batch, size] = [options.batch, options.size].map(usize::from);
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let pixels: Vec<f32> = (0..batch * size * size * 3).map(|_| rng.random_range(-2.0..2.0)).collect();
        let images = Tensor::from_vec(pixels, (batch, size, size, 3), &Device::Cpu);
        let targets = Tensor::zeros(batch, DType::I64, &Device::Cpu);
        let candle = marque_network::Error::from;
        Ok(Self { options, network, images: images.map_err(candle)?, targets: targets.map_err(candle)? })
    }

    fn shape(&self) -> [usize; 4] {
        let [batch, size] = [self.options.batch, self.options.size].map(usize::from);
        [batch, size, size, 3]
    }

    /// Seconds of each timed step, in ascending order.
    fn seconds(&self) -> Result<Vec<f64>, Error> {
        let settings = AdamWSettings { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.01 };
        let mut optimizer = AdamW::new(settings, self.network.parameters());
        let (mut gradients, mut rng) = (Gradients::new(), ChaCha8Rng::seed_from_u64(0));
        let mut seconds = Vec::new();
        for _ in 0..WARM_UP + usize::from(self.options.steps) {
            let start = Instant::now();
            self.step(&mut optimizer, &mut gradients, &mut rng)?;
            seconds.push(start.elapsed().as_secs_f64());
        }
        let mut seconds = seconds.split_off(WARM_UP);
        seconds.sort_by(f64::total_cmp);
        Ok(seconds)
    }

    fn step(
        &self,
        optimizer: &mut AdamW,
        gradients: &mut Gradients,
        rng: &mut ChaCha8Rng,
    ) -> Result<(), marque_network::Error> {
        let (network, images) = (&self.network, &self.images);
        match (self.options.evaluate, self.options.stock) {
            (true, false) => drop(network.forward_eval(images)?),
            (true, true) => drop(stock::forward_eval(network, images)?),
            (false, stock) => {
                if stock {
                    let of_loss = self.loss(&stock::forward_train(network, images)?)?.backward()?;
                    gradients.take(network.parameters(), &of_loss)?;
                } else {
                    let pass = network.forward_train(images, rng)?;
                    let loss = self.loss(pass.logits())?;
                    pass.backward(&loss, gradients)?;
                }
                optimizer.step(network.parameters(), gradients, 1e-4, 1e-4)?;
            }
        }
        Ok(())
    }

    fn loss(&self, logits: &[Tensor]) -> candle_core::Result<Tensor> {
        let mut loss = Tensor::zeros((), DType::F32, &Device::Cpu)?;
        for logits in logits {
            loss = (loss + cross_entropy(logits, &self.targets, &CrossEntropy::default())?)?;
        }
        Ok(loss)
    }
}

fn config(options: &Bench) -> NetworkConfig {
    let head =
        |name: &str, classes: usize| HeadConfig::new(name, (0..classes).map(|class| class.to_string()));
    NetworkConfig {
        backbone: match options.backbone {
            Trunk::Resnet18 => Backbone::ResNet18,
            Trunk::Resnet34 => Backbone::ResNet34,
            Trunk::Resnet50 => Backbone::ResNet50,
        },
        bottleneck_stride: Default::default(),
        norm_eps: 1e-5,
        norm_momentum: 0.1,
        zero_init_residual: false,
        dropout: 0.0,
        input_size: usize::from(options.size),
        mean: [0.5; 3],
        std: [0.5; 3],
        heads: vec![head("brand", 6), head("type", 5), head("era", 2)],
    }
}

/// Times each kind of convolution alone and prints what share of a step it takes.
fn by_kind(convolutions: &[Convolution], evaluate: bool, step: f64, terminal: &Terminal) {
    let mut kinds: Vec<(Convolution, usize)> = Vec::new();
    for convolution in convolutions {
        let kind = |c: &Convolution| (c.input_shape(), c.weight_shape(), c.stride());
        match kinds.iter_mut().find(|(known, _)| kind(known) == kind(convolution)) {
            Some((_, count)) => *count += 1,
            None => kinds.push((*convolution, 1)),
        }
    }
    terminal.print(format_args!(
        "{:<28} {:>17} {:>17} {:>17} {:>6}",
        "milliseconds, GFLOP/s", "forward", "input gradient", "weight gradient", "share"
    ));
    let mut rest = step;
    for (index, (convolution, count)) in kinds.iter().enumerate() {
        let [x, w, y] = [convolution.input_shape(), convolution.weight_shape(), convolution.output_shape()];
        let (mut xs, mut ws, mut ys) = (values(x), values(w), values(y));
        let forward = fastest(|| convolution.forward(&xs, &ws, Epilogue::default(), &mut ys));
        let of_weight = fastest_if(!evaluate, || convolution.weight_gradient(&xs, &ys, &mut ws));
        // The image, which the first one reads, has no gradient.
        let of_input =
            fastest_if(!evaluate && index > 0, || convolution.input_gradient(&ws, &ys, false, &mut xs));
        let cell = |seconds: f64| match seconds {
            0.0 => String::new(),
            _ => format!("{:.2} {:>6.0}", seconds * 1e3, convolution.operations() as f64 / seconds / 1e9),
        };
        let total = *count as f64 * (forward + of_weight + of_input);
        rest -= total;
        terminal.print(format_args!(
            "{count:>2} × {}×{}/{} {:>4}→{:<4} @{:<5} {:>17} {:>17} {:>17} {:>5.1}%",
            w[0],
            w[1],
            convolution.stride(),
            w[2],
            w[3],
            x[1],
            cell(forward),
            cell(of_input),
            cell(of_weight),
            100.0 * total / step
        ));
    }
    let name = if evaluate { "pooling, heads" } else { "norms, pooling, heads, AdamW" };
    terminal.print(format_args!("{name:<82} {:>5.1}%", 100.0 * (rest / step).max(0.0)));
}

fn values(shape: [usize; 4]) -> Vec<f32> {
    (0..shape.iter().product()).map(|i: usize| (i * 7919 % 1021) as f32 / 1021.0 - 0.5).collect()
}

fn fastest_if(wanted: bool, call: impl FnMut()) -> f64 {
    if wanted { fastest(call) } else { 0.0 }
}

/// Seconds of the fastest of several calls.
fn fastest(mut call: impl FnMut()) -> f64 {
    const TRIES: usize = 5;
    let once = |_| {
        let start = Instant::now();
        call();
        start.elapsed().as_secs_f64()
    };
    (0..=TRIES).map(once).skip(1).fold(f64::INFINITY, f64::min)
}

/// The most memory that this process has had, in bytes, where the system says.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib << 10)
}
