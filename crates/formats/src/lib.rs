//! The files that stages exchange, beyond JSON: Parquet tables and tensor shards.
//!
//! A [`Table`] of named columns is **read** from Parquet and **written** to it, with the same bytes for the same
//! content; the typed tables ([`PhotoRow`], [`AnnotationTable`], [`DuplicateRow`], [`RejectedRow`], [`LabelTable`],
//! [`CropRow`], [`IndexRow`], [`BoxRow`], [`EpochRow`]) say which columns there are. Pixels and features travel in shards:
//! safetensors files with one tensor whose first axis counts photos. An [`ExternalTable`] is one that another program wrote.

mod annotations;
mod boxes;
mod cell_value;
mod crops;
mod duplicates;
mod error;
mod external;
mod history;
mod labels;
mod parquet_file;
mod photos;
mod rejected;
mod shards;
mod table;

pub use annotations::{AnnotationRow, AnnotationTable};
pub use boxes::BoxRow;
pub use cell_value::CellValue;
pub use crops::{BoxFit, Crop, CropRow};
pub use duplicates::{DuplicateKind, DuplicateRow};
pub use error::Error;
pub use external::{ExternalBatch, ExternalColumn, ExternalKind, ExternalTable};
pub use history::{EpochRow, HEAD_COLUMNS, HISTORY_COLUMNS, HeadEpoch, HistoryColumn};
pub use labels::{LabelRow, LabelTable};
pub use photos::PhotoRow;
pub use rejected::RejectedRow;
pub use shards::{Geometry, IndexRow, ShardKind, ShardReader, ShardWriter, shard_path};
pub use table::{Column, Table};
