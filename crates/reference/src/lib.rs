//! The networks of `marque-network` computed with candle's own operations, in NCHW: slow, and independent of
//! `marque-kernels` and of the hand-written passes. Tests compare with it.
//!
//! A development dependency only. It **reads** the parameters of a [`Network`] by name, in the order of its
//! [`Architecture`](marque_network::Architecture), and **writes** nothing: running statistics stay as they are. There is no
//! dropout, nothing is frozen, and heads are not decoded jointly.

use std::collections::HashMap;

use candle_core::{D, Device, Error, Module, Result, Tensor, Var};
use candle_nn::{Conv2d, Conv2dConfig, Linear};
use marque_network::{BlockSpec, ConvSpec, Network};

/// The logits of each head, `[n, classes]`, of images `[n, height, width, 3]`, normalised by the batch's statistics, with
/// the graph for a backward pass.
///
/// # Errors
/// If an operation of candle fails.
pub fn forward_train(network: &Network, images: &Tensor) -> Result<Vec<Tensor>> {
    Reference::new(network, true).logits(images)
}

/// As [`forward_train`], normalised by the running statistics.
///
/// # Errors
/// If an operation of candle fails.
pub fn forward_eval(network: &Network, images: &Tensor) -> Result<Vec<Tensor>> {
    Reference::new(network, false).logits(images)
}

struct Reference<'n> {
    network: &'n Network,
    variables: HashMap<&'n str, &'n Var>,
    by_batch: bool,
}

impl<'n> Reference<'n> {
    fn new(network: &'n Network, by_batch: bool) -> Self {
        let parameters =
            network.parameters().iter().map(|parameter| (parameter.name.as_str(), &parameter.var));
        let buffers = network.buffers().iter().map(|buffer| (buffer.name.as_str(), &buffer.var));
        Self { network, variables: parameters.chain(buffers).collect(), by_batch }
    }

    fn variable(&self, layer: &str, kind: &str) -> Result<&Tensor> {
        let name = format!("{layer}.{kind}");
        let variable = self.variables.get(name.as_str());
        variable.map(|var| var.as_tensor()).ok_or_else(|| Error::Msg(format!("the network has no {name}")))
    }

    fn logits(&self, images: &Tensor) -> Result<Vec<Tensor>> {
        let architecture = self.network.architecture();
        let x = self.conv_norm(&architecture.stem, &images.permute((0, 3, 1, 2))?.contiguous()?)?;
        let mut x = stem_pool(&x)?;
        for block in architecture.stages.iter().flatten() {
            x = self.block(block, &x)?;
        }
        let features = x.flatten_from(2)?.mean(D::Minus1)?;
        let head = |name: &str| {
            let (weight, bias) = (self.variable(name, "weight")?, self.variable(name, "bias")?);
            Linear::new(weight.clone(), Some(bias.clone())).forward(&features)
        };
        self.network.config().heads.iter().map(|config| head(&format!("heads.{}", config.name))).collect()
    }

    fn block(&self, block: &BlockSpec, x: &Tensor) -> Result<Tensor> {
        let mut y = x.clone();
        for spec in &block.branch {
            y = self.conv_norm(spec, &y)?;
        }
        let shortcut = match &block.downsample {
            Some(spec) => self.conv_norm(spec, x)?,
            None => x.clone(),
        };
        relu(&(y + shortcut)?)
    }

    fn conv_norm(&self, spec: &ConvSpec, x: &Tensor) -> Result<Tensor> {
        let weight = self.variable(&spec.name, "weight")?.permute((3, 2, 0, 1))?.contiguous()?;
        let config = Conv2dConfig { padding: spec.padding, stride: spec.stride, ..Conv2dConfig::default() };
        let x = Conv2d::new(weight, None, config).forward(x)?;
        let per_channel = |kind: &str| self.variable(&spec.norm, kind)?.reshape((1, (), 1, 1));
        let (mean, variance) = if self.by_batch {
            let mean = x.mean_keepdim((0, 2, 3))?;
            let variance = x.broadcast_sub(&mean)?.sqr()?.mean_keepdim((0, 2, 3))?;
            (mean, variance)
        } else {
            (per_channel("running_mean")?.detach(), per_channel("running_var")?.detach())
        };
        let deviation = (variance + self.network.config().norm_eps)?.sqrt()?;
        let y = x.broadcast_sub(&mean)?.broadcast_div(&deviation)?;
        let y = y.broadcast_mul(&per_channel("weight")?)?.broadcast_add(&per_channel("bias")?)?;
        if spec.relu { relu(&y) } else { Ok(y) }
    }
}

/// Maximum pooling over 3×3 windows at stride 2, padded by 1, as the maximum of nine shifted views, since candle's
/// pooling has no backward pass where windows overlap. Padding with zeros does for minus infinity: the input comes out
/// of a ReLU.
fn stem_pool(x: &Tensor) -> Result<Tensor> {
    let (_, _, h, w) = x.dims4()?;
    let padded = x.pad_with_zeros(2, 1, 1)?.pad_with_zeros(3, 1, 1)?;
    let every_second = |from: usize, size: usize| {
        let indices: Vec<u32> = (0..size.div_ceil(2)).map(|i| (from + 2 * i) as u32).collect();
        Tensor::new(indices, &Device::Cpu)
    };
    let mut best: Option<Tensor> = None;
    for (dy, dx) in (0..3).flat_map(|dy| (0..3).map(move |dx| (dy, dx))) {
        let rows = padded.index_select(&every_second(dy, h)?, 2)?;
        let view = rows.index_select(&every_second(dx, w)?, 3)?;
        best = Some(match best {
            Some(best) => best.maximum(&view)?,
            None => view,
        });
    }
    Ok(best.unwrap_or(padded))
}

/// `max(x, 0)` with the slope 0 at 0, as in PyTorch, where candle's own is 1. It matters where blocks begin as the
/// identity: they add zeros to zeros.
fn relu(x: &Tensor) -> Result<Tensor> {
    x * x.gt(0.0)?.to_dtype(x.dtype())?
}
