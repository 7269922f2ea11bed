//! Training by the engine of `marque-kernels` against training by candle's own operations.

use marque_network::Backbone;
use marque_train::throughput::{Steps, Workload};

fn losses(workload: Workload) -> Vec<f32> {
    let mut steps = Steps::new(&workload).unwrap();
    (0..10).map(|_| steps.step().unwrap().unwrap()).collect()
}

#[test]
fn ten_steps_have_the_losses_of_the_stock_path() {
    for (backbone, size) in [(Backbone::ResNet18, 64), (Backbone::ResNet50, 33)] {
        let workload = Workload { backbone, size, batch: 6, steps: 0, evaluate: false, stock: false };
        let ours = losses(workload);
        let stock = losses(Workload { stock: true, ..workload });
        assert!(ours[9] < 0.8 * ours[0], "nothing is learnt: {ours:?}");
        for (step, (ours, stock)) in ours.iter().zip(&stock).enumerate() {
            let error = ((ours - stock) / stock).abs();
            assert!(error < 1e-3, "{backbone:?}, step {step}: {ours}, stock {stock}");
        }
    }
}
