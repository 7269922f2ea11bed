//! The construction of a network, with torchvision's names.

use candle_core::Var;

use crate::config::{Backbone, BottleneckStride, NetworkConfig};
use crate::initialise::Initialiser;
use crate::layers::{Block, ConvNorm, Head, Norm};
use crate::network::{Buffer, Group, Parameter};
use crate::{Result, names};

/// All layers of a network, and its variables by name.
pub(crate) struct Parts {
    pub(crate) stem: ConvNorm,
    pub(crate) stages: Vec<Vec<Block>>,
    pub(crate) heads: Vec<Head>,
    /// The head of fine classes, where it is not one of `heads`.
    pub(crate) fine: Option<Head>,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) buffers: Vec<Buffer>,
}

impl Parts {
    /// What a configuration asks for, with freshly drawn weights.
    pub(crate) fn build(config: &NetworkConfig, seed: u64) -> Result<Self> {
        let initialiser = Initialiser { seed };
        let mut builder = Builder { config, initialiser, parameters: Vec::new(), buffers: Vec::new() };
        let stem = Shape { kernel: 7, inputs: 3, outputs: 64, stride: 2 };
        let stem = builder.conv_norm("conv1", "bn1", Group::Stem, stem, 1.0)?;
        let stages = builder.stages()?;
        let heads =
            config.heads.iter().map(|head| builder.head(&head.name, head.classes)).collect::<Result<_>>()?;
        let fine = config.agreement.as_ref().map(|agreement| &agreement.head);
        let fine = fine.filter(|fine| config.heads.iter().all(|head| head.name != fine.name));
        let fine = fine.map(|fine| builder.head(&fine.name, fine.classes)).transpose()?;
        let Builder { mut parameters, mut buffers, .. } = builder;
        parameters.sort_by(|a, b| a.name.cmp(&b.name));
        buffers.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self { stem, stages, heads, fine, parameters, buffers })
    }
}

/// Layers under construction, and what has been registered of them.
struct Builder<'a> {
    config: &'a NetworkConfig,
    initialiser: Initialiser,
    parameters: Vec<Parameter>,
    buffers: Vec<Buffer>,
}

/// What sets a convolution apart.
#[derive(Clone, Copy)]
struct Shape {
    kernel: usize,
    inputs: usize,
    outputs: usize,
    stride: usize,
}

impl Builder<'_> {
    fn parameter(&mut self, name: String, var: &Var, group: Group, decay: bool) {
        self.parameters.push(Parameter { name, var: var.clone(), group, decay });
    }

    fn conv_norm(
        &mut self,
        conv: &str,
        norm: &str,
        group: Group,
        shape: Shape,
        gamma: f32,
    ) -> Result<ConvNorm> {
        let Shape { kernel, inputs, outputs, stride } = shape;
        let name = format!("{conv}.weight");
        let weight = self.initialiser.convolution(&name, [kernel, kernel, inputs, outputs])?;
        self.parameter(name, &weight, group, true);
        let vector = |value| self.initialiser.constant(value, outputs);
        let layer =
            Norm { gamma: vector(gamma)?, beta: vector(0.0)?, mean: vector(0.0)?, variance: vector(1.0)? };
        self.parameter(format!("{norm}.weight"), &layer.gamma, group, false);
        self.parameter(format!("{norm}.bias"), &layer.beta, group, false);
        for (kind, var) in [("running_mean", &layer.mean), ("running_var", &layer.variance)] {
            self.buffers.push(Buffer { name: format!("{norm}.{kind}"), var: var.clone() });
        }
        Ok(ConvNorm { weight, stride, padding: kernel / 2, norm: layer })
    }

    fn stages(&mut self) -> Result<Vec<Vec<Block>>> {
        let mut channels = 64;
        let mut stages = Vec::new();
        for (stage, (blocks, width)) in
            (1u8..).zip(self.config.backbone.blocks().into_iter().zip([64, 128, 256, 512]))
        {
            let mut built = Vec::with_capacity(blocks);
            for index in 0..blocks {
                let stride = if index == 0 && stage > 1 { 2 } else { 1 };
                let name = format!("layer{stage}.{index}");
                built.push(self.block(&name, Group::Layer(stage), channels, width, stride)?);
                channels = if self.config.backbone.has_bottlenecks() { 4 * width } else { width };
            }
            stages.push(built);
        }
        Ok(stages)
    }

    fn block(
        &mut self,
        name: &str,
        group: Group,
        inputs: usize,
        width: usize,
        stride: usize,
    ) -> Result<Block> {
        let shapes = branch(self.config.backbone, self.config.bottleneck_stride, inputs, width, stride);
        let outputs = shapes.last().map_or(inputs, |shape| shape.outputs);
        let mut layers = Vec::with_capacity(shapes.len());
        for (index, &shape) in shapes.iter().enumerate() {
            let number = index + 1;
            let is_last = number == shapes.len();
            let gamma = if is_last && self.config.zero_init_residual { 0.0 } else { 1.0 };
            let (conv, norm) = (format!("{name}.conv{number}"), format!("{name}.bn{number}"));
            layers.push(self.conv_norm(&conv, &norm, group, shape, gamma)?);
        }
        let downsample = if stride != 1 || inputs != outputs {
            let (conv, norm) = (format!("{name}.downsample.0"), format!("{name}.downsample.1"));
            let shape = Shape { kernel: 1, inputs, outputs, stride };
            Some(self.conv_norm(&conv, &norm, group, shape, 1.0)?)
        } else {
            None
        };
        Ok(Block { branch: layers, downsample })
    }

    fn head(&mut self, name: &str, classes: usize) -> Result<Head> {
        let features = self.config.backbone.features();
        let (weight_name, bias_name) = (names::head(name, "weight"), names::head(name, "bias"));
        let weight = self.initialiser.linear(&weight_name, &[classes, features], features)?;
        let bias = self.initialiser.linear(&bias_name, &[classes], features)?;
        self.parameter(weight_name, &weight, Group::Head, true);
        self.parameter(bias_name, &bias, Group::Head, false);
        Ok(Head { weight, bias })
    }
}

/// The convolutions of a block's branch.
fn branch(
    backbone: Backbone,
    place: BottleneckStride,
    inputs: usize,
    width: usize,
    stride: usize,
) -> Vec<Shape> {
    let shape = |kernel, inputs, outputs, stride| Shape { kernel, inputs, outputs, stride };
    if backbone.has_bottlenecks() {
        let (first, middle) = match place {
            BottleneckStride::First1x1 => (stride, 1),
            BottleneckStride::Middle3x3 => (1, stride),
        };
        vec![shape(1, inputs, width, first), shape(3, width, width, middle), shape(1, width, 4 * width, 1)]
    } else {
        vec![shape(3, inputs, width, stride), shape(3, width, width, 1)]
    }
}
