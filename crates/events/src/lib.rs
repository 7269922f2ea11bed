//! TensorBoard event files: curves of a training that TensorBoard draws while it runs.
//!
//! **Writes** `events.out.tfevents.<seconds>.marque` into a folder: records of the TFRecord format
//! (`tensorflow/core/lib/io/record_writer.h`), each with one `Event` message (`tensorflow/core/util/event.proto`),
//! which has scalars under tags at a step.
//!
//! Wall time is what the caller says it is ([`Writer::create`]), so that the same training can write the same bytes. The
//! crates that exist for this format are not maintained; what is needed of it is small.

mod checksum;
mod record;
mod writer;

pub use checksum::{crc32c, masked};
pub use writer::Writer;
