//! The variables of a network: parameters, which are trained, and buffers, which are not.

use candle_core::Var;

use crate::architecture::PARTS;

/// A trainable variable.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// torchvision's name, such as `layer1.0.conv1.weight`, or `heads.<name>.weight`.
    pub name: String,
    /// The values, f32. A convolution's are `[kh, kw, c_in, c_out]`, where files hold `[c_out, c_in, kh, kw]`.
    pub var: Var,
    /// The part of the network it belongs to.
    pub group: Group,
    /// Whether weight decay applies to it: not to normalisations and biases.
    pub decay: bool,
}

/// A variable that is not trained: a running statistic of a batch normalisation.
#[derive(Debug, Clone)]
pub struct Buffer {
    /// torchvision's name, such as `bn1.running_mean`.
    pub name: String,
    /// The values, `[c]`, f32.
    pub var: Var,
}

/// Part of a network, in the order of computation: parameter groups for learning rates and freezing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// The first convolution and its normalisation.
    Stem,
    /// A stage of residual blocks, 1 to 4: `layer1` to `layer4`.
    Layer(u8),
    /// The heads.
    Head,
}

impl Group {
    /// The parts of the backbone, in the order of computation.
    pub const BACKBONE: [Self; PARTS] =
        [Self::Stem, Self::Layer(1), Self::Layer(2), Self::Layer(3), Self::Layer(4)];

    /// Its name in configurations: `stem`, `layer1` to `layer4`, `heads`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stem => "stem",
            Self::Layer(1) => "layer1",
            Self::Layer(2) => "layer2",
            Self::Layer(3) => "layer3",
            Self::Layer(_) => "layer4",
            Self::Head => "heads",
        }
    }
}
