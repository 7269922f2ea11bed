//! The shipped pipeline's training on the embedded data set, against the same with the passes of `marque-reference`:
//! candle's own operations.

use std::collections::BTreeMap;
use std::path::Path;

use marque_contracts::Silent;
use marque_network::Gradients;

use super::*;
use crate::batches::{Batches, shuffled};
use crate::sample_data::{data, settings};
use crate::schedule::Horizon;

/// Steps that are compared, all in the first epoch.
const STEPS: usize = 10;

fn learner<'a>(inputs: Inputs<'a>) -> Learner<'a> {
    let job = Job::new(BTreeMap::new(), Path::new(""), &Silent);
    let (network, _) = initial_network(inputs.settings, inputs.data, &job).unwrap();
    Learner::new(inputs, network).unwrap()
}

/// The loss before each step.
fn losses(inputs: Inputs<'_>, factor: impl Fn(usize) -> f64) -> Vec<f64> {
    let mut losses = Vec::new();
    let after_step = |step: TrialStep| {
        losses.push(step.loss);
        ControlFlow::Continue(())
    };
    TrialRun { inputs, learner: learner(inputs) }.steps(1, STEPS, factor, after_step).unwrap();
    losses
}

/// The same by candle's forward and backward pass.
fn reference_losses(inputs: Inputs<'_>, factor: impl Fn(usize) -> f64) -> Vec<f64> {
    let Inputs { settings, data, .. } = inputs;
    let mut learner = learner(inputs);
    let policy = settings.policy(Some(data.geometry().height)).unwrap();
    let source = Batches {
        shards: &data.shards,
        features: None,
        samples: &data.train,
        policy: &policy,
        mixing: &settings.augmentation.mixing(),
        random: Some((settings.seed, 1)),
    };
    let order = shuffled(data.train.len(), settings.seed, 1);
    std::thread::scope(|scope| {
        let mut losses = Vec::new();
        for (step, batch) in
            source.stream(scope, &order, 0, inputs.batches_per_epoch()).take(STEPS).enumerate()
        {
            let batch = [batch.unwrap()];
            let Learner { network, objective, parameters, optimizer, .. } = &mut learner;
            let shares = &objective.shares(&batch)[0];
            let logits = marque_reference::forward_train(network, &batch[0].images).unwrap();
            let loss = objective.losses(&logits, &batch[0], shares).unwrap();
            losses.push(loss.heads.iter().sum());
            let (computed, mut gradients) = (loss.sum.backward().unwrap(), Gradients::new());
            for parameter in network.parameters() {
                let gradient = computed.get(&parameter.var).unwrap().flatten_all().unwrap();
                gradients.set(&parameter.var, &gradient.to_vec1::<f32>().unwrap());
            }
            let rates = |parameter: &_| settings.rates.at(factor(step), parameter);
            optimizer.step(parameters, &gradients, rates).unwrap();
        }
        losses
    })
}

#[test]
#[ignore = "candle's own steps take a minute: make test-all"]
fn ten_steps_have_the_losses_of_the_reference() {
    for seed in 1..=3 {
        let (settings, folder) = (settings(&[&format!("train.seed={seed}")]), tempfile::tempdir().unwrap());
        let data = data(folder.path(), STEPS * settings.batch_size);
        let inputs = Inputs { settings: &settings, data: &data, features: None };
        // As though these were all photos, the rate would rise and fall within the ten steps.
        let horizon = Horizon { epochs: settings.epochs, steps_per_epoch: 60 };
        let factor = |step| settings.schedule.factor(step, horizon);
        let (ours, theirs) = (losses(inputs, factor), reference_losses(inputs, factor));
        assert_eq!((ours.len(), theirs.len()), (STEPS, STEPS));
        assert!(ours[9] < ours[0], "the loss does not fall: {ours:?}");
        for (step, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
            let error = ((ours - theirs) / theirs).abs();
            println!("seed {seed}, step {step}: {ours:.6}, candle {theirs:.6}, off by {error:.1e}");
            assert!(error < 1e-5, "seed {seed}, step {step}: {ours}, candle {theirs}, off by {error:e}");
        }
    }
}
