//! A training step and an evaluation of ResNet34, batch 16; `cargo bench -p marque-train`.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use marque_network::{Backbone, Precision};
use marque_train::Engine;
use marque_train::throughput::{Steps, Workload};

fn steps(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ResNet34, batch 16");
    group.sample_size(10).throughput(Throughput::Elements(16));
    for (precision, word) in [(Precision::F32, "f32"), (Precision::Bf16, "bf16")] {
        for (name, evaluate) in [("train", false), ("evaluate", true)] {
            for size in [128, 224] {
                let backbone = Backbone::ResNet34;
                let workload = Workload {
                    backbone,
                    size,
                    batch: 16,
                    steps: 0,
                    evaluate,
                    engine: Engine::Kernels,
                    precision,
                };
                let mut steps = Steps::new(&workload).unwrap();
                let id = BenchmarkId::new(format!("{name}, {word}"), size);
                group.bench_function(id, |bench| bench.iter(|| rayon::scope(|_| steps.step().unwrap())));
            }
        }
    }
}

criterion_group!(benches, steps);
criterion_main!(benches);
