//! The TFRecord format (`tensorflow/core/lib/io/record_writer.h`): per record its length (u64), the masked CRC-32C of
//! the length, the data, and the masked CRC-32C of the data, all little-endian.

use crate::checksum::{crc32c, masked};

/// Appends a record with some data.
pub(crate) fn write(out: &mut Vec<u8>, data: &[u8]) {
    let length = (data.len() as u64).to_le_bytes();
    out.extend(length);
    out.extend(masked(crc32c(&length)).to_le_bytes());
    out.extend(data);
    out.extend(masked(crc32c(data)).to_le_bytes());
}
