//! Characters from the storage types that hold them.

use crate::Error;
use crate::element::Bytes;
use crate::storage::Storage;

/// Decodes the characters of a character array.
pub(crate) fn characters(storage: Storage, data: &Bytes<'_>) -> Result<Vec<char>, Error> {
    match storage {
        Storage::Utf8 => match str::from_utf8(data.rest()) {
            Ok(text) => Ok(text.chars().collect()),
            Err(error) => data.malformed("UTF-8", error.to_string()),
        },
        Storage::Utf16 | Storage::Uint16 | Storage::Int16 => {
            let units = data.rest().chunks_exact(2).map(|pair| data.endian.u16([pair[0], pair[1]]));
            match char::decode_utf16(units).collect() {
                Ok(chars) => Ok(chars),
                Err(error) => data.malformed("UTF-16", error.to_string()),
            }
        }
        // Code points: bytes are Latin-1, since a MATLAB char is a 16-bit number.
        Storage::Uint8 | Storage::Int8 => Ok(data.rest().iter().copied().map(char::from).collect()),
        Storage::Utf32 | Storage::Uint32 | Storage::Int32 => {
            let (units, _) = data.rest().as_chunks::<4>();
            match units.iter().map(|unit| char::from_u32(data.endian.u32(*unit))).collect() {
                Some(chars) => Ok(chars),
                None => data.malformed("UTF-32", "a number that is not a code point"),
            }
        }
        other => data.malformed("text", format!("{other:?} data")),
    }
}
