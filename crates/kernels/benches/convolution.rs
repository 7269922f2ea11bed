//! The convolutions of ResNet34 and ResNet50 on 224-pixel photos, batch 16; `cargo bench -p marque-kernels`.
//!
//! Throughput is in multiply-adds of the definition per second, whatever the algorithm.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use half::bf16;
use marque_kernels::nhwc::{ConvInput, Convolution, Element, Epilogue};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const BATCH: usize = 16;

/// (name, pixels of a side, kernel, stride, input channels, output channels)
const LAYERS: [(&str, usize, usize, usize, usize, usize); 9] = [
    ("stem 7x7/2", 224, 7, 2, 3, 64),
    ("3x3 64", 56, 3, 1, 64, 64),
    ("3x3 128", 28, 3, 1, 128, 128),
    ("3x3 256", 14, 3, 1, 256, 256),
    ("3x3 512", 7, 3, 1, 512, 512),
    ("3x3/2 128", 56, 3, 2, 64, 128),
    ("1x1/2 256", 28, 1, 2, 128, 256),
    ("1x1 256 to 64", 56, 1, 1, 256, 64),
    ("1x1 512 to 2048", 7, 1, 1, 512, 2048),
];

fn random<E: Element>(rng: &mut ChaCha8Rng, shape: [usize; 4]) -> Vec<E> {
    (0..shape.iter().product()).map(|_| E::narrow(rng.random_range(-1.0..1.0))).collect()
}

fn convolutions<E: Element>(criterion: &mut Criterion, numbers: &str) {
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let mut group = criterion.benchmark_group(format!("convolution, {numbers}"));
    group.sample_size(10);
    for (name, side, kernel, stride, inputs, outputs) in LAYERS {
        let convolution = Convolution::new(
            &[BATCH, side, side, inputs],
            &[kernel, kernel, inputs, outputs],
            stride,
            kernel / 2,
        )
        .unwrap();
        let mut x: Vec<E> = random(&mut rng, convolution.input_shape());
        let mut w: Vec<f32> = random(&mut rng, convolution.weight_shape());
        let mut y: Vec<E> = random(&mut rng, convolution.output_shape());
        group.throughput(Throughput::Elements(convolution.operations() / 2));
        group.bench_function(BenchmarkId::new("forward", name), |bench| {
            let x = ConvInput::plain(&x);
            bench.iter(|| convolution.forward(black_box(x), &w, Epilogue::default(), &mut y));
        });
        group.bench_function(BenchmarkId::new("input gradient", name), |bench| {
            bench.iter(|| convolution.input_gradient(black_box(&w), &y, false, &mut x));
        });
        group.bench_function(BenchmarkId::new("weight gradient", name), |bench| {
            bench.iter(|| convolution.weight_gradient(ConvInput::plain(black_box(&x)), &y, &mut w));
        });
    }
}

fn both(criterion: &mut Criterion) {
    convolutions::<f32>(criterion, "f32");
    convolutions::<bf16>(criterion, "bf16");
}

criterion_group!(benches, both);
criterion_main!(benches);
