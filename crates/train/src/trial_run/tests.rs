//! The shipped pipeline's training on the embedded data set, against the same with the passes of `marque-reference`:
//! candle's own operations.

use std::collections::BTreeMap;
use std::path::Path;

use marque_contracts::Silent;
use marque_contracts::schema::{Crop, Filter, Fit, Head, HeadKind, Label, Preparation};
use marque_formats::{IndexRow, ShardKind, ShardReader, ShardWriter};
use marque_network::{Gradients, Precision};
use marque_sample::{Sample as DrawnSample, Split, class_names, draw};
use marque_settings::{Document, Reader};

use super::*;
use crate::batches::{Batches, shuffled};
use crate::data::Sample;
use crate::schedule::Horizon;

/// Steps that are compared, all in the first epoch.
const STEPS: usize = 10;

/// The `[train]` of the shipped configuration.
fn settings(seed: u64) -> Settings {
    let mut document = Document::parse("pipeline.toml", include_str!("../../../../pipeline.toml")).unwrap();
    document.set(&format!("train.seed={seed}")).unwrap();
    Settings::read(&mut Reader::new(&document), Precision::F32, std::path::Path::new("downloads"))
}

/// As many photos of the embedded data set as the steps take, cut and resized as the shipped pipeline has them.
fn data(folder: &Path, photos: usize) -> Data {
    let (fit, resize, background) = (Fit::Squash, Filter::Bilinear, [255; 3]);
    let preparation = Preparation { size: 64, margin: Some(0.0), fit, resize, background };
    let drawn = DrawnSample { train_photos: photos as u32, ..DrawnSample::default() };
    let names: Vec<_> = class_names().collect();
    let mut brands: Vec<_> = names.iter().map(|name| name.split(' ').next().unwrap().to_owned()).collect();
    brands.dedup();
    let writer = ShardWriter::create(folder, 0, ShardKind::Pixels, photos, &[64, 64, 3]).unwrap();
    let mut train = Vec::new();
    for (number, class) in marque_sample::classes(&drawn, Split::Train).unwrap().into_iter().enumerate() {
        let photo = draw(&drawn, class, Split::Train, number as u32).unwrap();
        let bounds = photo.annotated;
        let crop = Crop { x1: bounds.x1 - 1, y1: bounds.y1 - 1, x2: bounds.x2, y2: bounds.y2 };
        let prepared = marque_photo::prepare(&photo.jpeg, Some(crop), &preparation).unwrap();
        writer.write(number, &prepared.rgb).unwrap();
        let brand = brands.iter().position(|brand| names[class].starts_with(brand)).unwrap();
        let is_late = names[class][names[class].len() - 4..] > *"2009";
        train.push(Sample {
            place: IndexRow { file_name: format!("{number:05}.jpg"), shard: 0, row: number as u32 },
            number,
            targets: vec![Label::Class(brand), Label::Class(usize::from(is_late))],
            car: None,
        });
    }
    writer.finish().unwrap();
    let eras = vec!["early".to_owned(), "late".to_owned()];
    let heads = vec![Head::new("brand", HeadKind::Single, brands), Head::new("era", HeadKind::Single, eras)];
    let shards = ShardReader::open(folder, ShardKind::Pixels, 1).unwrap();
    Data { heads, shards, whole: None, preparation, train, validation: Vec::new() }
}

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
        let (settings, folder) = (settings(seed), tempfile::tempdir().unwrap());
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
