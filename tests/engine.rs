//! The shipped pipeline's training by the engine of `marque-kernels` against the same by candle's own operations.

use std::path::{Path, PathBuf};

use marque_contracts::{Job, Silent};
use marque_network::Precision;
use marque_settings::{Document, Reader};
use marque_train::{Engine, Settings, first_losses};

use crate::project::Project;

/// The first ten losses of the training that a `pipeline.toml` describes.
fn losses(project: &Project, seed: u64, engine: Engine) -> Vec<f64> {
    let mut document = Document::load(&project.path("pipeline.toml")).unwrap();
    document.set(&format!("train.seed={seed}")).unwrap();
    let settings = Settings::read(&mut Reader::new(&document), Precision::F32);
    let current = |stage: &str| -> (String, PathBuf) {
        (stage.to_owned(), project.path(&format!("data/{stage}/current")))
    };
    let inputs = ["labels", "preprocess"].map(current).into_iter().collect();
    let job = Job::new(inputs, Path::new(""), &Silent);
    first_losses(&job, &settings, 10, engine).unwrap()
}

#[test]
#[ignore = "candle's own steps take a minute: make test-all"]
fn ten_steps_on_the_sample_have_the_losses_of_candles_own_operations() {
    let project = Project::new(include_str!("../pipeline.toml"));
    project.call(&["run", "preprocess"]).succeeded();
    for seed in 1..=3 {
        let ours = losses(&project, seed, Engine::Kernels);
        let stock = losses(&project, seed, Engine::Stock);
        assert!(ours[9] < ours[0], "nothing is learnt: {ours:?}");
        for (step, (ours, stock)) in ours.iter().zip(&stock).enumerate() {
            let error = ((ours - stock) / stock).abs();
            println!("seed {seed}, step {step}: {ours:.6}, candle {stock:.6}, off by {error:.1e}");
            assert!(error < 1e-5, "seed {seed}, step {step}: {ours}, candle {stock}, off by {error:e}");
        }
    }
}
