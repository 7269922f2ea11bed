//! The layers of a network: what each is ([`ConvSpec`]) and its variables.

use std::ops::Range;

use candle_core::{Device, Module, Result, Tensor, Var};
use candle_nn::Linear;
use marque_kernels::{linear, read};

use crate::architecture::{ConvSpec, PoolSpec};

const NAME: &str = "a head in evaluation";

/// The layers of a backbone, in the order of computation.
#[derive(Debug)]
pub(crate) struct Layers {
    pub(crate) stem: ConvNorm,
    pub(crate) pool: PoolSpec,
    pub(crate) stages: Vec<Vec<Block>>,
    /// Whether features are those of each cell of the last map, and not their mean.
    pub(crate) dense: bool,
    /// Added to the variance in batch normalisation.
    pub(crate) eps: f32,
}

/// A convolution and its batch normalisation.
#[derive(Debug)]
pub(crate) struct ConvNorm {
    pub(crate) spec: ConvSpec,
    /// `[kh, kw, c_in, c_out]`.
    pub(crate) weight: Var,
    pub(crate) norm: BatchNorm,
}

/// The variables of a batch normalisation; all are `[c]`.
#[derive(Debug)]
pub(crate) struct BatchNorm {
    pub(crate) gamma: Var,
    pub(crate) beta: Var,
    /// Running mean, for evaluation.
    pub(crate) mean: Var,
    /// Running variance (unbiased), for evaluation.
    pub(crate) variance: Var,
}

/// A residual block.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) name: String,
    pub(crate) branch: Vec<ConvNorm>,
    /// The layer on the shortcut, where there is one.
    pub(crate) downsample: Option<ConvNorm>,
}

/// A head: a linear layer on the pooled features.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) name: String,
    /// `[classes, features]`.
    pub(crate) weight: Var,
    /// `[classes]`.
    pub(crate) bias: Var,
}

impl Layers {
    /// Rows of features that a last map of this shape gives, and pixels that each is the mean of.
    pub(crate) fn pooling(&self, [n, height, width, _]: [usize; 4]) -> (usize, usize) {
        if self.dense { (n * height * width, 1) } else { (n, height * width) }
    }

    /// The blocks in some parts of the backbone; the stem, part 0, has none.
    pub(crate) fn blocks(&self, parts: Range<usize>) -> impl DoubleEndedIterator<Item = &Block> {
        let stages = parts.start.max(1) - 1..parts.end.max(1) - 1;
        self.stages.get(stages).unwrap_or_default().iter().flatten()
    }
}

impl Head {
    /// The logits, `[n, classes]`, of pooled features, `[n, features]`, in candle's graph.
    pub(crate) fn logits(&self, features: &Tensor) -> Result<Tensor> {
        Linear::new(self.weight.as_tensor().clone(), Some(self.bias.as_tensor().clone())).forward(features)
    }

    /// As [`logits`](Self::logits), without a graph, each photo's by itself.
    pub(crate) fn logits_eval(&self, features: &Tensor) -> Result<Tensor> {
        let (photos, width) = features.dims2()?;
        let classes = self.bias.elem_count();
        let (features, weight, bias) = (
            read(NAME, "the features", features)?,
            read(NAME, "a weight", &self.weight)?,
            read(NAME, "a bias", &self.bias)?,
        );
        let mut logits = vec![0.0; photos * classes];
        linear(&features, &weight, &bias, width, &mut logits);
        Tensor::from_vec(logits, (photos, classes), &Device::Cpu)
    }
}
