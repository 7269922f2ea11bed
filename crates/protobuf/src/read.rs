//! Reading messages field by field.

use crate::wire;

/// The value of a field, as far as its bytes tell.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Field<'a> {
    /// A whole number: `int64` and the like.
    Integer(i64),
    /// Eight bytes: a `double`.
    Double(f64),
    /// Any number of bytes: text, bytes, a message, packed numbers.
    Bytes(&'a [u8]),
    /// Four bytes: a `float`.
    Float(f32),
}

impl<'a> Field<'a> {
    /// The field as text; `None` if it is none.
    pub fn text(self) -> Option<&'a str> {
        match self {
            Self::Bytes(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }
}

/// Goes through the fields of a message. `None` if the bytes are no message, or as soon as `each` says so.
pub fn fields<'a>(message: &'a [u8], mut each: impl FnMut(u32, Field<'a>) -> Option<()>) -> Option<()> {
    let mut rest = message;
    while !rest.is_empty() {
        let key = take_varint(&mut rest)?;
        let field = match key & 7 {
            wire::VARINT => Field::Integer(take_varint(&mut rest)? as i64),
            wire::EIGHT_BYTES => Field::Double(f64::from_le_bytes(take(&mut rest)?)),
            wire::FOUR_BYTES => Field::Float(f32::from_le_bytes(take(&mut rest)?)),
            wire::BYTES => {
                let length = usize::try_from(take_varint(&mut rest)?).ok()?;
                Field::Bytes(rest.split_off(..length)?)
            }
            _ => return None,
        };
        each(u32::try_from(key >> 3).ok()?, field)?;
    }
    Some(())
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    rest.split_off(..N)?.try_into().ok()
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
