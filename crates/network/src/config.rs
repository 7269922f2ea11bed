//! The description of a network: `config.json` beside its weights.

use crate::{Agreement, Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Everything about a network but its weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkConfig {
    /// The trunk.
    pub backbone: Backbone,
    /// Where a downsampling bottleneck of ResNet50 has its stride. ResNet18 and 34 have none.
    #[serde(default)]
    pub bottleneck_stride: BottleneckStride,
    /// Added to the variance in batch normalisation. Weights are trained for one value: 1e-5 in PyTorch.
    #[serde(default = "default_norm_eps")]
    pub norm_eps: f64,
    /// Share of a new batch in the running statistics, in `[0, 1]`, as PyTorch counts it: 0.1.
    #[serde(default = "default_norm_momentum")]
    pub norm_momentum: f64,
    /// Whether the last normalisation of each residual branch starts at zero, so that every block starts as
    /// the identity (Goyal et al., 2017). Matters for training from scratch only.
    #[serde(default)]
    pub zero_init_residual: bool,
    /// Share of the features dropped before each head in training, in `[0, 1)`.
    #[serde(default)]
    pub dropout: f32,
    /// Height and width of the images, in pixels. The network takes any size; this is the one it was trained
    /// for.
    pub input_size: usize,
    /// Subtracted from each colour (red, green, blue; pixels in 0 to 1) of an image.
    pub mean: [f32; 3],
    /// What each colour is divided by after that.
    pub std: [f32; 3],
    /// The questions, in the order of the logits.
    pub heads: Vec<HeadConfig>,
    /// How the answers are made to agree with each other, if they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreement: Option<Agreement>,
}

fn default_norm_eps() -> f64 {
    1e-5
}

fn default_norm_momentum() -> f64 {
    0.1
}

/// The trunk of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backbone {
    /// 8 blocks of two 3×3 convolutions; 512 features.
    ResNet18,
    /// 16 blocks of two 3×3 convolutions; 512 features.
    ResNet34,
    /// 16 bottlenecks of a 1×1, a 3×3 and a 1×1 convolution; 2048 features.
    ResNet50,
}

impl Backbone {
    /// Blocks in each of the four stages.
    pub fn blocks(self) -> [usize; 4] {
        match self {
            Self::ResNet18 => [2, 2, 2, 2],
            Self::ResNet34 | Self::ResNet50 => [3, 4, 6, 3],
        }
    }

    /// Whether blocks are bottlenecks.
    pub fn has_bottlenecks(self) -> bool {
        self == Self::ResNet50
    }

    /// Channels of the last stage: the width of the pooled features.
    pub fn features(self) -> usize {
        if self.has_bottlenecks() { 2048 } else { 512 }
    }
}

/// Where a downsampling bottleneck has its stride.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum BottleneckStride {
    /// In the first 1×1 convolution, as in the paper: "v1".
    #[serde(rename = "first-1x1")]
    First1x1,
    /// In the 3×3 convolution, as in torchvision: "v1.5".
    #[default]
    #[serde(rename = "3x3")]
    Middle3x3,
}

/// How the logits of a head are to be read, in Hugging Face's words for `problem_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Problem {
    /// Exactly one class: softmax.
    #[default]
    #[serde(rename = "single_label_classification")]
    SingleLabel,
    /// Each class by itself, several or none: sigmoid.
    #[serde(rename = "multi_label_classification")]
    MultiLabel,
}

/// A question: a linear layer on the pooled features.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadConfig {
    /// Part of the parameter names, so without dots.
    pub name: String,
    /// How its logits are to be read.
    #[serde(default, rename = "problem_type")]
    pub problem: Problem,
    /// Number of classes.
    pub classes: usize,
    /// Class names by index; the indices are `0..classes`.
    pub id2label: BTreeMap<usize, String>,
    /// The inverse of `id2label`.
    pub label2id: BTreeMap<String, usize>,
}

impl HeadConfig {
    /// A head for classes in the order of their indices.
    pub fn new<L: Into<String>>(name: impl Into<String>, labels: impl IntoIterator<Item = L>) -> Self {
        let id2label: BTreeMap<usize, String> = labels.into_iter().map(Into::into).enumerate().collect();
        let label2id = id2label.iter().map(|(&id, label)| (label.clone(), id)).collect();
        Self { name: name.into(), problem: Problem::default(), classes: id2label.len(), id2label, label2id }
    }

    /// The same with its logits read in another way.
    #[must_use]
    pub fn with_problem(self, problem: Problem) -> Self {
        Self { problem, ..self }
    }

    /// Class names in the order of their indices.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        self.id2label.values().map(String::as_str)
    }

    pub(crate) fn check(&self) -> std::result::Result<(), String> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if self.name.is_empty() || !self.name.chars().all(allowed) {
            return Err(format!("`{}` is not a name of letters, digits, `_` and `-`", self.name));
        }
        if self.classes == 0 {
            return Err("a head needs at least one class".to_owned());
        }
        if !self.id2label.keys().copied().eq(0..self.classes) {
            return Err(format!("id2label must name the classes 0 to {}", self.classes - 1));
        }
        let inverse = self.id2label.iter().map(|(&id, label)| (label.clone(), id));
        if self.label2id.len() != self.classes || inverse.collect::<BTreeMap<_, _>>() != self.label2id {
            return Err(
                "label2id must be the inverse of id2label, with different names for all classes".to_owned()
            );
        }
        Ok(())
    }
}

impl NetworkConfig {
    /// The same network with only those heads for which `keep` is true. A head of fine classes stays as part of the
    /// [`agreement`](Self::agreement) of those that do.
    #[must_use]
    pub fn with_heads(&self, keep: impl Fn(&HeadConfig) -> bool) -> Self {
        let heads: Vec<_> = self.heads.iter().filter(|head| keep(head)).cloned().collect();
        let mut agreement = self.agreement.clone();
        if let Some(agreement) = &mut agreement {
            agreement.implies.retain(|name, _| heads.iter().any(|head| head.name == *name));
        }
        let agreement = agreement.filter(|agreement| !agreement.implies.is_empty());
        Self { heads, agreement, ..self.clone() }
    }

    /// Looks for contradictions.
    ///
    /// # Errors
    /// [`Error::Config`] naming the first key at fault.
    pub fn check(&self) -> Result<()> {
        let refuse = |key: &str, reason: String| Err(Error::Config { key: key.to_owned(), reason });
        let smallest = f64::from(f32::MIN_POSITIVE);
        if !(smallest..1.0).contains(&self.norm_eps) {
            return refuse("norm_eps", format!("must be from {smallest:e} to 1, found {}", self.norm_eps));
        }
        if !(0.0..=1.0).contains(&self.norm_momentum) {
            return refuse("norm_momentum", format!("must be from 0 to 1, found {}", self.norm_momentum));
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return refuse("dropout", format!("must be at least 0 and below 1, found {}", self.dropout));
        }
        if self.input_size == 0 {
            return refuse("input_size", "must be at least 1 pixel".to_owned());
        }
        if !self.mean.iter().all(|mean| mean.is_finite()) {
            return refuse("mean", format!("must be finite, found {:?}", self.mean));
        }
        if !self.std.iter().all(|std| std.is_finite() && *std > 0.0) {
            return refuse("std", format!("must be positive, found {:?}", self.std));
        }
        if self.heads.is_empty() {
            return refuse("heads", "must hold at least one head".to_owned());
        }
        let mut names = BTreeSet::new();
        for (index, head) in self.heads.iter().enumerate() {
            let key = format!("heads[{index}]");
            if let Err(reason) = head.check() {
                return refuse(&key, reason);
            }
            if !names.insert(&head.name) {
                return refuse(&key, format!("there are two heads named `{}`", head.name));
            }
        }
        if let Some(agreement) = &self.agreement
            && let Err(reason) = agreement.check(&self.heads)
        {
            return refuse("agreement", reason);
        }
        Ok(())
    }
}

/// The number that the network sees for each byte of a pixel, by colour: `(byte / 255 - mean) / std`.
#[derive(Clone, Debug)]
pub struct PixelLevels([[f32; 256]; 3]);

impl PixelLevels {
    /// By the mean and standard deviation of each colour, for pixels in 0 to 1.
    pub fn new(mean: [f32; 3], std: [f32; 3]) -> Self {
        let level = |colour: usize, byte: usize| (byte as f32 / 255.0 - mean[colour]) / std[colour];
        Self(std::array::from_fn(|colour| std::array::from_fn(|byte| level(colour, byte))))
    }

    /// Of one pixel, red, green and blue.
    pub fn of(&self, pixel: [u8; 3]) -> [f32; 3] {
        std::array::from_fn(|colour| self.0[colour][usize::from(pixel[colour])])
    }
}
