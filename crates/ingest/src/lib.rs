//! Stage 1, `ingest`: brings photos and annotations into the store, verified.
//!
//! **Reads** what `[dataset]` names: the published archives or folders of Stanford Cars on the local disk, or
//! nothing at all for the embedded sample, which is drawn in the published format and then takes the same way.
//!
//! **Writes** `photos/` (the photos, under the names the annotations use), `metadata/` (the annotation files
//! as published), `photos.parquet` (a row per photo: size, digest, width, height) and `dataset.json`.

mod checksum;
mod error;
mod photos;
mod published;
mod settings;
mod stage;
mod unpack;

pub use checksum::Checksum;
pub use error::{Error, Missing};
pub use settings::{ExpectedFile, Settings, Source};
pub use stage::Ingest;
pub use unpack::{Limits, unpack_tar_gz};
