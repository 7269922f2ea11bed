//! Times a training step, or evaluation, on made-up photos.
//!
//! A step is all that training does once a batch is in memory: forward and backward pass, and AdamW. Work is
//! counted by the definition of a convolution (two operations per multiply-add), whatever the algorithm; so a
//! share of the peak may exceed one where Winograd's algorithm needs fewer.

use std::time::Instant;

use candle_core::{DType, Device, Tensor};
use half::bf16;
use marque_kernels::nhwc::{ConvInput, Convolution, Element, Epilogue};
use marque_kernels::{CrossEntropy, cross_entropy};
use marque_network::{Backbone, Frozen, Gradients, HeadConfig, Network, NetworkConfig, Precision, stock};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::optimizer::{AdamW, Method, Optimizer};
use crate::pass::{Engine, Pass};
use crate::schedule::PeakRates;

/// Steps before the timed ones, in which buffers are made.
const WARM_UP: usize = 2;
/// Calls of which the fastest counts, where a convolution is timed alone.
const TRIES: usize = 5;

/// What to time.
#[derive(Debug, Clone, Copy)]
pub struct Workload {
    /// The trunk; three heads of 6, 5 and 2 classes are put on it.
    pub backbone: Backbone,
    /// Height and width of the photos, in pixels.
    pub size: usize,
    /// Photos per step.
    pub batch: usize,
    /// Steps that are timed, after two that are not; at least one.
    pub steps: usize,
    /// Time evaluation mode without gradients, instead of training.
    pub evaluate: bool,
    /// What computes.
    pub engine: Engine,
    /// What the trunk computes with.
    pub precision: Precision,
}

/// What was found.
#[derive(Debug, Clone)]
pub struct Throughput {
    /// Seconds of each timed step, ascending.
    pub seconds: Vec<f64>,
    /// Operations of all convolutions of a step.
    pub operations: f64,
    /// The convolutions of the trunk, in order.
    pub convolutions: Vec<Convolution>,
}

/// Seconds that one convolution takes by itself: the fastest of five calls.
#[derive(Debug, Clone, Copy)]
pub struct ConvolutionSeconds {
    /// Of the output.
    pub forward: f64,
    /// Of the gradient of the input, where training needs it.
    pub input_gradient: Option<f64>,
    /// Of the gradient of the weight, where training needs it.
    pub weight_gradient: Option<f64>,
}

impl ConvolutionSeconds {
    /// All of a step.
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.forward + self.input_gradient.unwrap_or(0.0) + self.weight_gradient.unwrap_or(0.0)
    }
}

impl Throughput {
    /// Seconds of the median step.
    #[must_use]
    pub fn median(&self) -> f64 {
        self.seconds[self.seconds.len() / 2]
    }

    /// Convolutions of the same shapes, with how often each occurs, in order of first occurrence.
    #[must_use]
    pub fn kinds(&self) -> Vec<(Convolution, usize)> {
        let mut kinds: Vec<(Convolution, usize)> = Vec::new();
        let key = |c: &Convolution| (c.input_shape(), c.weight_shape(), c.stride());
        for convolution in &self.convolutions {
            match kinds.iter_mut().find(|(known, _)| key(known) == key(convolution)) {
                Some((_, count)) => *count += 1,
                None => kinds.push((*convolution, 1)),
            }
        }
        kinds
    }
}

/// Times the steps of a workload.
///
/// # Errors
///
/// If the network cannot compute on photos of that size.
pub fn measure(workload: &Workload) -> Result<Throughput, marque_network::Error> {
    let mut steps = Steps::new(workload)?;
    let mut seconds = Vec::new();
    for _ in 0..WARM_UP + workload.steps.max(1) {
        let start = Instant::now();
        rayon::scope(|_| steps.step())?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    let mut seconds = seconds.split_off(WARM_UP);
    seconds.sort_by(f64::total_cmp);
    let convolutions = steps.network.convolutions([workload.batch, workload.size, workload.size, 3])?;
    let once = convolutions.iter().map(Convolution::operations).sum::<u64>() as f64;
    // The photo has no gradient.
    let unneeded = convolutions.first().map_or(0, Convolution::operations) as f64;
    let operations = if workload.evaluate { once } else { 3.0 * once - unneeded };
    Ok(Throughput { seconds, operations, convolutions })
}

/// Times one convolution alone. `first` says that it reads the photo, which has no gradient.
#[must_use]
pub fn time_convolution(
    convolution: &Convolution,
    precision: Precision,
    evaluate: bool,
    first: bool,
) -> ConvolutionSeconds {
    match precision {
        Precision::F32 => time_with::<f32>(convolution, evaluate, first),
        Precision::Bf16 => time_with::<bf16>(convolution, evaluate, first),
    }
}

fn time_with<E: Element>(convolution: &Convolution, evaluate: bool, first: bool) -> ConvolutionSeconds {
    let mut x: Vec<E> = values(convolution.input_shape());
    let mut w: Vec<f32> = values(convolution.weight_shape());
    let mut y: Vec<E> = values(convolution.output_shape());
    let forward = fastest(|| convolution.forward(ConvInput::plain(&x), &w, Epilogue::default(), &mut y));
    let weight_gradient =
        (!evaluate).then(|| fastest(|| convolution.weight_gradient(ConvInput::plain(&x), &y, &mut w)));
    let input_gradient =
        (!evaluate && !first).then(|| fastest(|| convolution.input_gradient(&w, &y, false, &mut x)));
    ConvolutionSeconds { forward, input_gradient, weight_gradient }
}

/// A network, its optimiser, and a batch that it computes on again and again.
pub struct Steps {
    workload: Workload,
    network: Network,
    images: Tensor,
    targets: Tensor,
    optimizer: Optimizer,
    gradients: Gradients,
    rng: ChaCha8Rng,
}

impl Steps {
    /// Draws weights and photos.
    ///
    /// # Errors
    ///
    /// If the network cannot be built.
    pub fn new(workload: &Workload) -> Result<Self, marque_network::Error> {
        let network = Network::new(&config(workload), 0)?.with_precision(workload.precision);
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let (images, targets) = draw(workload, &mut rng)?;
        let optimizer = Optimizer::new(Method::AdamW(AdamW::default()), network.parameters());
        Ok(Self {
            workload: *workload,
            network,
            images,
            targets,
            optimizer,
            gradients: Gradients::new(),
            rng,
        })
    }

    /// Draws other photos and labels for the steps that follow.
    ///
    /// # Errors
    ///
    /// If the tensors cannot be made.
    pub fn draw(&mut self) -> Result<(), marque_network::Error> {
        (self.images, self.targets) = draw(&self.workload, &mut self.rng)?;
        Ok(())
    }

    /// Takes a step, and says the loss before it where there is one: when training.
    ///
    /// # Errors
    ///
    /// If the photos are too small for the network.
    pub fn step(&mut self) -> Result<Option<f32>, marque_network::Error> {
        let (network, images) = (&self.network, &self.images);
        if self.workload.evaluate {
            match self.workload.engine {
                Engine::Kernels => network.forward_eval(images)?,
                Engine::Stock => stock::forward_eval(network, images)?,
            };
            return Ok(None);
        }
        let engine = self.workload.engine;
        let pass = Pass::forward(engine, network, images, Frozen::default(), &mut self.rng)?;
        let loss = self.loss(pass.logits())?;
        pass.backward(&loss, &mut self.gradients)?;
        let rates = PeakRates { trunk: 1e-4, heads: 1e-4, layer_decay: 1.0, weight_decay: 0.01 };
        self.optimizer.step(network.parameters(), &self.gradients, |parameter| rates.at(1.0, parameter))?;
        Ok(Some(loss.to_scalar()?))
    }

    fn loss(&self, logits: &[Tensor]) -> candle_core::Result<Tensor> {
        let mut loss = Tensor::zeros((), DType::F32, &Device::Cpu)?;
        for logits in logits {
            loss = (loss + cross_entropy(logits, &self.targets, &CrossEntropy::default())?)?;
        }
        Ok(loss)
    }
}

/// Photos of noise, and labels that every head has.
fn draw(workload: &Workload, rng: &mut ChaCha8Rng) -> candle_core::Result<(Tensor, Tensor)> {
    let (batch, size) = (workload.batch, workload.size);
    let pixels: Vec<f32> = (0..batch * size * size * 3).map(|_| rng.random_range(-2.0..2.0)).collect();
    let images = Tensor::from_vec(pixels, (batch, size, size, 3), &Device::Cpu)?;
    let targets = Tensor::from_iter((0..batch).map(|_| rng.random_range(0..2i64)), &Device::Cpu)?;
    Ok((images, targets))
}

fn config(workload: &Workload) -> NetworkConfig {
    let head =
        |name: &str, classes: usize| HeadConfig::new(name, (0..classes).map(|class| class.to_string()));
    NetworkConfig {
        backbone: workload.backbone,
        bottleneck_stride: Default::default(),
        norm_eps: 1e-5,
        norm_momentum: 0.1,
        zero_init_residual: false,
        dropout: 0.0,
        input_size: workload.size,
        mean: [0.5; 3],
        std: [0.5; 3],
        heads: vec![head("brand", 6), head("type", 5), head("era", 2)],
        agreement: None,
    }
}

fn values<E: Element>(shape: [usize; 4]) -> Vec<E> {
    let value = |index: usize| E::narrow((index * 7919 % 1021) as f32 / 1021.0 - 0.5);
    (0..shape.iter().product()).map(value).collect()
}

fn fastest(mut call: impl FnMut()) -> f64 {
    let once = |_| {
        let start = Instant::now();
        call();
        start.elapsed().as_secs_f64()
    };
    (0..=TRIES).map(once).skip(1).fold(f64::INFINITY, f64::min)
}
