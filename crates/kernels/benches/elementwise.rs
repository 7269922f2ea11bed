//! What stands between convolutions, at the size of ResNet34's first stage on 224-pixel photos, batch 16.
//!
//! These are bound by memory; throughput is in bytes read and written.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use marque_kernels::nhwc::{
    MaxPool, Moments, Normalisation, NormalisationGradient, normalise, normalise_add_relu,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const CHANNELS: usize = 64;
const VALUES: usize = 16 * 56 * 56 * CHANNELS;

fn random(rng: &mut ChaCha8Rng, count: usize) -> Vec<f32> {
    (0..count).map(|_| rng.random_range(-1.0..1.0)).collect()
}

fn norms(criterion: &mut Criterion) {
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let (x, dy) = (random(&mut rng, VALUES), random(&mut rng, VALUES));
    let mut y = random(&mut rng, VALUES);
    let moments = Moments::of(&x, CHANNELS);
    let norm = Normalisation::new(&moments, &[1.0; CHANNELS], &[0.0; CHANNELS], 1e-5);
    let mut group = criterion.benchmark_group("batch norm");
    group.sample_size(20);
    let passes = |count: u64| Throughput::Bytes(count * 4 * VALUES as u64);
    group.throughput(passes(1));
    group.bench_function("moments", |bench| bench.iter(|| Moments::of(black_box(&x), CHANNELS)));
    group.throughput(passes(2));
    group.bench_function("normalise, ReLU", |bench| {
        bench.iter(|| normalise(black_box(&x), &norm, true, &mut y));
    });
    group.throughput(passes(3));
    group.bench_function("normalise, add, ReLU", |bench| {
        bench.iter(|| normalise_add_relu(black_box(&x), &norm, &dy, None, &mut y));
    });
    group.throughput(passes(5));
    group.bench_function("gradient", |bench| {
        bench.iter(|| NormalisationGradient::new(black_box(&x), &norm, true, &dy).input(&dy, &mut y));
    });
}

fn pool(criterion: &mut Criterion) {
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let pool = MaxPool::new([16, 112, 112, CHANNELS], 3, 2, 1).unwrap();
    let mut x = random(&mut rng, 16 * 112 * 112 * CHANNELS);
    let mut y = random(&mut rng, VALUES);
    let mut chosen = vec![0; VALUES];
    let mut group = criterion.benchmark_group("max pool 3x3/2");
    group.sample_size(20).throughput(Throughput::Bytes(4 * (x.len() + y.len()) as u64));
    group.bench_function("forward", |bench| bench.iter(|| pool.forward(black_box(&x), &mut y, &mut chosen)));
    group.bench_function("backward", |bench| bench.iter(|| pool.backward(&chosen, black_box(&y), &mut x)));
}

criterion_group!(benches, norms, pool);
criterion_main!(benches);
