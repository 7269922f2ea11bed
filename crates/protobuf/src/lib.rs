//! The wire format of protocol buffers (<https://protobuf.dev/programming-guides/encoding/>), written and read field
//! by field.
//!
//! Event files and ONNX are protocol buffers of a dozen messages, of which few fields are of use here. Writing those
//! down where they are used takes fewer lines than a compiler of message definitions takes of build configuration,
//! and the bytes come out in the order in which they are written: the same for the same content.

mod read;
mod write;

pub use read::{Field, fields};
pub use write::Message;

/// How the bytes of a value are laid out: the lowest three bits of a field's key.
mod wire {
    pub(crate) const VARINT: u64 = 0;
    pub(crate) const EIGHT_BYTES: u64 = 1;
    pub(crate) const BYTES: u64 = 2;
    pub(crate) const FOUR_BYTES: u64 = 5;
}
