//! How long each convolution of a step takes by itself.

use std::time::Instant;

use half::bf16;
use marque_kernels::nhwc::{Convolution, Element, Epilogue, Source};
use marque_network::Precision;

/// Calls of which the fastest counts.
const TRIES: usize = 5;

/// Seconds that one convolution takes by itself: the fastest of [`TRIES`] calls.
#[derive(Debug, Clone, Copy)]
pub(super) struct ConvolutionSeconds {
    pub(super) forward: f64,
    /// Nothing where training does not need it.
    pub(super) input_gradient: Option<f64>,
    /// Nothing where training does not need it.
    pub(super) weight_gradient: Option<f64>,
}

impl ConvolutionSeconds {
    /// All of a step.
    pub(super) fn sum(&self) -> f64 {
        self.forward + self.input_gradient.unwrap_or(0.0) + self.weight_gradient.unwrap_or(0.0)
    }
}

/// Times one convolution. `first` says that it reads the photo, whose gradient is not needed.
pub(super) fn time(
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
    let forward = fastest(|| convolution.forward(Source::plain(&x), &w, Epilogue::default(), &mut y));
    let weight_gradient =
        (!evaluate).then(|| fastest(|| convolution.weight_gradient(Source::plain(&x), &y, &mut w)));
    let input_gradient =
        (!evaluate && !first).then(|| fastest(|| convolution.input_gradient(&w, &y, false, &mut x)));
    ConvolutionSeconds { forward, input_gradient, weight_gradient }
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
