//! What a file is, by its first bytes.

use std::io::Read;
use std::path::Path;

use fs_err::File;

/// What a table's file is.
pub(super) enum Format {
    Text,
    Parquet,
    /// Something that is not read: what it is, and what to do.
    Unread(&'static str),
}

/// Beginnings of files that people take for tables.
const UNREAD: [(&[u8], &str); 10] = [
    (
        b"PK\x03\x04",
        "it is a workbook of a spreadsheet program (or a zip file); save it there as CSV in UTF-8",
    ),
    (b"\xd0\xcf\x11\xe0", "it is an Excel workbook; save it there as CSV in UTF-8"),
    (b"\x1f\x8b", "it is compressed by gzip; unpack it with `gunzip`"),
    (b"BZh", "it is compressed by bzip2; unpack it with `bunzip2`"),
    (b"\xfd7zXZ", "it is compressed by xz; unpack it with `unxz`"),
    (b"\x28\xb5\x2f\xfd", "it is compressed by zstd; unpack it with `unzstd`"),
    (b"SQLite format 3\0", "it is an SQLite database; write the table as CSV or Parquet"),
    (b"{", "it is JSON; write the table as CSV or Parquet"),
    (b"[", "it is JSON; write the table as CSV or Parquet"),
    (b"<", "it is HTML or XML; write the table as CSV or Parquet"),
];

pub(super) fn of(path: &Path) -> std::io::Result<Format> {
    let mut head = Vec::new();
    File::open(path)?.take(64).read_to_end(&mut head)?;
    let parquet = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("parquet"));
    if parquet || head.starts_with(b"PAR1") {
        return Ok(Format::Parquet);
    }
    let unread = UNREAD.iter().find(|(start, _)| head.trim_ascii_start().starts_with(start));
    Ok(unread.map_or(Format::Text, |(_, what)| Format::Unread(what)))
}
