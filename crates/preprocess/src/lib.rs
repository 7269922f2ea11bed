//! Stage 3, `preprocess`: decodes photos, crops them to the car, resizes them, and packs them into shards.
//!
//! **Reads** `photos/` of `ingest` and `crops.parquet` of `labels`. It does not see labels, so that other
//! heads or splits leave the pixels as they are.
//!
//! **Writes** `shards/NNNNN.safetensors` (uint8, `[photos, size, size, 3]`, RGB) and `index.parquet`.

mod error;
mod pixels;
mod settings;
mod stage;

pub use error::Error;
pub use pixels::{Cutter, decode};
pub use settings::Settings;
pub use stage::Preprocess;
