//! The section `[train]`: how to train, put together of what each part of training reads for itself.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use marque_augment::{Options, Policy};
use marque_contracts::schema::{features, train};
use marque_network::{Backbone, BottleneckStride, Precision};
use marque_settings::{Measure, Reader, Section, WordOrPath};
use serde::Serialize;
use serde_json::json;

use crate::Error;
use crate::augmentation::Augmentation;
use crate::ema::EmaSettings;
use crate::fine_tuning::{CHOSEN, OpenKey};
use crate::freeze::{FeatureSettings, Freeze};
use crate::head_training::{HeadTraining, HeadWeighting};
use crate::locator_settings::LocatorSettings;
use crate::optimizer::{Method, Sgd};
use crate::published_weights::PublishedWeights;
use crate::schedule::{PeakRates, Schedule};
use crate::selection::Selection;

/// How to train. Serialised, it is what of the section enters the fingerprint, under its keys.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Settings {
    /// The residual network before the heads.
    pub backbone: Backbone,
    /// Where ResNet50 has its strides.
    pub bottleneck_stride: BottleneckStride,
    /// Pretrained weights of the backbone. Its content, not its path, is in the fingerprint.
    #[serde(skip)]
    pub weights: Option<PathBuf>,
    /// The published file that these are, if they are named.
    #[serde(skip)]
    pub published: Option<PublishedWeights>,
    /// What the names in that file begin with; `None` if the file has one network, whatever its names begin with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights_prefix: Option<String>,
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
    #[serde(flatten)]
    pub rates: PeakRates,
    /// How the learning rates move.
    #[serde(flatten)]
    pub schedule: Schedule,
    /// The optimiser.
    #[serde(flatten)]
    pub optimizer: Method,
    /// Longest gradient that is not scaled down; `None` for any.
    pub clip_norm: Option<f64>,
    /// The average of the weights that is evaluated and kept, if any.
    #[serde(flatten)]
    pub ema: Option<EmaSettings>,
    /// Parts of the backbone that do not learn.
    #[serde(flatten)]
    pub freeze: Freeze,
    /// How the activations of what is frozen for good are kept on disk, if they are.
    #[serde(flatten)]
    pub features: Option<FeatureSettings>,
    /// Share of the features dropped before each head.
    pub dropout: f64,
    /// How the losses of the heads are weighted against each other.
    #[serde(rename = "head_weighting")]
    pub weighting: HeadWeighting,
    /// How every head is trained unless it has settings of its own.
    #[serde(flatten)]
    pub head: HeadTraining,
    /// How the locator learns where the car is.
    #[serde(flatten)]
    pub locator: LocatorSettings,
    /// Heads with settings of their own, by name.
    pub heads: BTreeMap<String, HeadTraining>,
    /// How photos are changed at random.
    #[serde(flatten)]
    pub augmentation: Augmentation,
    /// Sizes at which to train, each from an epoch on; empty for that of the shards throughout.
    pub resize: Vec<(usize, usize)>,
    /// What makes an epoch the best.
    pub select_by: Selection,
    /// Epochs without a better one after which to stop; `None` never to.
    pub patience: Option<usize>,
    /// How many models of the last epochs to keep as checkpoints, besides the best one.
    pub keep_checkpoints: usize,
    /// Steps of the optimiser between two resume states; `None` for one after each epoch. Changes nothing in
    /// the result.
    #[serde(skip)]
    pub resume_steps: Option<usize>,
    /// Seed of weights, order, augmentation and dropout.
    pub seed: u64,
    /// What the backbone computes with: `runtime.precision`.
    #[serde(skip)]
    pub precision: Precision,
    /// Keys that the number of training photos decides over: [`Settings::settled`].
    #[serde(skip)]
    pub(crate) open: BTreeSet<OpenKey>,
}

impl Settings {
    /// Reads the section `[train]`; whatever is wrong is noted in `reader`. The precision is `runtime.precision`, which
    /// is for evaluation too. `downloads` is the folder of published weights, `fetch.folder`.
    pub fn read(reader: &mut Reader<'_>, precision: Precision, downloads: &Path) -> Self {
        let about = "the network and how it learns; `features` depends on a part of it and is there with \
                     `cache_features` only";
        reader.section(train::STAGE, &[features::STAGE, train::STAGE], about, |section| {
            let settings = Self::read_section(section, precision, downloads);
            settings.check(section);
            settings
        })
    }

    fn read_section(section: &mut Section<'_>, precision: Precision, downloads: &Path) -> Self {
        use BottleneckStride::*;
        let backbones = Backbone::ALL.map(|backbone| (backbone.name(), backbone));
        let strides = [("3x3", Middle3x3), ("first-1x1", First1x1)];
        let (weights, published) = read_weights(section, downloads);
        let origin = published.map_or("", |published| published.origin);
        let backbone = section
            .key("backbone", "the residual network before the heads; with weights by name theirs")
            .implied(origin, published.map(|published| json!(published.name())).as_ref())
            .choice(Backbone::ResNet18, &backbones);
        let published_stride = published.filter(|_| backbone.has_bottlenecks());
        let bottleneck_stride = section
            .key("bottleneck_stride", "resnet50: \"3x3\" as in torchvision, \"first-1x1\" as in the paper")
            .implied(origin, published_stride.map(|_| json!("3x3")).as_ref())
            .choice(Middle3x3, &strides);
        let weights_prefix = section
            .key(
                "weights_prefix",
                "which network of a file of weights with several: what the names of its tensors begin with, \
                     \"state_dict.encoder.\" say",
            )
            .optional_any_text("the only one");
        let norm_eps = section
            .key("norm_eps", "epsilon of batch normalisation: the one that the weights were trained with")
            .implied(origin, published.map(|_| json!(PublishedWeights::NORM_EPS)).as_ref())
            .number(1e-5, 1e-8..=0.1);
        let mean = section
            .key(
                "mean",
                "subtracted from each colour, of pixels in 0 to 1; with a file of weights use theirs",
            )
            .of(Measure::Brightness)
            .implied(origin, published.map(|_| json!(PublishedWeights::MEAN)).as_ref())
            .numbers([0.5; 3], 0.0..=1.0);
        let std = section
            .key("std", "what each colour is divided by after that; with a file of weights use theirs")
            .of(Measure::Brightness)
            .implied(origin, published.map(|_| json!(PublishedWeights::STD)).as_ref())
            .numbers([0.5; 3], 1e-4..=10.0);
        let mut open = BTreeSet::new();
        let mut count = |key: OpenKey, about, default, range| match weights {
            None => section.key(key.name(), about).count(default, range),
            Some(_) => {
                open.extend((!section.has(key.name())).then_some(key));
                section.key(key.name(), about).optional_count(CHOSEN, range).unwrap_or(default)
            }
        };
        let about = "passes over the training photos; with weights chosen by their number";
        let epochs = count(OpenKey::Epochs, about, 10, 1..=10_000);
        let about = "photos that pass through the network at once; an epoch is cut into batches of equal \
                     size; with weights chosen by the number of training photos";
        let batch_size = count(OpenKey::BatchSize, about, 32, 2..=4096);
        let accumulate = section
            .key(
                "accumulate",
                "batches per step of the optimiser: their losses count as those of one large batch",
            )
            .count(1, 1..=4096);
        let seed = section.key("seed", "of initial weights, order, augmentation and dropout").seed(1);
        let optimizer = Method::read(section);
        let (rates, open_rates) = PeakRates::read(section, optimizer, weights.is_some());
        open.extend(open_rates);
        let schedule = Schedule::read(section);
        let clip_norm = section
            .key("clip_norm", "longest gradient that is not scaled down; 0 for any")
            .number(0.0, 0.0..=1e9);
        let chosen = open.contains(&OpenKey::LearningRate);
        let averaged = chosen && !section.has("ema_warmup");
        let ema = EmaSettings::read(section, averaged);
        open.extend((averaged && !section.has("ema_decay")).then_some(OpenKey::EmaDecay));
        let dropout =
            section.key("dropout", "share of the features dropped before each head").number(0.2, 0.0..=0.95);
        let head = HeadTraining::read(section, &HeadTraining::default());
        let weighting = HeadWeighting::read(section);
        let locator = LocatorSettings::read(section);
        let about = "how one head is trained; what is not given is as in `[train]`";
        let heads = section.tables("heads", about, |section| HeadTraining::read_own(section, &head));
        // Cached activations are of the photos as the file has them changed.
        let cut = open.contains(&OpenKey::LearningRate) && !section.has("cache_features");
        let augmentation = Augmentation::read(section, cut);
        open.extend((cut && !section.has("random_resized_crop")).then_some(OpenKey::RandomResizedCrop));
        let resize = read_sizes(section);
        // The rates go with it.
        let freeze = Freeze::read(section, chosen);
        open.extend(
            (chosen && !section.has("freeze_norm_statistics")).then_some(OpenKey::FreezeNormStatistics),
        );
        let features = FeatureSettings::read(section);
        let selected = chosen && !section.has("patience");
        let select_by = Selection::read(section, selected);
        open.extend((selected && !section.has("select_by")).then_some(OpenKey::SelectBy));
        let patience = section
            .key("patience", "epochs without a better one after which to stop; 0: never")
            .count(0, 0..=10_000);
        let keep_checkpoints = section
            .key("keep_checkpoints", "how many of the last epochs to keep beside the best model")
            .count(1, 0..=10_000);
        let about = "steps between two states to resume from, beside one after each epoch; 0: after each epoch, of short ones after the first and 15 seconds' \
                     worth; changes no result";
        let resume_steps = section.key("checkpoint_steps", about).count(0, 0..=1_000_000);
        Self {
            backbone,
            bottleneck_stride,
            weights,
            published,
            weights_prefix,
            norm_eps,
            mean,
            std,
            epochs,
            batch_size,
            accumulate,
            rates,
            schedule,
            optimizer,
            clip_norm: (clip_norm > 0.0).then_some(clip_norm),
            ema,
            dropout,
            head,
            weighting,
            locator,
            heads: heads.into_iter().collect(),
            augmentation,
            resize,
            freeze,
            features,
            select_by,
            patience: (patience > 0).then_some(patience),
            keep_checkpoints,
            resume_steps: (resume_steps > 0).then_some(resume_steps),
            seed,
            precision,
            open,
        }
    }

    /// Parts of the backbone whose activations are read from disk.
    pub fn cached_parts(&self) -> usize {
        if self.features.is_some() { self.freeze.forever() } else { 0 }
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

    /// How a head is trained.
    pub fn of_head(&self, name: &str) -> &HeadTraining {
        self.heads.get(name).unwrap_or(&self.head)
    }

    /// The head of fine classes, and the heads whose classes these imply, if any are to.
    pub(crate) fn implications(&self) -> Option<(&str, &[String])> {
        let (name, head) = self.heads.iter().find(|(_, head)| !head.implies.is_empty())?;
        Some((name, &head.implies))
    }

    /// Whether a head is part of the models that are written.
    pub(crate) fn answers(&self, head: &str) -> bool {
        !self.of_head(head).auxiliary
    }

    /// Keys of the section that do not go together.
    fn check(&self, section: &mut Section<'_>) {
        if let Some(published) = self.published.filter(|published| published.backbone != self.backbone) {
            let (name, other) = (published.name(), self.backbone.name());
            section.problem(
                "backbone",
                format!("is {other}, which the weights of {name} do not fit: leave it out, or set train.weights = \"{other}\""),
            );
        }
        self.warn_of_normalisation(section);
        if self.weights.is_none() && section.has("weights_prefix") {
            section.problem("weights_prefix", "needs train.weights, the file that it is about");
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
        self.check_effects(section);
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

/// The file of pretrained weights, and which published one it is, if it is named.
fn read_weights(section: &mut Section<'_>, downloads: &Path) -> (Option<PathBuf>, Option<PublishedWeights>) {
    let known = PublishedWeights::ALL.map(|published| (published.name(), published));
    let weights = section
        .key(
            "weights",
            "pretrained weights of the backbone: torchvision's by name, which are downloaded and bring their \
             backbone, mean, std, norm_eps and bottleneck_stride; or a file, .safetensors or .pth, by torchvision's \
             names; their content counts",
        )
        .optional_word_or_path("none", &known);
    let path = match weights {
        None => return (None, None),
        Some(WordOrPath::Word(published)) => return (Some(downloads.join(published.file)), Some(published)),
        Some(WordOrPath::Path(path)) => path,
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    if name.starts_with("resnet") && path.extension().is_none() && !path.exists() {
        let names = known.map(|(name, _)| format!("\"{name}\"")).join(", ");
        section.problem(
            "weights",
            format!("there is no such file, and weights that are known by name are {names}"),
        );
    }
    (Some(path), None)
}

fn read_sizes(section: &mut Section<'_>) -> Vec<(usize, usize)> {
    let sizes = section
        .key("resize", "sizes in pixels at which to train, each from an epoch on: [[1, 96], [7, 128]]")
        .optional_pairs("that of the shards", [1..=10_000, 16..=1024])
        .unwrap_or_default();
    if !sizes.is_sorted_by(|a, b| a.0 < b.0) {
        section.problem("resize", "must be pairs of an epoch and the size from then on, by ascending epoch");
    }
    sizes
}
