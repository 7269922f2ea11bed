//! Stage 3, `preprocess`: decodes photos, crops them to the car, resizes them to a square, and packs them into shards.
//!
//! **Reads** `photos/` of `ingest` and `crops.parquet` of `labels`. It does not see labels, so that other
//! heads or splits leave the pixels as they are, unless it is asked for `webdataset/`, which has them.
//!
//! **Writes** `shards/NNNNN.safetensors` (uint8, `[photos, size, size, 3]`, RGB), `index.parquet`, `boxes.parquet` (boxes in
//! shares of the photo), `shards/whole/` (uncut, small, where photos have boxes), `preparation.json`
//! (how photos became pixels, for those who show the network others) and, if asked to, `webdataset/NNNNNN.tar`: a PNG and
//! a JSON file with labels per photo.
//!
//! Photos of all formats that `marque-photo` reads are turned upright by their EXIF orientation. Memory is that of one
//! photo per thread and at most `dataset.max_decode_bytes`, however many there are, and an interrupted run goes on after the shards that it had finished.

mod error;
mod settings;
mod stage;
mod webdataset;

pub use error::Error;
pub use marque_contracts::schema::{Filter, Fit};
pub use settings::Settings;
pub use stage::Preprocess;
