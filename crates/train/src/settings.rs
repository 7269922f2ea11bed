//! The section `[train]`.

use std::path::PathBuf;

use marque_network::{Backbone, BottleneckStride};
use marque_settings::Section;
use serde::Serialize;

use crate::optimizer::AdamWSettings;
use crate::schedule::{Schedule, Shape};

/// How to train.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Settings {
    /// The trunk.
    pub backbone: Backbone,
    /// Where ResNet50 has its strides.
    pub bottleneck_stride: BottleneckStride,
    /// Pretrained weights of the trunk. Its content, not its path, is in the fingerprint.
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
    /// Photos per step, about: an epoch is cut into steps of equal size.
    pub batch_size: usize,
    /// Highest learning rate of the trunk.
    pub learning_rate: f64,
    /// Highest learning rate of the heads.
    pub head_learning_rate: f64,
    /// How the learning rate moves.
    pub schedule: Schedule,
    /// The optimiser's other settings.
    pub adamw: AdamWSettings,
    /// Share of the features dropped before each head.
    pub dropout: f64,
    /// Share of the target that goes to all classes evenly.
    pub label_smoothing: f64,
    /// How classes of unequal size are weighted in the loss.
    pub class_weights: ClassWeighting,
    /// Whether half of the photos are mirrored.
    pub flip: bool,
    /// How far a photo may be moved each way, in pixels.
    pub shift: usize,
    /// What makes an epoch the best.
    pub select_by: Selection,
    /// How many of the last epochs to keep as checkpoints beside the best model.
    pub keep_checkpoints: usize,
    /// Seed of weights, order, augmentation and dropout.
    pub seed: u64,
}

/// How classes of unequal size are weighted in the loss.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClassWeighting {
    /// All alike.
    None,
    /// By inverse frequency.
    Inverse,
    /// By inverse effective number.
    Effective,
}

/// What makes an epoch the best, measured on the validation photos.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Selection {
    /// Highest mean of the heads' accuracies.
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
        use {Backbone::*, BottleneckStride::*};
        let backbones = [("resnet18", ResNet18), ("resnet34", ResNet34), ("resnet50", ResNet50)];
        let learning_rate = section.number("learning_rate", 2e-3, 0.0..=10.0);
        let settings = Self {
            backbone: section.choice("backbone", ResNet18, &backbones),
            bottleneck_stride: section.choice(
                "bottleneck_stride",
                Middle3x3,
                &[("3x3", Middle3x3), ("first-1x1", First1x1)],
            ),
            weights: section.optional_path("weights"),
            norm_eps: section.number("norm_eps", 1e-5, 1e-8..=0.1),
            mean: section.numbers("mean", [0.5; 3]),
            std: section.numbers("std", [0.5; 3]),
            epochs: section.count("epochs", 10, 1..=10_000),
            batch_size: section.count("batch_size", 32, 2..=4096),
            learning_rate,
            head_learning_rate: section.number("head_learning_rate", learning_rate, 0.0..=10.0),
            schedule: Schedule {
                shape: section.choice(
                    "schedule",
                    Shape::OneCycle,
                    &[
                        ("one-cycle", Shape::OneCycle),
                        ("cosine", Shape::Cosine),
                        ("constant", Shape::Constant),
                    ],
                ),
                warmup: section.number("warmup", 0.25, 0.0..=1.0),
            },
            adamw: AdamWSettings {
                beta1: section.number("beta1", 0.9, 0.0..=0.9999),
                beta2: section.number("beta2", 0.999, 0.0..=0.99999),
                eps: section.number("eps", 1e-8, 1e-12..=0.1),
                weight_decay: section.number("weight_decay", 0.01, 0.0..=10.0),
            },
            dropout: section.number("dropout", 0.2, 0.0..=0.95),
            label_smoothing: section.number("label_smoothing", 0.0, 0.0..=0.9),
            class_weights: section.choice(
                "class_weights",
                ClassWeighting::None,
                &[
                    ("none", ClassWeighting::None),
                    ("inverse", ClassWeighting::Inverse),
                    ("effective", ClassWeighting::Effective),
                ],
            ),
            flip: section.flag("flip", true),
            shift: section.count("shift", 4, 0..=256),
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
            keep_checkpoints: section.count("keep_checkpoints", 1, 0..=10_000),
            seed: section.seed("seed", 1),
        };
        if settings.std.iter().any(|&std| std <= 0.0) {
            section.problem("std", "must be three positive numbers");
        }
        settings
    }
}
