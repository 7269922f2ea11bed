//! A training step and an evaluation of ResNet34, batch 16; `cargo bench -p marque-train`.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use marque_network::{Backbone, Precision};
use marque_train::throughput::{Steps, Workload};

fn steps(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ResNet34, batch 16");
    group.sample_size(10).throughput(Throughput::Elements(16));
    for (name, evaluate) in [("train", false), ("evaluate", true)] {
        for size in [128, 224] {
            let backbone = Backbone::ResNet34;
            let workload = Workload {
                backbone,
                size,
                batch: 16,
                steps: 0,
                evaluate,
                stock: false,
                precision: Precision::F32,
            };
            let mut steps = Steps::new(&workload).unwrap();
            group.bench_function(BenchmarkId::new(name, size), |bench| bench.iter(|| steps.step().unwrap()));
        }
    }
}

criterion_group!(benches, steps);
criterion_main!(benches);
