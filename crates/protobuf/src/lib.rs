//! The wire format of protocol buffers (<https://protobuf.dev/programming-guides/encoding/>), written field by field.
//!
//! **Writes** bytes in memory. Event files and ONNX are a dozen messages, of which few fields are used here. They are
//! written down where they are used, in an order that is fixed, so that the same content gives the same bytes. `prost`
//! would need the messages as structs, and leaves out fields with default values (step 0).

/// How the bytes of a value are laid out: the lowest three bits of a field's key.
mod wire {
    pub(super) const VARINT: u64 = 0;
    pub(super) const EIGHT_BYTES: u64 = 1;
    pub(super) const BYTES: u64 = 2;
    pub(super) const FOUR_BYTES: u64 = 5;
}

/// A message under construction: fields one after the other, each under its number.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Message(Vec<u8>);

impl Message {
    /// A message without fields.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an `int32`, `int64`, or value of an enumeration.
    #[must_use]
    pub fn integer(mut self, number: u32, value: i64) -> Self {
        self.key(number, wire::VARINT);
        // Negative numbers take ten bytes, as their definition has it.
        self.varint(value as u64);
        self
    }

    /// Adds a `float`.
    #[must_use]
    pub fn float(mut self, number: u32, value: f32) -> Self {
        self.key(number, wire::FOUR_BYTES);
        self.0.extend(value.to_le_bytes());
        self
    }

    /// Adds a `double`.
    #[must_use]
    pub fn double(mut self, number: u32, value: f64) -> Self {
        self.key(number, wire::EIGHT_BYTES);
        self.0.extend(value.to_le_bytes());
        self
    }

    /// Adds a `string`.
    #[must_use]
    pub fn text(self, number: u32, value: &str) -> Self {
        self.bytes(number, value.as_bytes())
    }

    /// Adds `bytes`.
    #[must_use]
    pub fn bytes(mut self, number: u32, value: &[u8]) -> Self {
        self.key(number, wire::BYTES);
        self.varint(value.len() as u64);
        self.0.extend(value);
        self
    }

    /// Adds a message.
    #[must_use]
    pub fn message(self, number: u32, value: &Message) -> Self {
        self.bytes(number, &value.0)
    }

    /// Adds a field once for each value.
    #[must_use]
    pub fn each<T>(self, values: impl IntoIterator<Item = T>, mut add: impl FnMut(Self, T) -> Self) -> Self {
        values.into_iter().fold(self, &mut add)
    }

    /// The message's bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    fn key(&mut self, number: u32, wire_type: u64) {
        self.varint(u64::from(number) << 3 | wire_type);
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}
