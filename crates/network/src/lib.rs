//! ResNet18, 34 and 50 (He et al., 2015) with one linear head per question asked of a photo, on candle.
//!
//! - **Reads**: a [`NetworkConfig`] (`config.json` beside a checkpoint); weights from safetensors files (f16,
//!   bf16 or f32) and PyTorch `.pth` files, under torchvision's parameter names.
//! - **Writes**: checkpoints as safetensors in torchvision's layout (f32, names sorted, the same bytes for
//!   the same weights); heads are `heads.<name>.weight` and `.bias`.
//!
//! Images are `[n, height, width, 3]`, f32, normalised with the configuration's mean and standard deviation.
//! Inside, activations stay in that NHWC layout and convolution weights are `[kh, kw, c_in, c_out]`
//! variables; files hold PyTorch's `[c_out, c_in, kh, kw]`.
//!
//! [`Network`] computes with `marque-kernels`; [`stock`] computes the same with candle's own operations,
//! slowly, as the yardstick of the tests.

mod agreement;
mod build;
mod config;
mod error;
mod execution;
mod gradients;
mod initialise;
mod layers;
mod load;
mod names;
mod network;
mod save;
pub mod stock;
mod training_pass;
mod trunk;

pub use agreement::{Agreement, LEAST_PROBABILITY};
pub use config::{Backbone, BottleneckStride, HeadConfig, NetworkConfig, PixelLevels, Problem};
pub use error::{Error, Result};
pub use gradients::Gradients;
pub use load::{LoadReport, MisShaped};
pub use network::{Buffer, Frozen, Group, Network, Parameter};
pub use training_pass::TrainingPass;
pub use trunk::Precision;
