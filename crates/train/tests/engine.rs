//! Training by the engine of `marque-kernels` against training by candle's own operations.

use marque_network::{Backbone, Precision};
use marque_train::throughput::{Steps, Workload};

fn losses(workload: Workload) -> Vec<f32> {
    let mut steps = Steps::new(&workload).unwrap();
    let mut step = || {
        steps.draw().unwrap();
        steps.step().unwrap().unwrap()
    };
    (0..10).map(|_| step()).collect()
}

#[test]
#[ignore = "candle's own steps take half a minute: make test-all"]
fn ten_steps_have_the_losses_of_the_stock_path() {
    let backbone = Backbone::ResNet18;
    let workload = Workload {
        backbone,
        size: 64,
        batch: 16,
        steps: 0,
        evaluate: false,
        stock: false,
        precision: Precision::F32,
    };
    let ours = losses(workload);
    let stock = losses(Workload { stock: true, ..workload });
    assert!(ours[9] < 0.9 * ours[0], "the largest logits are not unlearnt: {ours:?}");
    for (step, (ours, stock)) in ours.iter().zip(&stock).enumerate() {
        let error = ((ours - stock) / stock).abs();
        assert!(error < 1e-3, "step {step}: {ours}, stock {stock}, off by {error:e}");
        println!("step {step}: {ours}, stock {stock}, off by {error:e}");
    }
}
