//! Data augmentation: random changes to training photos, against overfitting.
//!
//! **Reads** square photos, uint8, RGB, row by row (`[height, width, 3]`), and a random generator. **Writes** the
//! augmented photo at the network's input size: as normalised f32 in the same layout, or as uint8 to look at. No
//! tensors and no files: a [`Policy`] with [`Options`] turns pixels into pixels. [`Mixing`] mixes the photos of a
//! batch with one another (mixup, CutMix).
//!
//! Augmentation has two steps. [`Policy::draw`] makes all random choices, which are a plain record ([`Draw`]), and
//! [`Policy::render`] applies them; [`Policy::apply`] is both. Choices are drawn in a fixed order, and an option that is
//! off draws nothing, so that the same generator gives the same result everywhere.
//!
//! A [`View`] is a random part of a photo around an object in it, for learning where that is.
//!
//! The order of the operations is that of torchvision's reference training: crop and resize, horizontal flip, shift,
//! colour jitter, RandAugment, normalisation, random erasing.

mod affine;
mod canvas;
mod colour;
mod draw;
mod error;
mod levels;
mod mirror;
mod mixing;
mod operation;
mod options;
mod policy;
mod resample;
mod view;

pub use canvas::Canvas;
pub use draw::{Draw, Region};
pub use error::Error;
pub use mirror::mirror;
pub use mixing::{Mix, Mixing};
pub use operation::Operation;
pub use options::{ColourJitter, Options, RandAugment, RandomErasing, RandomResizedCrop};
pub use policy::Policy;
pub use view::{Surroundings, View};
