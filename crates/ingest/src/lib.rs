//! Stage 1, `ingest`: brings photos and annotations into the store, verified.
//!
//! **Reads** what `[dataset]` names: a published copy of Stanford Cars in any of its layouts, Parquet files with
//! embedded photos, a folder per class, a table of the user's own with photos in files, or nothing at all for the
//! embedded sample, which is drawn in the published format and then takes the same way. Files that are named by
//! address are downloaded by [`Download`] before the stage runs; the stage itself never touches the network.
//!
//! **Writes** `photos/` (the photos, under the names the annotations use), `metadata/` (the annotation files
//! as published, or one `table.parquet` for all other sources), `photos.parquet` (a row per photo: size, digest,
//! width, height), `duplicates.parquet` (photos that are there more than once, byte for byte or nearly),
//! `rejected.parquet` (photos that are missing or cannot be decoded, with the reason) and `dataset.json`.

pub mod archive;
mod download;
mod duplicates;
mod edition;
mod error;
mod hashes;
mod perceptual;
mod photos;
mod settings;
mod source;
mod stage;

pub use download::{Download, Verified};
pub use edition::Edition;
pub use error::Error;
pub use settings::{ExpectedFile, FetchSettings, HuggingFace, Settings, Source, Table};
pub use stage::Ingest;
