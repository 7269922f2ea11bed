//! The files that stages exchange, beyond JSON: Parquet tables and tensor shards.
//!
//! A table is a [`Frame`] of named columns, written with the same bytes for the same content; the typed
//! tables ([`PhotoRow`], [`LabelTable`], [`CropRow`], [`IndexRow`], [`EpochRow`]) say what is in it. Pixels
//! travel in shards: safetensors files with one uint8 tensor of shape `[photos, height, width, 3]`.

mod crops;
mod error;
mod frame;
mod history;
mod labels;
mod photos;
mod shards;

pub use crops::{Crop, CropRow};
pub use error::Error;
pub use frame::{Column, Frame};
pub use history::{EpochRow, HeadEpoch};
pub use labels::{LabelRow, LabelTable};
pub use photos::PhotoRow;
pub use shards::{Geometry, IndexRow, ShardReader, write_shard};
