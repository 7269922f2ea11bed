//! Training in bf16 against training in f32. `tests/engine.rs` compares both engines.

use marque_network::{Backbone, Precision};
use marque_train::Engine;
use marque_train::throughput::{Steps, Workload};

fn losses(workload: Workload) -> Vec<f32> {
    let mut steps = Steps::new(&workload).unwrap();
    let mut step = || {
        steps.draw().unwrap();
        steps.step().unwrap().unwrap()
    };
    (0..10).map(|_| step()).collect()
}

const WORKLOAD: Workload = Workload {
    backbone: Backbone::ResNet18,
    size: 64,
    batch: 16,
    steps: 0,
    evaluate: false,
    engine: Engine::Kernels,
    precision: Precision::F32,
};

/// What rounding activations to eight digits may do to a loss.
const HALF: f32 = 2e-2;

#[test]
fn ten_steps_in_bf16_have_the_losses_of_f32() {
    let single = losses(WORKLOAD);
    let half = losses(Workload { precision: Precision::Bf16, ..WORKLOAD });
    assert_ne!(single, half, "the precision has no effect");
    for (step, (single, half)) in single.iter().zip(&half).enumerate() {
        let error = ((half - single) / single).abs();
        assert!(error < HALF, "step {step}: {half}, f32 {single}, off by {error:e}");
    }
}
