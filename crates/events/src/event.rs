//! The message `Event` (`tensorflow/core/util/event.proto`), as far as scalars need it, in the encoding of protocol
//! buffers.

/// What the file says of itself in its first event.
pub(crate) const VERSION: &str = "brain.Event:2";

/// Wire types: a number of variable length, eight bytes, a length and as many bytes, four bytes.
const VARINT: u64 = 0;
const EIGHT_BYTES: u64 = 1;
const BYTES: u64 = 2;
const FOUR_BYTES: u64 = 5;

/// One record of an event file.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Event {
    /// Seconds since 1970.
    pub wall_time: f64,
    /// The step of the training.
    pub step: i64,
    /// In the first event: the version of the format.
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
        let mut out = Vec::new();
        key(&mut out, 1, EIGHT_BYTES);
        out.extend(self.wall_time.to_le_bytes());
        key(&mut out, 2, VARINT);
        varint(&mut out, self.step as u64);
        if let Some(version) = &self.version {
            bytes(&mut out, 3, version.as_bytes());
        }
        if !self.scalars.is_empty() {
            let mut summary = Vec::new();
            for scalar in &self.scalars {
                bytes(&mut summary, 1, &scalar.encode());
            }
            bytes(&mut out, 5, &summary);
        }
        out
    }

    /// Reads a message; `None` if the bytes are none. What is not known here is skipped.
    pub fn decode(message: &[u8]) -> Option<Self> {
        let mut event = Self::default();
        fields(message, |number, field| {
            match (number, field) {
                (1, Field::EightBytes(bits)) => event.wall_time = f64::from_le_bytes(bits),
                (2, Field::Varint(step)) => event.step = step as i64,
                (3, Field::Bytes(text)) => event.version = Some(String::from_utf8(text.to_vec()).ok()?),
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
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        bytes(&mut out, 1, self.tag.as_bytes());
        key(&mut out, 2, FOUR_BYTES);
        out.extend(self.value.to_le_bytes());
        out
    }

    fn decode(message: &[u8]) -> Option<Self> {
        let mut scalar = Self::default();
        fields(message, |number, field| {
            match (number, field) {
                (1, Field::Bytes(tag)) => scalar.tag = String::from_utf8(tag.to_vec()).ok()?,
                (2, Field::FourBytes(bits)) => scalar.value = f32::from_le_bytes(bits),
                _ => {}
            }
            Some(())
        })?;
        Some(scalar)
    }
}

fn key(out: &mut Vec<u8>, number: u64, wire_type: u64) {
    varint(out, number << 3 | wire_type);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn bytes(out: &mut Vec<u8>, number: u64, content: &[u8]) {
    key(out, number, BYTES);
    varint(out, content.len() as u64);
    out.extend(content);
}

/// The value of a field, by wire type.
enum Field<'a> {
    Varint(u64),
    EightBytes([u8; 8]),
    Bytes(&'a [u8]),
    FourBytes([u8; 4]),
}

/// Goes through the fields of a message; `None` if it is none, or where `each` says so.
fn fields<'a>(mut rest: &'a [u8], mut each: impl FnMut(u64, Field<'a>) -> Option<()>) -> Option<()> {
    while !rest.is_empty() {
        let key = take_varint(&mut rest)?;
        let field = match key & 7 {
            VARINT => Field::Varint(take_varint(&mut rest)?),
            EIGHT_BYTES => Field::EightBytes(*rest.split_off(..8)?.as_array()?),
            FOUR_BYTES => Field::FourBytes(*rest.split_off(..4)?.as_array()?),
            BYTES => {
                let length = usize::try_from(take_varint(&mut rest)?).ok()?;
                Field::Bytes(rest.split_off(..length)?)
            }
            _ => return None,
        };
        each(key >> 3, field)?;
    }
    Some(())
}

fn take_varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = *rest.split_off_first()?;
        value |= u64::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}
