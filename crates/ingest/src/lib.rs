//! Stage 1, `ingest`: imports photos and annotations into the store, verified.
//!
//! **Reads** what `[dataset]` names: a published copy of Stanford Cars in any of its layouts, Parquet files with
//! embedded photos, a folder per class, a table of the user's own with photos in files, or nothing at all for the
//! embedded sample, which is drawn in the published format and then read as such. Files with addresses are downloaded
//! by [`Download`] before the stage runs; the stage itself never uses the network.
//!
//! **Writes** `photos/` (the photos, under the names the annotations use), `metadata/` (the annotation files
//! as published, or one `table.parquet` for all other sources), `photos.parquet` (a row per photo: size, digest,
//! width, height), `duplicates.parquet` (photos that are there more than once, byte for byte or nearly),
//! `rejected.parquet` (photos that are missing or cannot be decoded, with the reason) and `dataset.json`.

pub mod archive;
mod digests;
mod distribution;
mod download;
mod duplicates;
mod error;
mod expected_file;
mod paths;
mod perceptual_hash;
mod photos;
mod settings;
mod source;
mod source_folder;
mod stage;
mod stanford_cars;
mod verify;
mod warnings;

pub use distribution::Distribution;
pub use download::{Download, Verified};
pub use error::Error;
pub use expected_file::{ExpectedFile, FetchSettings};
pub use settings::{HuggingFace, MAX_REJECTED, Settings, SourceSettings, Table};
pub use source::{PhotoRow, PhotoSizes, Survey, photo_rows, rows_of_csv, survey};
pub use source_folder::files_below;
pub use stage::Ingest;
