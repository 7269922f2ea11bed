//! The wire format of protocol buffers (<https://protobuf.dev/programming-guides/encoding/>), written and read field
//! by field.
//!
//! **Reads** and **writes** bytes in memory. Event files and ONNX are a dozen messages, of which few fields are used
//! here. They are written down where they are used, in an order that is fixed, so that the same content gives the same
//! bytes. `prost` would need the messages as structs, and leaves out fields with default values (step 0).

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
