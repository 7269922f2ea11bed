//! Activations of the frozen parts of the backbone, cached on disk: when these never learn, what they make of a photo is the
//! same in every epoch, and heads or last stages train in a fraction of the time.
//!
//! **Reads** the shards and index of `preprocess`, and pretrained weights. **Writes** `features/NNNNN.safetensors`, one
//! file per shard with a tensor `features` in f16 of shape `[photos, views, height, width, channels]` (or `[photos,
//! views, features]` if the whole backbone is frozen), and `features.json`. Half precision costs about a thousandth of a
//! value; training and validation see the same.
//!
//! The views of a photo are: as it is; mirrored, if `flip` is on; and so on for each further crop, which is drawn by
//! the configured augmentation. An epoch takes one view of each photo at random.

mod reader;
mod stage;
mod view;

pub(crate) use reader::FeatureReader;
pub use stage::Features;
pub(crate) use view::{draw_view, view_of, views};
