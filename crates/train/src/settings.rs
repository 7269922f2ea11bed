//! The section `[train]`.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use marque_augment::{Options, Policy};
use marque_network::{Backbone, BottleneckStride, Precision};
use marque_settings::Section;
use serde::Serialize;

use crate::Error;
use crate::augmentation::Augmentation;
use crate::ema::EmaSettings;
use crate::freeze::Freeze;
use crate::head_settings::{HeadSettings, Weighing};
use crate::optimizer::{AdamW, Method, Sgd};
use crate::schedule::{PeakRates, Schedule, Shape};

/// How to train.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Settings {
    /// The backbone.
    pub backbone: Backbone,
    /// Where ResNet50 has its strides.
    pub bottleneck_stride: BottleneckStride,
    /// Pretrained weights of the backbone. Its content, not its path, is in the fingerprint.
    #[serde(skip)]
    pub weights: Option<PathBuf>,
    /// Epsilon of batch normalisation: the one that the weights were trained with.
    pub norm_eps: f64,
    /// Mean of each colour, subtracted from pixels in 0 to 1.
    pub mean: [f64; 3],
    /// Deviation of each colour, divided by.
    pub std: [f64; 3],
    /// Passes over the training photos.
    pub epochs: usize,
    /// Photos per pass through the network, about: an epoch is cut into batches of equal size.
    pub batch_size: usize,
    /// Batches per step of the optimiser.
    pub accumulate: usize,
    /// Highest learning rates, and weight decay.
    pub rates: PeakRates,
    /// How the learning rates move.
    pub schedule: Schedule,
    /// The optimiser.
    pub optimizer: Method,
    /// Longest gradient that is not scaled down; `None` for any.
    pub clip_norm: Option<f64>,
    /// The average of the weights that is evaluated and kept, if any.
    pub ema: Option<EmaSettings>,
    /// Parts of the backbone that do not learn.
    pub freeze: Freeze,
    /// How the activations of what is frozen for good are kept on disk, if they are.
    pub features: Option<FeatureSettings>,
    /// Share of the features dropped before each head.
    pub dropout: f64,
    /// How the losses of the heads are weighed against each other.
    pub weighing: Weighing,
    /// What every head does unless it has settings of its own.
    pub head: HeadSettings,
    /// Heads with settings of their own, by name.
    pub heads: BTreeMap<String, HeadSettings>,
    /// How photos are changed at random.
    pub augmentation: Augmentation,
    /// Sizes at which to train, each from an epoch on; empty for that of the shards throughout.
    pub resize: Vec<(usize, usize)>,
    /// What makes an epoch the best.
    pub select_by: Selection,
    /// Epochs without a better one after which to stop; `None` never to.
    pub patience: Option<usize>,
    /// How many of the last epochs to keep as checkpoints beside the best model.
    pub keep_checkpoints: usize,
    /// Steps of the optimiser between two states to go on from; `None` for one after each epoch. Changes nothing in
    /// the result.
    #[serde(skip)]
    pub checkpoint_steps: Option<usize>,
    /// Seed of weights, order, augmentation and dropout.
    pub seed: u64,
    /// What the backbone computes with. Not of this section: `runtime.precision` is for evaluation too.
    pub precision: Precision,
}

/// How activations of the frozen parts are kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct FeatureSettings {
    /// Views of each photo: the photo as it is, then moved at random; as many again mirrored if `flip` is on.
    pub crops: usize,
}

/// What makes an epoch the best, measured on the validation photos.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Selection {
    /// Highest mean of the heads' accuracies; for tags, of the share of photos with exactly the right ones.
    Accuracy,
    /// Highest mean of the heads' macro-F1.
    MacroF1,
    /// Lowest loss.
    Loss,
    /// The last epoch, whatever it measures.
    Last,
}

impl Settings {
    /// Reads the section.
    pub fn read(section: &mut Section<'_>) -> Self {
        use BottleneckStride::*;
        let backbones = Backbone::ALL.map(|backbone| (backbone.name(), backbone));
        let strides = [("3x3", Middle3x3), ("first-1x1", First1x1)];
        let optimizer = read_optimizer(section);
        let head = HeadSettings::read(section, &HeadSettings::default());
        let heads = section.tables("heads", |section| HeadSettings::read_own(section, &head));
        let settings = Self {
            backbone: section.choice("backbone", Backbone::ResNet18, &backbones),
            bottleneck_stride: section.choice("bottleneck_stride", Middle3x3, &strides),
            weights: section.optional_path("weights"),
            norm_eps: section.number("norm_eps", 1e-5, 1e-8..=0.1),
            mean: section.numbers("mean", [0.5; 3]),
            std: section.numbers("std", [0.5; 3]),
            epochs: section.count("epochs", 10, 1..=10_000),
            batch_size: section.count("batch_size", 32, 2..=4096),
            accumulate: section.count("accumulate", 1, 1..=4096),
            rates: read_rates(section, optimizer),
            schedule: read_schedule(section),
            optimizer,
            clip_norm: Some(section.number("clip_norm", 0.0, 0.0..=1e9)).filter(|norm| *norm > 0.0),
            ema: read_ema(section),
            freeze: read_freeze(section),
            features: read_features(section),
            dropout: section.number("dropout", 0.2, 0.0..=0.95),
            weighing: Weighing::read(section),
            head,
            heads: heads.into_iter().collect(),
            augmentation: Augmentation::read(section),
            resize: read_sizes(section),
            select_by: section.choice(
                "select_by",
                Selection::Accuracy,
                &[
                    ("accuracy", Selection::Accuracy),
                    ("macro-f1", Selection::MacroF1),
                    ("loss", Selection::Loss),
                    ("last", Selection::Last),
                ],
            ),
            patience: Some(section.count("patience", 0, 0..=10_000)).filter(|epochs| *epochs > 0),
            keep_checkpoints: section.count("keep_checkpoints", 1, 0..=10_000),
            checkpoint_steps: Some(section.count("checkpoint_steps", 0, 0..=1_000_000))
                .filter(|steps| *steps > 0),
            seed: section.seed("seed", 1),
            precision: Precision::default(),
        };
        settings.check(section);
        settings
    }

    /// Parts of the backbone whose activations are read from disk.
    pub fn cached_parts(&self) -> usize {
        if self.features.is_some() { self.freeze.forever() } else { 0 }
    }

    /// What does not go together with the size at which photos are stored, in pixels: keys, and what is wrong with each.
    pub fn size_misfits(&self, stored: usize) -> Vec<(&'static str, String)> {
        let mut misfits = Vec::new();
        if let Some((_, size)) = self.resize.iter().find(|(_, size)| *size > stored) {
            let message = format!("asks for photos of {size} pixels, but preprocess.size is {stored}");
            misfits.push(("train.resize", message));
        }
        let smallest = (1..=self.epochs).map(|epoch| self.size_at(epoch, stored)).min().unwrap_or(stored);
        let shift = self.augmentation.shift;
        if 2 * shift >= smallest {
            let message =
                format!("moves photos of {smallest} pixels by {shift}, which is half of them or more");
            misfits.push(("train.shift", message));
        }
        misfits
    }

    /// Size of the training photos in an epoch, from 1, of shards of photos of `size` pixels.
    pub(crate) fn size_at(&self, epoch: usize, size: usize) -> usize {
        self.resize.iter().rfind(|(from, _)| *from <= epoch).map_or(size, |(_, size)| *size)
    }

    /// What is done to photos at a size to train at, or only what is always done.
    pub(crate) fn policy(&self, size: Option<usize>) -> Result<Policy, Error> {
        let options = match size {
            Some(size) => Options { output_size: Some(size), ..self.augmentation.options() },
            None => Options::default(),
        };
        let [mean, std] = [self.mean, self.std].map(|values| values.map(|value| value as f32));
        Ok(Policy::new(Options { mean, std, ..options })?)
    }

    /// The settings of a head.
    pub fn of_head(&self, name: &str) -> &HeadSettings {
        self.heads.get(name).unwrap_or(&self.head)
    }

    /// Whether a head is part of the models that are written.
    pub(crate) fn answers(&self, head: &str) -> bool {
        !self.of_head(head).auxiliary
    }

    /// What does not go together.
    fn check(&self, section: &mut Section<'_>) {
        if self.std.iter().any(|&std| std <= 0.0) {
            section.problem("std", "must be three positive numbers");
        }
        if self.freeze.epochs.is_empty() && section.has("freeze_epochs") {
            section.problem("freeze_epochs", "needs train.freeze, which says what is frozen");
        }
        if self.patience.is_some() && self.select_by == Selection::Last {
            section.problem(
                "patience",
                "needs epochs to be compared: train.select_by = \"last\" takes the last",
            );
        }
        if matches!(self.optimizer, Method::Sgd(Sgd { momentum: 0.0, nesterov: true })) {
            section.problem("nesterov", "needs train.momentum above 0");
        }
        if self.features.is_none() {
            return;
        }
        if self.features.is_some_and(|features| features.crops == 1) {
            for key in ["random_resized_crop", "colour_jitter", "rand_augment", "random_erasing"] {
                if section.has(key) {
                    section.problem(
                        "cache_crops",
                        format!("keeps each photo as it is, so that train.{key} changes nothing: set it to 2 or more"),
                    );
                    break;
                }
            }
        }
        if self.freeze.forever() == 0 || self.freeze.ends() {
            section.problem(
                "cache_features",
                "needs train.freeze, with train.freeze_epochs = 0: what learns changes",
            );
        }
        if self.augmentation.mixing().is_on() {
            section.problem("cache_features", "does not go with train.mixup_alpha and train.cutmix_alpha");
        }
        if !self.resize.is_empty() {
            section
                .problem("cache_features", "does not go with train.resize: activations are kept at one size");
        }
    }
}

fn read_optimizer(section: &mut Section<'_>) -> Method {
    let adamw = AdamW {
        beta1: section.number("beta1", 0.9, 0.0..=0.9999),
        beta2: section.number("beta2", 0.999, 0.0..=0.99999),
        eps: section.number("eps", 1e-8, 1e-12..=0.1),
    };
    let sgd = Sgd {
        momentum: section.number("momentum", 0.9, 0.0..=0.9999),
        nesterov: section.flag("nesterov", false),
    };
    let methods = [("adamw", Method::AdamW(adamw)), ("sgd", Method::Sgd(sgd))];
    section.choice("optimizer", Method::AdamW(adamw), &methods)
}

fn read_rates(section: &mut Section<'_>, optimizer: Method) -> PeakRates {
    let (rate, decay) = match optimizer {
        Method::AdamW(_) => (2e-3, 0.01),
        Method::Sgd(_) => (0.02, 1e-4),
    };
    let backbone = section.number("learning_rate", rate, 0.0..=10.0);
    PeakRates {
        backbone,
        heads: section.number("head_learning_rate", backbone, 0.0..=10.0),
        layer_decay: section.number("layer_decay", 1.0, 0.001..=1.0),
        weight_decay: section.number("weight_decay", decay, 0.0..=10.0),
    }
}

fn read_schedule(section: &mut Section<'_>) -> Schedule {
    let step = Shape::Step {
        epochs: section.count("step_epochs", 30, 1..=10_000),
        factor: section.number("step_factor", 0.1, 0.0..=1.0),
    };
    let shapes = [
        ("one-cycle", Shape::OneCycle),
        ("cosine", Shape::Cosine),
        ("step", step),
        ("constant", Shape::Constant),
    ];
    Schedule {
        shape: section.choice("schedule", Shape::OneCycle, &shapes),
        warmup: section.number("warmup", 0.25, 0.0..=1.0),
    }
}

fn read_ema(section: &mut Section<'_>) -> Option<EmaSettings> {
    let decay = section.number("ema_decay", 0.0, 0.0..=0.999_999);
    let warmup = section.flag("ema_warmup", true);
    (decay > 0.0).then_some(EmaSettings { decay, warmup })
}

fn read_freeze(section: &mut Section<'_>) -> Freeze {
    let parts = section.optional_texts("freeze").unwrap_or_default();
    let epochs = section.optional_integers("freeze_epochs").unwrap_or_default();
    let norm_statistics = section.flag("freeze_norm_statistics", false);
    let counts: Vec<usize> = epochs.iter().filter_map(|epochs| usize::try_from(*epochs).ok()).collect();
    if counts.len() < epochs.len() {
        section.problem("freeze_epochs", "must be whole numbers, 0 or more");
    }
    Freeze::new(&parts, &counts, norm_statistics).unwrap_or_else(|(key, message)| {
        section.problem(key, message);
        Freeze::default()
    })
}

fn read_features(section: &mut Section<'_>) -> Option<FeatureSettings> {
    let on = section.flag("cache_features", false);
    let crops = section.count("cache_crops", 1, 1..=64);
    on.then_some(FeatureSettings { crops })
}

fn read_sizes(section: &mut Section<'_>) -> Vec<(usize, usize)> {
    let pairs = section.optional_pairs("resize").unwrap_or_default();
    let within = |value: i64, range: RangeInclusive<usize>| {
        usize::try_from(value).ok().filter(|value| range.contains(value))
    };
    let pair = |[epoch, size]: &[i64; 2]| Some((within(*epoch, 1..=10_000)?, within(*size, 16..=1024)?));
    let sizes: Vec<_> = pairs.iter().filter_map(pair).collect();
    if sizes.len() < pairs.len() || !sizes.is_sorted_by(|a, b| a.0 < b.0) {
        section.problem(
            "resize",
            "must be pairs of an epoch, from 1 and ascending, and a size from then on, of 16 to 1024 pixels",
        );
    }
    sizes
}
