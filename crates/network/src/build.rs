//! The construction of a network: an [`Architecture`] and heads become layers with initial values.

use candle_core::Var;

use crate::architecture::{Architecture, BlockSpec, ConvSpec};
use crate::config::NetworkConfig;
use crate::initialise::Initialiser;
use crate::layers::{BatchNorm, Block, ConvNorm, Head, Layers};
use crate::parameters::{Buffer, Group, Parameter};
use crate::{Result, names};

/// All layers of a network, and its variables by name.
pub(crate) struct Built {
    pub(crate) layers: Layers,
    /// In the order of the configuration.
    pub(crate) heads: Vec<Head>,
    /// The fine head of the label hierarchy, where it is not one of `heads`.
    pub(crate) fine: Option<Head>,
    /// Sorted by name.
    pub(crate) parameters: Vec<Parameter>,
    /// Sorted by name.
    pub(crate) buffers: Vec<Buffer>,
}

/// The network that a configuration describes.
pub(crate) fn build(
    config: &NetworkConfig,
    architecture: &Architecture,
    initialiser: Initialiser,
) -> Result<Built> {
    let mut builder = Builder { config, initialiser, parameters: Vec::new(), buffers: Vec::new() };
    let stem = builder.conv_norm(&architecture.stem, Group::Stem, 1.0)?;
    let mut stages = Vec::with_capacity(architecture.stages.len());
    for (stage, blocks) in (1..).zip(&architecture.stages) {
        let blocks = blocks.iter().map(|block| builder.block(block, Group::Layer(stage)));
        stages.push(blocks.collect::<Result<_>>()?);
    }
    let (pool, dense, eps) = (architecture.pool, config.dense, config.norm_eps as f32);
    let layers = Layers { stem, pool, stages, dense, eps };
    let heads = config.heads.iter().map(|head| builder.head(&head.name, head.classes));
    let heads = heads.collect::<Result<_>>()?;
    let fine = config.hierarchy.as_ref().map(|hierarchy| &hierarchy.head);
    let fine = fine.filter(|fine| config.heads.iter().all(|head| head.name != fine.name));
    let fine = fine.map(|fine| builder.head(&fine.name, fine.classes)).transpose()?;
    let Builder { mut parameters, mut buffers, .. } = builder;
    parameters.sort_by(|a, b| a.name.cmp(&b.name));
    buffers.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Built { layers, heads, fine, parameters, buffers })
}

/// What has been registered of the layers built so far.
struct Builder<'a> {
    config: &'a NetworkConfig,
    initialiser: Initialiser,
    parameters: Vec<Parameter>,
    buffers: Vec<Buffer>,
}

impl Builder<'_> {
    fn parameter(&mut self, name: String, var: &Var, group: Group, decay: bool) {
        self.parameters.push(Parameter { name, var: var.clone(), group, decay });
    }

    /// A layer whose normalisation starts with the scale `gamma`.
    fn conv_norm(&mut self, spec: &ConvSpec, group: Group, gamma: f32) -> Result<ConvNorm> {
        let ConvSpec { norm, kernel, inputs, outputs, .. } = spec;
        let name = format!("{}.weight", spec.name);
        let weight = self.initialiser.convolution(&name, [*kernel, *kernel, *inputs, *outputs])?;
        self.parameter(name, &weight, group, true);
        let vector = |value| self.initialiser.constant(value, *outputs);
        let variables = BatchNorm {
            gamma: vector(gamma)?,
            beta: vector(0.0)?,
            mean: vector(0.0)?,
            variance: vector(1.0)?,
        };
        self.parameter(format!("{norm}.weight"), &variables.gamma, group, false);
        self.parameter(format!("{norm}.bias"), &variables.beta, group, false);
        for (kind, var) in [("running_mean", &variables.mean), ("running_var", &variables.variance)] {
            self.buffers.push(Buffer { name: format!("{norm}.{kind}"), var: var.clone() });
        }
        Ok(ConvNorm { spec: spec.clone(), weight, norm: variables })
    }

    fn block(&mut self, block: &BlockSpec, group: Group) -> Result<Block> {
        let BlockSpec { name, branch, downsample } = block;
        let mut layers = Vec::with_capacity(branch.len());
        for (number, spec) in (1..).zip(branch) {
            let is_last = number == branch.len();
            let gamma = if is_last && self.config.zero_init_residual { 0.0 } else { 1.0 };
            layers.push(self.conv_norm(spec, group, gamma)?);
        }
        let downsample = downsample.as_ref().map(|spec| self.conv_norm(spec, group, 1.0)).transpose()?;
        Ok(Block { name: name.clone(), branch: layers, downsample })
    }

    fn head(&mut self, name: &str, classes: usize) -> Result<Head> {
        let features = self.config.backbone.features();
        let (weight_name, bias_name) = (names::head(name, "weight"), names::head(name, "bias"));
        let weight = self.initialiser.linear(&weight_name, &[classes, features], features)?;
        let bias = self.initialiser.linear(&bias_name, &[classes], features)?;
        self.parameter(weight_name, &weight, Group::Head, true);
        self.parameter(bias_name, &bias, Group::Head, false);
        Ok(Head { name: name.to_owned(), weight, bias })
    }
}
