//! The description of a network: `config.json`, next to its weights.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::architecture::{Architecture, Backbone, BottleneckStride};
use crate::head::HeadConfig;
use crate::hierarchy::LabelHierarchy;
use crate::{Error, Result};

/// Everything about a network but its weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkConfig {
    /// The network up to the pooled features.
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
    /// The heads, in the order of the logits.
    pub heads: Vec<HeadConfig>,
    /// Whether heads answer about each cell of the last feature map, row by row, instead of their mean. Such a network has
    /// `[n · height · width, classes]` logits for `n` images.
    #[serde(default, skip_serializing_if = "is_off")]
    pub dense: bool,
    /// How heads are decoded jointly, if they are. In `config.json` it is called `agreement`.
    #[serde(default, rename = "agreement", skip_serializing_if = "Option::is_none")]
    pub hierarchy: Option<LabelHierarchy>,
}

fn is_off(flag: &bool) -> bool {
    !flag
}

fn default_norm_eps() -> f64 {
    1e-5
}

fn default_norm_momentum() -> f64 {
    0.1
}

impl NetworkConfig {
    /// A network for images of `input_size` pixels with PyTorch's batch normalisation, no dropout, no hierarchy, and
    /// pixels scaled to -1 to 1.
    pub fn new(backbone: Backbone, input_size: usize, heads: Vec<HeadConfig>) -> Self {
        Self {
            backbone,
            bottleneck_stride: BottleneckStride::default(),
            norm_eps: default_norm_eps(),
            norm_momentum: default_norm_momentum(),
            zero_init_residual: false,
            dropout: 0.0,
            input_size,
            mean: [0.5; 3],
            std: [0.5; 3],
            heads,
            dense: false,
            hierarchy: None,
        }
    }

    /// The layers of the backbone.
    pub fn architecture(&self) -> Architecture {
        Architecture::new(self.backbone, self.bottleneck_stride)
    }

    /// The same network with only those heads for which `keep` is true. The head of fine classes stays as part of the
    /// [`hierarchy`](Self::hierarchy) as long as that implies a class of any head that is kept.
    #[must_use]
    pub fn with_heads(&self, keep: impl Fn(&HeadConfig) -> bool) -> Self {
        let heads: Vec<_> = self.heads.iter().filter(|head| keep(head)).cloned().collect();
        let mut hierarchy = self.hierarchy.clone();
        if let Some(hierarchy) = &mut hierarchy {
            hierarchy.implies.retain(|name, _| heads.iter().any(|head| head.name == *name));
        }
        let hierarchy = hierarchy.filter(|hierarchy| !hierarchy.implies.is_empty());
        Self { heads, hierarchy, ..self.clone() }
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
        if let Some(hierarchy) = &self.hierarchy
            && let Err(reason) = hierarchy.check(&self.heads)
        {
            return refuse("agreement", reason);
        }
        Ok(())
    }
}
