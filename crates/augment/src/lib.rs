//! Augmentation: random changes to the photos that a network learns from, so that it does not learn them by heart.
//!
//! **Reads** square photos, uint8, RGB, row by row (`[height, width, 3]`), and a generator. **Writes** the same
//! photo, changed, at the size that the network wants: as normalised f32 in the same layout, or as uint8 to look
//! at. No tensors and no files: a [`Policy`] made of [`Options`] turns pixels into pixels. [`Mixing`] mixes the
//! photos of a batch with one another (mixup, CutMix).
//!
//! A photo is changed in two parts. [`Policy::draw`] makes all random choices, which are a plain record ([`Draw`]),
//! and [`Policy::render`] carries them out; [`Policy::apply`] is both. Choices are drawn in a fixed order, and an
//! option that is off draws nothing, so that the same generator gives the same changes everywhere.
//!
//! The order of the changes is that of torchvision's reference training: crop and resize, mirror, move, colours,
//! RandAugment, normalisation, erasing.

mod affine;
mod canvas;
mod colour;
mod draw;
mod error;
mod levels;
mod mixing;
mod operation;
mod options;
mod place;
mod policy;
mod resample;

pub use canvas::Canvas;
pub use draw::{Draw, Region};
pub use error::Error;
pub use mixing::{Mix, Mixing};
pub use operation::Operation;
pub use options::{ColourJitter, Options, RandAugment, RandomErasing, RandomResizedCrop};
pub use policy::Policy;
