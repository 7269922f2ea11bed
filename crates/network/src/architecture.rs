//! The architecture of the backbones as data: which convolutions there are, in which order, of which shapes, under which
//! names.
//!
//! This is the only place that knows the topology of ResNets (He et al., 2015, arXiv:1512.03385). Building a network, its
//! passes, the channels between its parts, the names of its parameters, the ONNX graph and the count of operations all
//! read an [`Architecture`]. Another backbone of the family is a variant of [`Backbone`] and an entry in its table.

use marque_kernels::nhwc::{Convolution, MaxPool};
use serde::{Deserialize, Serialize};

use crate::Result;

/// Parts of a backbone that can be frozen one after the other: the stem with its pooling, and four stages.
pub const PARTS: usize = 5;

/// Output channels of the stem.
const STEM: usize = 64;
/// Channels of the 3×3 convolutions in each stage.
const WIDTHS: [usize; PARTS - 1] = [64, 128, 256, 512];
/// Output channels of a bottleneck, in widths of its stage.
const EXPANSION: usize = 4;

/// The network up to the pooled features.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backbone {
    /// The stem and two blocks of two 3×3 convolutions; 128 features, of cells 8 pixels wide. Not one of torchvision's: for
    /// finding things.
    ResNet6,
    /// 8 blocks of two 3×3 convolutions; 512 features.
    ResNet18,
    /// 16 blocks of two 3×3 convolutions; 512 features.
    ResNet34,
    /// 16 bottlenecks of a 1×1, a 3×3 and a 1×1 convolution; 2048 features.
    ResNet50,
}

/// What sets one backbone apart.
struct Design {
    name: &'static str,
    /// Blocks in each stage.
    blocks: [usize; PARTS - 1],
    /// Whether blocks are bottlenecks.
    bottlenecks: bool,
}

impl Backbone {
    /// The backbones of torchvision, from the smallest to the largest.
    pub const ALL: [Self; 3] = [Self::ResNet18, Self::ResNet34, Self::ResNet50];

    fn design(self) -> Design {
        match self {
            Self::ResNet6 => Design { name: "resnet6", blocks: [1, 1, 0, 0], bottlenecks: false },
            Self::ResNet18 => Design { name: "resnet18", blocks: [2, 2, 2, 2], bottlenecks: false },
            Self::ResNet34 => Design { name: "resnet34", blocks: [3, 4, 6, 3], bottlenecks: false },
            Self::ResNet50 => Design { name: "resnet50", blocks: [3, 4, 6, 3], bottlenecks: true },
        }
    }

    /// torchvision's name, which `config.json` has too: `resnet18`.
    pub fn name(self) -> &'static str {
        self.design().name
    }

    /// Whether blocks are bottlenecks.
    pub fn has_bottlenecks(self) -> bool {
        self.design().bottlenecks
    }

    /// Number of pooled features, the channels of the last stage.
    pub fn features(self) -> usize {
        let stages = self.design().blocks.iter().filter(|blocks| **blocks > 0).count();
        WIDTHS[stages - 1] * if self.has_bottlenecks() { EXPANSION } else { 1 }
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

/// A backbone layer by layer, in the order of computation: the stem's convolution, maximum pooling, the blocks of the four
/// stages, and the mean over the pixels, which gives the pooled features.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Architecture {
    /// The first convolution.
    pub stem: ConvSpec,
    /// The pooling after it.
    pub pool: PoolSpec,
    /// The residual blocks of each stage, torchvision's `layer1` to `layer4`.
    pub stages: Vec<Vec<BlockSpec>>,
}

/// A residual block: the convolutions of its branch one after the other, plus the shortcut, then ReLU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockSpec {
    /// torchvision's name, such as `layer1.0`.
    pub name: String,
    /// The convolutions of the branch.
    pub branch: Vec<ConvSpec>,
    /// The convolution on the shortcut, where the branch changes the size; the block's input itself elsewhere.
    pub downsample: Option<ConvSpec>,
}

/// A square convolution without bias, the batch normalisation after it, and whether ReLU follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConvSpec {
    /// torchvision's name of the convolution, such as `layer1.0.conv1`.
    pub name: String,
    /// torchvision's name of the batch normalisation, such as `layer1.0.bn1`.
    pub norm: String,
    /// Height and width of the kernel.
    pub kernel: usize,
    /// Input channels.
    pub inputs: usize,
    /// Output channels.
    pub outputs: usize,
    /// Pixels from one window to the next, in both directions.
    pub stride: usize,
    /// Rows and columns of zeros on each side.
    pub padding: usize,
    /// Whether ReLU follows the normalisation.
    pub relu: bool,
}

/// Maximum pooling over square windows; padding never is the maximum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolSpec {
    /// Height and width of a window.
    pub kernel: usize,
    /// Pixels from one window to the next, in both directions.
    pub stride: usize,
    /// Rows and columns of padding on each side.
    pub padding: usize,
}

/// What makes one convolution differ from another, before it has a name.
#[derive(Clone, Copy)]
struct Shape {
    kernel: usize,
    inputs: usize,
    outputs: usize,
    stride: usize,
}

impl Shape {
    fn named(self, name: String, norm: String, relu: bool) -> ConvSpec {
        let Self { kernel, inputs, outputs, stride } = self;
        ConvSpec { name, norm, kernel, inputs, outputs, stride, padding: kernel / 2, relu }
    }
}

impl Architecture {
    /// The architecture of a backbone. Only backbones with bottlenecks mind `bottleneck_stride`.
    pub fn new(backbone: Backbone, bottleneck_stride: BottleneckStride) -> Self {
        let stem = Shape { kernel: 7, inputs: 3, outputs: STEM, stride: 2 };
        let stem = stem.named("conv1".to_owned(), "bn1".to_owned(), true);
        let Design { blocks, bottlenecks, .. } = backbone.design();
        let bottleneck_stride = bottlenecks.then_some(bottleneck_stride);
        let mut channels = STEM;
        let mut stages = Vec::with_capacity(blocks.len());
        for (stage, (blocks, width)) in (1..).zip(blocks.into_iter().zip(WIDTHS)) {
            let mut specs = Vec::with_capacity(blocks);
            for index in 0..blocks {
                let stride = if index == 0 && stage > 1 { 2 } else { 1 };
                let branch = branch(bottleneck_stride, channels, width, stride);
                let block = BlockSpec::new(format!("layer{stage}.{index}"), &branch, stride);
                channels = block.outputs();
                specs.push(block);
            }
            stages.push(specs);
        }
        Self { stem, pool: PoolSpec { kernel: 3, stride: 2, padding: 1 }, stages }
    }

    /// Channels that the first `parts` of [`PARTS`] give; 3 for none of them.
    pub fn channels(&self, parts: usize) -> usize {
        match parts {
            0 => self.stem.inputs,
            1 => self.stem.outputs,
            _ => {
                self.stages[..parts - 1].iter().flatten().last().map_or(self.stem.outputs, BlockSpec::outputs)
            }
        }
    }

    /// The convolutions of a pass over images `[n, height, width, 3]`, in the order of computation.
    ///
    /// # Errors
    /// [`Error::Compute`](crate::Error::Compute) if the images are too small for a layer.
    pub fn convolutions(&self, images: [usize; 4]) -> Result<Vec<Convolution>> {
        let stem = self.stem.convolution(images)?;
        let mut shape = self.pool.max_pool(stem.output_shape())?.output_shape();
        let mut all = vec![stem];
        for block in self.stages.iter().flatten() {
            if let Some(spec) = &block.downsample {
                all.push(spec.convolution(shape)?);
            }
            for spec in &block.branch {
                let convolution = spec.convolution(shape)?;
                shape = convolution.output_shape();
                all.push(convolution);
            }
        }
        Ok(all)
    }
}

/// The convolutions on a block's branch: a bottleneck's if there is a place for its stride, else two of 3×3.
fn branch(
    bottleneck_stride: Option<BottleneckStride>,
    inputs: usize,
    width: usize,
    stride: usize,
) -> Vec<Shape> {
    let shape = |kernel, inputs, outputs, stride| Shape { kernel, inputs, outputs, stride };
    let (first, middle) = match bottleneck_stride {
        None => return vec![shape(3, inputs, width, stride), shape(3, width, width, 1)],
        Some(BottleneckStride::First1x1) => (stride, 1),
        Some(BottleneckStride::Middle3x3) => (1, stride),
    };
    let expanded = EXPANSION * width;
    vec![shape(1, inputs, width, first), shape(3, width, width, middle), shape(1, width, expanded, 1)]
}

impl BlockSpec {
    fn new(name: String, branch: &[Shape], stride: usize) -> Self {
        let (inputs, outputs) = (branch[0].inputs, branch[branch.len() - 1].outputs);
        let shortcut = Shape { kernel: 1, inputs, outputs, stride };
        let downsample = (stride != 1 || inputs != outputs)
            .then(|| shortcut.named(format!("{name}.downsample.0"), format!("{name}.downsample.1"), false));
        let numbered = |(number, shape): (usize, &Shape)| {
            // The shortcut is added before the ReLU of the last.
            shape.named(format!("{name}.conv{number}"), format!("{name}.bn{number}"), number < branch.len())
        };
        let branch = (1..).zip(branch).map(numbered).collect();
        Self { name, branch, downsample }
    }

    /// Output channels.
    pub fn outputs(&self) -> usize {
        self.branch.last().map_or(0, |spec| spec.outputs)
    }
}

impl ConvSpec {
    /// The convolution for inputs `[n, height, width, channels]`.
    ///
    /// # Errors
    /// [`Error::Compute`](crate::Error::Compute) if the input is smaller than the kernel or has other channels.
    pub fn convolution(&self, input: [usize; 4]) -> Result<Convolution> {
        let weight = [self.kernel, self.kernel, self.inputs, self.outputs];
        Ok(Convolution::new(&input, &weight, self.stride, self.padding).map_err(candle_core::Error::from)?)
    }
}

impl PoolSpec {
    /// The pooling of inputs `[n, height, width, channels]`.
    ///
    /// # Errors
    /// [`Error::Compute`](crate::Error::Compute) if the input is smaller than a window.
    pub fn max_pool(&self, input: [usize; 4]) -> Result<MaxPool> {
        Ok(MaxPool::new(input, self.kernel, self.stride, self.padding).map_err(candle_core::Error::from)?)
    }
}
