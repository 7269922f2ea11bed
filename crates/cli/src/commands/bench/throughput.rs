//! Times a training step, or evaluation, on photos of noise.
//!
//! A step is all that training does once a batch is in memory: forward and backward pass, and AdamW. Work is
//! counted by the definition of a convolution (two operations per multiply-add), whatever the algorithm; so a
//! share of the peak may exceed one where Winograd's algorithm needs fewer.

use std::time::Instant;

use candle_core::{DType, Device, Tensor};
use marque_kernels::nhwc::Convolution;
use marque_kernels::{LossOptions, cross_entropy};
use marque_network::{Frozen, Gradients, HeadConfig, Network, NetworkConfig};
use marque_train::{AdamW, Method, Optimizer, PeakRates};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::arguments::Bench;

/// Steps before the timed ones, in which buffers are made.
const WARM_UP: usize = 2;

/// What was measured.
#[derive(Debug, Clone)]
pub(super) struct Throughput {
    /// Seconds of each timed step, ascending.
    pub(super) seconds: Vec<f64>,
    /// Operations of all convolutions of a step.
    pub(super) operations: f64,
    /// The convolutions of the backbone, in the order of computation.
    pub(super) convolutions: Vec<Convolution>,
}

impl Throughput {
    /// Seconds of the median step.
    pub(super) fn median(&self) -> f64 {
        self.seconds[self.seconds.len() / 2]
    }

    /// The distinct convolutions with their counts, in order of first occurrence.
    pub(super) fn kinds(&self) -> Vec<(Convolution, usize)> {
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

/// Times the steps of a workload: a network with heads of 6, 5 and 2 classes.
///
/// # Errors
/// If the network cannot compute on photos of that size.
pub(super) fn measure(options: &Bench) -> Result<Throughput, marque_network::Error> {
    let mut steps = Steps::new(options)?;
    let mut seconds = Vec::new();
    for _ in 0..WARM_UP + usize::from(options.steps) {
        let start = Instant::now();
        rayon::scope(|_| steps.step())?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    let mut seconds = seconds.split_off(WARM_UP);
    seconds.sort_by(f64::total_cmp);
    let [batch, size] = [options.batch, options.size].map(usize::from);
    let convolutions = steps.network.architecture().convolutions([batch, size, size, 3])?;
    let once = convolutions.iter().map(Convolution::operations).sum::<u64>() as f64;
    // The photo has no gradient.
    let unneeded = convolutions.first().map_or(0, Convolution::operations) as f64;
    let operations = if options.evaluate { once } else { 3.0 * once - unneeded };
    Ok(Throughput { seconds, operations, convolutions })
}

/// A network, its optimiser, and a batch that it computes on again and again.
struct Steps<'a> {
    options: &'a Bench,
    network: Network,
    images: Tensor,
    targets: Tensor,
    optimizer: Optimizer,
    gradients: Gradients,
    rng: ChaCha8Rng,
}

impl<'a> Steps<'a> {
    /// Draws weights and photos.
    ///
    /// # Errors
    /// If the network cannot be built.
    fn new(options: &'a Bench) -> Result<Self, marque_network::Error> {
        let network = Network::new(&config(options), 0)?.with_precision(options.precision);
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let (images, targets) = draw(options, &mut rng)?;
        let optimizer = Optimizer::new(Method::AdamW(AdamW::default()), network.parameters());
        Ok(Self { options, network, images, targets, optimizer, gradients: Gradients::new(), rng })
    }

    /// Draws other photos and labels for the steps that follow.
    #[cfg(test)]
    fn draw(&mut self) -> Result<(), marque_network::Error> {
        (self.images, self.targets) = draw(self.options, &mut self.rng)?;
        Ok(())
    }

    /// Takes a step and returns the loss before it, if it is one of training.
    ///
    /// # Errors
    /// If the photos are too small for the network.
    fn step(&mut self) -> Result<Option<f32>, marque_network::Error> {
        let (network, images) = (&self.network, &self.images);
        if self.options.evaluate {
            network.forward_eval(images)?;
            return Ok(None);
        }
        let pass = network.forward_train(images, Frozen::default(), &mut self.rng)?;
        let loss = self.loss(pass.logits())?;
        pass.backward(&loss, &mut self.gradients)?;
        let rates = PeakRates { backbone: 1e-4, heads: 1e-4, layer_decay: 1.0, weight_decay: 0.01 };
        self.optimizer.step(network.parameters(), &self.gradients, |parameter| rates.at(1.0, parameter))?;
        Ok(Some(loss.to_scalar()?))
    }

    fn loss(&self, logits: &[Tensor]) -> candle_core::Result<Tensor> {
        let mut loss = Tensor::zeros((), DType::F32, &Device::Cpu)?;
        for logits in logits {
            loss = (loss + cross_entropy(logits, &self.targets, &LossOptions::default())?)?;
        }
        Ok(loss)
    }
}

/// Photos of noise, and labels that every head has.
fn draw(options: &Bench, rng: &mut ChaCha8Rng) -> candle_core::Result<(Tensor, Tensor)> {
    let [batch, size] = [options.batch, options.size].map(usize::from);
    let pixels: Vec<f32> = (0..batch * size * size * 3).map(|_| rng.random_range(-2.0..2.0)).collect();
    let images = Tensor::from_vec(pixels, (batch, size, size, 3), &Device::Cpu)?;
    let targets = Tensor::from_iter((0..batch).map(|_| rng.random_range(0..2i64)), &Device::Cpu)?;
    Ok((images, targets))
}

fn config(options: &Bench) -> NetworkConfig {
    let head =
        |name: &str, classes: usize| HeadConfig::new(name, (0..classes).map(|class| class.to_string()));
    let heads = vec![head("brand", 6), head("type", 5), head("era", 2)];
    NetworkConfig::new(options.backbone, options.size.into(), heads)
}

#[cfg(test)]
mod tests {
    use super::*;
    use marque_network::{Backbone, Precision};

    /// What rounding activations to eight binary digits may do to a loss.
    const TOLERANCE: f32 = 2e-2;

    fn losses(precision: Precision) -> Vec<f32> {
        let backbone = Backbone::ResNet18;
        let (threads, evaluate, json) = (None, false, false);
        let options = Bench { backbone, size: 64, batch: 16, steps: 1, threads, evaluate, precision, json };
        let mut steps = Steps::new(&options).unwrap();
        let step = |_| {
            steps.draw().unwrap();
            steps.step().unwrap().unwrap()
        };
        (0..10).map(step).collect()
    }

    #[test]
    fn ten_steps_in_bf16_have_the_losses_of_f32() {
        let (single, half) = (losses(Precision::F32), losses(Precision::Bf16));
        assert_ne!(single, half, "the precision has no effect");
        for (step, (single, half)) in single.iter().zip(&half).enumerate() {
            let error = ((half - single) / single).abs();
            assert!(error < TOLERANCE, "step {step}: {half}, f32 {single}, off by {error:e}");
        }
    }
}
