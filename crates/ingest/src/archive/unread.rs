//! Archives that are recognised only to say so: there is nothing wrong with them.

use zip::CompressionMethod;

/// What an archive is, by its first bytes, if it is of a kind that is not read.
pub(super) fn kind(start: &[u8]) -> Option<&'static str> {
    let beginnings: [(&[u8], &str); 8] = [
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
        (b"Rar!\x1a\x07", "a RAR archive"),
        (b"BZh", "packed by bzip2"),
        (b"\xfd7zXZ\0", "packed by xz"),
        (b"\x28\xb5\x2f\xfd", "packed by zstd"),
        (b"\x04\x22\x4d\x18", "packed by LZ4"),
        (b"LZIP", "packed by lzip"),
        (b"PK\x07\x08", "the first of several parts of a zip file"),
    ];
    beginnings.into_iter().find(|(beginning, _)| start.starts_with(beginning)).map(|(_, what)| what)
}

/// What a file is that gzip unpacks to no tar file, by its first bytes.
pub(super) fn gzipped(start: &[u8]) -> &'static str {
    match start {
        [0x1f, 0x8b, ..] => "packed by gzip twice",
        [b'P', b'K', 3 | 5, ..] => "a zip file packed by gzip once more",
        _ => kind(start).unwrap_or("a single file packed by gzip, and no tar"),
    }
}

/// The name of the method that a file in a zip archive is packed by (APPNOTE.TXT, 4.4.5), if it is one that is not read.
pub(super) fn method(method: CompressionMethod) -> Option<&'static str> {
    Some(match method {
        CompressionMethod::STORE | CompressionMethod::DEFLATE => return None,
        CompressionMethod::DEFLATE64 => "Deflate64",
        CompressionMethod::BZIP2 => "bzip2",
        CompressionMethod::LZMA => "LZMA",
        CompressionMethod::ZSTD => "zstd",
        CompressionMethod::XZ => "xz",
        CompressionMethod::PPMD => "PPMd",
        CompressionMethod::SHRINK | CompressionMethod::IMPLODE => "a method of the nineties",
        _ => "an unusual method",
    })
}
