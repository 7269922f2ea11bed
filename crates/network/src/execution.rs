//! How layers are computed: for training, for evaluation.

use crate::layers::{Block, ConvNorm, Head};
use candle_core::{Result, Tensor, Var};
use marque_kernels::{
    add_relu, affine_relu, batch_norm_train, conv2d, global_average_pool, linear, max_pool2d,
};

/// A way of computing the layers of a network. Activations may have any layout that the implementation agrees
/// with itself on.
pub(crate) trait Execution {
    /// The convolution, the normalisation and, if `relu`, ReLU.
    fn conv_norm(&self, layer: &ConvNorm, x: &Tensor, relu: bool) -> Result<Tensor>;

    /// The maximum over 3×3 windows at stride 2, padded by 1.
    fn stem_pool(&self, x: &Tensor) -> Result<Tensor>;

    /// `max(a + b, 0)`.
    fn add_relu(&self, a: &Tensor, b: &Tensor) -> Result<Tensor>;

    /// The mean over the pixels, `[n, c]`.
    fn average(&self, x: &Tensor) -> Result<Tensor>;

    /// The logits of a head, `[n, classes]`.
    fn head(&self, head: &Head, features: &Tensor) -> Result<Tensor>;

    /// A residual block.
    fn block(&self, block: &Block, x: &Tensor) -> Result<Tensor> {
        let last = block.branch.len().saturating_sub(1);
        let mut y = x.clone();
        for (index, layer) in block.branch.iter().enumerate() {
            y = self.conv_norm(layer, &y, index < last)?;
        }
        match &block.downsample {
            Some(layer) => self.add_relu(&y, &self.conv_norm(layer, x, false)?),
            None => self.add_relu(&y, x),
        }
    }
}

/// Normalises by the batch, keeps the graph, and updates the running statistics.
pub(crate) struct Training {
    pub(crate) eps: f64,
    pub(crate) momentum: f64,
}

impl Training {
    fn update(&self, running: &Var, batch: &Tensor) -> Result<()> {
        let kept = (running.as_detached_tensor() * (1.0 - self.momentum))?;
        running.set(&(kept + (batch * self.momentum)?)?)
    }
}

impl Execution for Training {
    fn conv_norm(&self, layer: &ConvNorm, x: &Tensor, relu: bool) -> Result<Tensor> {
        let norm = &layer.norm;
        let x = conv2d(x, &layer.weight, layer.stride, layer.padding)?;
        let count = (x.elem_count() / norm.gamma.elem_count()) as f64;
        let batch = batch_norm_train(&x, &norm.gamma, &norm.beta, self.eps as f32, relu)?;
        self.update(&norm.mean, &batch.mean)?;
        self.update(&norm.variance, &(batch.variance * (count / (count - 1.0)))?)?;
        Ok(batch.y)
    }

    fn stem_pool(&self, x: &Tensor) -> Result<Tensor> {
        max_pool2d(x, 3, 2, 1)
    }

    fn add_relu(&self, a: &Tensor, b: &Tensor) -> Result<Tensor> {
        add_relu(a, b)
    }

    fn average(&self, x: &Tensor) -> Result<Tensor> {
        global_average_pool(x)
    }

    fn head(&self, head: &Head, features: &Tensor) -> Result<Tensor> {
        linear(features, &head.weight, &head.bias)
    }
}

/// Normalises by the running statistics and keeps no graph.
pub(crate) struct Evaluation {
    pub(crate) eps: f64,
}

impl Execution for Evaluation {
    fn conv_norm(&self, layer: &ConvNorm, x: &Tensor, relu: bool) -> Result<Tensor> {
        let norm = &layer.norm;
        let x = conv2d(x, &layer.weight.as_detached_tensor(), layer.stride, layer.padding)?;
        let deviation = (norm.variance.as_detached_tensor() + self.eps)?.sqrt()?;
        let scale = (norm.gamma.as_detached_tensor() / deviation)?;
        let shift = (norm.beta.as_detached_tensor() - (norm.mean.as_detached_tensor() * &scale)?)?;
        affine_relu(&x, &scale, &shift, relu)
    }

    fn stem_pool(&self, x: &Tensor) -> Result<Tensor> {
        max_pool2d(x, 3, 2, 1)
    }

    fn add_relu(&self, a: &Tensor, b: &Tensor) -> Result<Tensor> {
        add_relu(a, b)
    }

    fn average(&self, x: &Tensor) -> Result<Tensor> {
        global_average_pool(x)
    }

    fn head(&self, head: &Head, features: &Tensor) -> Result<Tensor> {
        linear(features, &head.weight.as_detached_tensor(), &head.bias.as_detached_tensor())
    }
}
