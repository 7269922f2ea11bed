//! Reads `pipeline.toml` section by section. Each stage reads its own section through a [`Section`] and declares, key by
//! key, the default, what is allowed and what the key does; every problem of the whole file is collected, so that the user
//! sees all of them at once, each with file, line, key and what would be allowed.
//!
//! From the same declarations follow the configuration as it was resolved ([`Resolved`]: every key, its value and where
//! that came from) and the reference of all keys ([`Reference`]).
//!
//! It **reads** one TOML file plus the `key=value` pairs of the command line, and **writes** nothing.
//!
//! ```
//! use marque_settings::{Document, Reader};
//!
//! let document = Document::parse("pipeline.toml", "[train]\nepochs = 0\nbatchsize = 8\n").unwrap();
//! let mut reader = Reader::new(&document);
//! let (epochs, batch) = reader.section("train", &["train"], "how to train", |s| {
//!     let epochs = s.key("epochs", "passes over the training photos").count(8, 1..=1000);
//!     (epochs, s.key("batch_size", "photos per step").count(32, 1..=4096))
//! });
//! assert_eq!((epochs, batch), (8, 32)); // defaults stand in, so that reading can go on
//! let problems = reader.finish().unwrap_err();
//! assert_eq!(
//!     problems.to_string(),
//!     "pipeline.toml:2: train.epochs = 0: must be a whole number from 1 to 1000\n\
//!      pipeline.toml:3: train.batchsize is not a known key; did you mean `batch_size`? \
//!      known keys: batch_size, epochs",
//! );
//! ```

mod document;
mod key;
mod pairs;
mod problem;
mod reader;
mod reference;
mod resolved;
mod section;
mod value;

pub use document::{Document, DocumentError};
pub use pairs::pairs;
pub use problem::{Problem, Problems, nearest};
pub use reader::Reader;
pub use reference::Reference;
pub use resolved::Resolved;
pub use section::{KeyReader, Measure, Section, WordOrPath};
