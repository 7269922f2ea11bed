//! ResNet18, 34 and 50 (He et al., 2015) with one linear head per question asked of a photo, on candle.
//!
//! - **Reads**: a [`NetworkConfig`] (`config.json`, next to the weights); weights from safetensors files (f16,
//!   bf16 or f32) and PyTorch `.pth` files, under torchvision's parameter names.
//! - **Writes**: checkpoints as safetensors in torchvision's layout (f32, names sorted, the same bytes for
//!   the same weights); heads are `heads.<name>.weight` and `.bias`.
//!
//! Images are `[n, height, width, 3]`, f32, normalised with the configuration's mean and standard deviation.
//! Inside, activations stay in that NHWC layout and convolution weights are `[kh, kw, c_in, c_out]`
//! variables; files hold PyTorch's `[c_out, c_in, kh, kw]`.
//!
//! [`Network`] computes its backbone by hand-written passes over the operations of `marque-kernels`; heads and loss are
//! candle's graph. `marque-reference` computes the same with candle's operations alone, for tests.

mod answer_gradient;
mod architecture;
mod backbone;
mod build;
mod config;
mod error;
mod file_layout;
mod gradients;
mod head;
mod hierarchy;
mod initialise;
mod layers;
mod load;
mod load_report;
mod names;
mod network;
mod parameters;
mod save;
mod training_pass;
mod weights_file;

pub use architecture::{Architecture, Backbone, BlockSpec, BottleneckStride, ConvSpec, PARTS, PoolSpec};
pub use backbone::Precision;
pub use config::NetworkConfig;
pub use error::{Error, Result};
pub use gradients::Gradients;
pub use head::HeadConfig;
pub use hierarchy::{LEAST_PROBABILITY, LabelHierarchy};
pub use load_report::{LoadReport, MisShaped};
pub use marque_kernels::NUMERICS_VERSION;
pub use network::{Frozen, Network};
pub use parameters::{Buffer, Group, Parameter};
pub use save::little_endian;
pub use training_pass::TrainingPass;
pub use weights_file::WeightsFile;
