//! The files that stages exchange, beyond JSON: Parquet tables and tensor shards.
//!
//! A table is a [`Frame`] of named columns, written with the same bytes for the same content; the typed
//! tables ([`PhotoRow`], [`AnnotationTable`], [`DuplicateRow`], [`RejectedRow`], [`LabelTable`], [`CropRow`],
//! [`IndexRow`], [`EpochRow`]) say what is in it. Pixels travel in shards: safetensors files with one uint8
//! tensor of shape `[photos, height, width, 3]`.

mod annotations;
mod crops;
mod duplicates;
mod error;
mod foreign;
mod frame;
mod history;
mod labels;
mod photos;
mod rejected;
mod shards;

pub use annotations::{AnnotationRow, AnnotationTable};
pub use crops::{Crop, CropRow};
pub use duplicates::{DuplicateKind, DuplicateRow};
pub use error::Error;
pub use foreign::{ForeignBatch, ForeignColumn, ForeignKind, ForeignTable, NO_TAGS, TAG_SEPARATOR};
pub use frame::{Column, Frame};
pub use history::{EpochRow, HeadEpoch};
pub use labels::{LabelExtras, LabelRow, LabelTable, TagColumn};
pub use photos::PhotoRow;
pub use rejected::RejectedRow;
pub use shards::{Geometry, IndexRow, ShardReader, ShardWriter, shard_path, write_shard};
