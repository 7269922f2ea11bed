//! The TFRecord format (`tensorflow/core/lib/io/record_writer.h`): per record its length (u64), the masked CRC-32C of
//! the length, the data, and the masked CRC-32C of the data, all little-endian.

use crate::checksum::{crc32c, masked};

/// Bytes before the data.
const HEADER: usize = 12;

/// Bytes after the data.
const FOOTER: usize = 4;

/// Appends a record with some data.
pub(crate) fn write(out: &mut Vec<u8>, data: &[u8]) {
    let length = (data.len() as u64).to_le_bytes();
    out.extend(length);
    out.extend(masked(crc32c(&length)).to_le_bytes());
    out.extend(data);
    out.extend(masked(crc32c(data)).to_le_bytes());
}

/// The data of the records of a file, up to the first one that is damaged or not whole.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    rest: &'a [u8],
    read: usize,
}

impl<'a> Records<'a> {
    /// The records of these bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, read: 0 }
    }

    /// Bytes of the whole records that were read so far.
    pub fn position(&self) -> usize {
        self.read
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.rest.split_first_chunk::<8>()?;
        let (checksum, rest) = rest.split_first_chunk::<4>()?;
        if u32::from_le_bytes(*checksum) != masked(crc32c(length)) {
            return None;
        }
        let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
        let (data, rest) = rest.split_at_checked(length)?;
        let (checksum, rest) = rest.split_first_chunk::<FOOTER>()?;
        if u32::from_le_bytes(*checksum) != masked(crc32c(data)) {
            return None;
        }
        self.rest = rest;
        self.read += HEADER + length + FOOTER;
        Some(data)
    }
}
