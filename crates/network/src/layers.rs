//! The layers of a ResNet as data: variables and how to apply them.

use candle_core::Var;

/// A convolution without bias and the batch normalisation after it.
#[derive(Debug)]
pub(crate) struct ConvNorm {
    /// `[kh, kw, c_in, c_out]`.
    pub(crate) weight: Var,
    pub(crate) stride: usize,
    /// Zeros around the image, half of the kernel.
    pub(crate) padding: usize,
    pub(crate) norm: Norm,
}

/// A batch normalisation; all are `[c]`.
#[derive(Debug)]
pub(crate) struct Norm {
    pub(crate) gamma: Var,
    pub(crate) beta: Var,
    /// Running mean, for evaluation.
    pub(crate) mean: Var,
    /// Running variance (unbiased), for evaluation.
    pub(crate) variance: Var,
}

/// A residual block: convolutions with ReLU between them, added to the shortcut, then ReLU.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) branch: Vec<ConvNorm>,
    /// Brings the input to the size of the branch's output, where they differ.
    pub(crate) downsample: Option<ConvNorm>,
}

/// A linear layer on the pooled features.
#[derive(Debug)]
pub(crate) struct Head {
    /// `[classes, features]`.
    pub(crate) weight: Var,
    /// `[classes]`.
    pub(crate) bias: Var,
}
