//! The shipped pipeline's training against the same with the passes of `marque-reference`: candle's own operations.

use std::path::{Path, PathBuf};

use marque_contracts::{Job, Silent};
use marque_settings::{Document, Reader};
use marque_train::{Forward, Settings, first_losses};

use crate::project::Project;

/// The first ten losses of the training that a `pipeline.toml` describes.
fn losses(project: &Project, seed: u64, reference: Option<Forward>) -> Vec<f64> {
    let mut document = Document::load(&project.path("pipeline.toml")).unwrap();
    document.set(&format!("train.seed={seed}")).unwrap();
    let settings = Reader::new(&document).section("train", Settings::read);
    let current = |stage: &str| -> (String, PathBuf) {
        (stage.to_owned(), project.path(&format!("data/{stage}/current")))
    };
    let inputs = ["labels", "preprocess"].map(current).into_iter().collect();
    let job = Job::new(inputs, Path::new(""), &Silent);
    first_losses(&job, &settings, 10, reference).unwrap()
}

#[test]
#[ignore = "candle's own steps take a minute: make test-all"]
fn ten_steps_on_the_sample_have_the_losses_of_the_reference() {
    let project = Project::new(include_str!("../pipeline.toml"));
    project.call(&["run", "preprocess"]).succeeded();
    for seed in 1..=3 {
        let ours = losses(&project, seed, None);
        let theirs = losses(&project, seed, Some(marque_reference::forward_train));
        assert!(ours[9] < ours[0], "nothing is learnt: {ours:?}");
        for (step, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
            let error = ((ours - theirs) / theirs).abs();
            println!("seed {seed}, step {step}: {ours:.6}, candle {theirs:.6}, off by {error:.1e}");
            assert!(error < 1e-5, "seed {seed}, step {step}: {ours}, candle {theirs}, off by {error:e}");
        }
    }
}
