//! The message `Event` (`tensorflow/core/util/event.proto`), as far as scalars need it, in the encoding of protocol
//! buffers.

use marque_protobuf::{Field, Message, fields};

/// The version of the format, which the first event of a file states.
pub(crate) const VERSION: &str = "brain.Event:2";

/// One record of an event file.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Event {
    /// Seconds since 1970.
    pub wall_time: f64,
    /// The step of the training.
    pub step: i64,
    /// The version of the format, in the first event.
    pub version: Option<String>,
    /// The values.
    pub scalars: Vec<Scalar>,
}

/// A value under a tag.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Scalar {
    /// Name of the curve, in groups by `/`: "validation/brand".
    pub tag: String,
    /// The value.
    pub value: f32,
}

impl Event {
    /// The message's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut message = Message::new().double(1, self.wall_time).integer(2, self.step);
        if let Some(version) = &self.version {
            message = message.text(3, version);
        }
        if !self.scalars.is_empty() {
            let value = |scalar: &Scalar| Message::new().text(1, &scalar.tag).float(2, scalar.value);
            let summary =
                Message::new().each(&self.scalars, |summary, scalar| summary.message(1, &value(scalar)));
            message = message.message(5, &summary);
        }
        message.into_bytes()
    }

    /// Reads a message; `None` if the bytes are not a message. Unknown fields are skipped.
    pub fn decode(message: &[u8]) -> Option<Self> {
        let mut event = Self::default();
        fields(message, |number, field| {
            match (number, field) {
                (1, Field::Double(seconds)) => event.wall_time = seconds,
                (2, Field::Integer(step)) => event.step = step,
                (3, field) => event.version = Some(field.text()?.to_owned()),
                (5, Field::Bytes(summary)) => fields(summary, |number, field| {
                    if let (1, Field::Bytes(value)) = (number, field) {
                        event.scalars.push(Scalar::decode(value)?);
                    }
                    Some(())
                })?,
                _ => {}
            }
            Some(())
        })?;
        Some(event)
    }
}

impl Scalar {
    fn decode(message: &[u8]) -> Option<Self> {
        let mut scalar = Self::default();
        fields(message, |number, field| {
            match (number, field) {
                (1, field) => scalar.tag = field.text()?.to_owned(),
                (2, Field::Float(value)) => scalar.value = value,
                _ => {}
            }
            Some(())
        })?;
        Some(scalar)
    }
}
