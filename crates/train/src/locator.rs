//! The locator: a small network that says where the car is, so that photos without a box are cut as those that were learnt from.
//!
//! It is a network of its own. One that had to tell the brand as well learnt neither: what tells where a car is, from far
//! away and anywhere in the photo, is not what tells its brand.

use std::path::Path;

use candle_core::{Device, Tensor};
use marque_augment::{View, mirror};
use marque_contracts::durable::create_folder;
use marque_contracts::schema::Rectangle;
use marque_contracts::schema::model::{CONFIG, CORRECTION, LOCATOR};
use marque_contracts::{Progress, Unit, json};
use marque_formats::ShardReader;
use marque_network::{Frozen, Gradients, Network, NetworkConfig};
use marque_predict::{Correction, Locator, coverage, locator_config, locator_input};
use rand::RngExt;

use crate::Error;
use crate::batches::{batches, part, shuffled};
use crate::data::Sample;
use crate::inputs::Inputs;
use crate::model_folder::write_weights;
use crate::optimizer::{AdamW, Method, Optimizer, Rates};
use crate::prefetch::{Prefetch, threads};
use crate::random::generator;
use crate::schedule::{Horizon, Schedule, Shape};

/// Views per step.
const BATCH: usize = 16;
const LEARNING_RATE: f64 = 3e-3;
const WEIGHT_DECAY: f64 = 0.01;
const ADAMW: AdamW = AdamW { beta1: 0.9, beta2: 0.999, eps: 1e-8 };
const SCHEDULE: Schedule = Schedule { shape: Shape::OneCycle, warmup: 0.2 };

/// Fewer photos with a box than this say too little.
const FEWEST: usize = 20;

/// Photos that are enough to correct boxes by.
const MOST: usize = 1000;

/// Views of whole photos, normalised, and where the car is in each.
struct Views {
    /// `[n, size, size, 3]`.
    images: Tensor,
    cars: Vec<Rectangle>,
}

/// Trains a locator and writes it into the folder of a model, if the photos have boxes and one is wanted.
pub(crate) fn train_locator(inputs: Inputs<'_>, model: &Path, progress: &dyn Progress) -> Result<(), Error> {
    let Inputs { settings, data, .. } = inputs;
    let steps = settings.locator.steps;
    let boxed = |samples: &'_ [Sample]| -> Vec<(Sample, Rectangle)> {
        samples.iter().filter_map(|sample| Some((sample.clone(), sample.car?))).collect()
    };
    let (train, validation) = (boxed(&data.train), boxed(&data.validation));
    let Some(shards) = data.whole.as_ref().filter(|_| steps > 0 && train.len() >= FEWEST) else {
        return Ok(());
    };
    let config = locator_config();
    let network = Network::new(&config, settings.seed)?.with_precision(settings.precision);
    let parameters = network.parameters().to_vec();
    let mut optimizer = Optimizer::new(Method::AdamW(ADAMW), &parameters);
    let mut gradients = Gradients::new();
    let horizon = Horizon { epochs: 1, steps_per_epoch: steps };
    let per_epoch = batches(train.len(), BATCH);
    let bar = progress.bar("locator", steps as u64, Unit::Steps);
    for (epoch, first) in (1..).zip((0..steps).step_by(per_epoch)) {
        let order = shuffled(train.len(), settings.seed, epoch);
        std::thread::scope(|scope| {
            let views = |batch: usize| {
                let chosen = part(&order, batch, per_epoch).iter().map(|at| (*at, &train[*at]));
                Views::draw(shards, chosen, (settings.seed, epoch), &config)
            };
            let stream = Prefetch::start(scope, threads(), 0..per_epoch.min(steps - first), views);
            for (batch, views) in stream.enumerate() {
                let views = views?;
                let step = first + batch;
                let factor = SCHEDULE.factor(step, horizon);
                let loss = rayon::scope(|_| {
                    let mut dropout = generator(settings.seed, "locator", epoch, batch);
                    let pass = network.forward_train(&views.images, Frozen::default(), &mut dropout)?;
                    let loss = objective(&pass.logits()[0], &views.cars)?;
                    let value = loss.to_scalar::<f32>()?;
                    pass.backward(&loss, &mut gradients)?;
                    let rates = |decay: bool| Rates {
                        learning_rate: LEARNING_RATE * factor,
                        weight_decay: if decay { WEIGHT_DECAY } else { 0.0 },
                    };
                    optimizer.step(&parameters, &gradients, |parameter| rates(parameter.decay))?;
                    Ok::<_, Error>(value)
                })?;
                bar.set_message(&format!("loss {loss:.3}"));
                bar.advance(1);
            }
            Ok::<_, Error>(())
        })?;
    }
    drop(bar);
    let folder = model.join(LOCATOR);
    write(&network, &folder)?;
    let locator = Locator::open(&folder, settings.precision)?;
    let mut held_out = find(&locator, shards, &validation)?;
    // Where too few are held out, photos that were learnt from tell: they were never seen as they are.
    let correction = match held_out.len() >= FEWEST {
        true => Correction::fit(&held_out[..held_out.len().min(MOST)]),
        false => Correction::fit(&find(&locator, shards, &train[..train.len().min(MOST)])?),
    };
    json::write(&folder.join(CORRECTION), &correction)?;
    if !held_out.is_empty() {
        held_out.iter_mut().for_each(|(found, _)| *found = correction.apply(found));
        let overlap =
            held_out.iter().map(|(found, car)| found.overlap(car)).sum::<f64>() / held_out.len() as f64;
        progress.line(&format!(
            "locator: boxes overlap with those of the validation photos by {:.1}% on average",
            100.0 * overlap
        ));
    }
    Ok(())
}

fn write(network: &Network, folder: &Path) -> Result<(), Error> {
    create_folder(folder)?;
    json::write(&folder.join(CONFIG), network.config())?;
    write_weights(network, |_| true, folder)
}

/// The mean over all cells of the cross-entropy with how much of them is covered, a scalar in candle's graph.
fn objective(logits: &Tensor, cars: &[Rectangle]) -> candle_core::Result<Tensor> {
    let covered: Vec<f32> = cars.iter().flat_map(coverage).collect();
    let covered = Tensor::from_vec(covered, logits.shape(), &Device::Cpu)?;
    // -t ln σ(x) - (1 - t) ln σ(-x), without overflow.
    let log = (logits.abs()?.neg()?.exp()? + 1.0)?.log()?;
    ((logits.relu()? - (logits * covered)?)? + log)?.mean_all()
}

/// The boxes found in photos, and those that are known.
fn find(
    locator: &Locator,
    shards: &ShardReader,
    photos: &[(Sample, Rectangle)],
) -> Result<Vec<(Rectangle, Rectangle)>, Error> {
    let mut boxes = Vec::with_capacity(photos.len());
    for photos in photos.chunks(64) {
        let whole = photos.iter().map(|(sample, _)| shards.photo(&sample.place));
        let found = locator.find(&whole.collect::<Result<Vec<_>, _>>()?)?;
        boxes.extend(found.into_iter().zip(photos.iter().map(|(_, car)| *car)));
    }
    Ok(boxes)
}

impl Views {
    fn draw<'s>(
        shards: &ShardReader,
        chosen: impl Iterator<Item = (usize, &'s (Sample, Rectangle))>,
        (seed, epoch): (u64, usize),
        config: &NetworkConfig,
    ) -> Result<Self, Error> {
        let (mut images, mut cars) = (Vec::new(), Vec::new());
        let from = shards.geometry().width;
        for (position, (sample, car)) in chosen {
            let mut rng = generator(seed, "view", epoch, position);
            let view = View::draw(&mut rng, car);
            let mut pixels = view.render(shards.photo(&sample.place)?, from, config.input_size)?;
            let car = car.within(&view.shown);
            let mirrored = rng.random_bool(0.5);
            if mirrored {
                mirror(&mut pixels, config.input_size);
            }
            cars.push(if mirrored { car.mirrored() } else { car });
            images.extend(locator_input(&pixels));
        }
        let size = config.input_size;
        let images = Tensor::from_vec(images, (cars.len(), size, size, 3), &Device::Cpu)?;
        Ok(Self { images, cars })
    }
}
