//! Formats that are recognised only to say so.

/// The formats that are read, for messages.
pub(crate) const READ: &str = "JPEG, PNG, WebP, BMP or GIF";

/// Whether the first bytes of a file are those of a photo or drawing, of a format that is read or another.
pub fn is_photo(beginning: &[u8]) -> bool {
    image::guess_format(beginning).is_ok() || unread(beginning).is_some()
}

/// What a file is, by its first bytes, if it is a photo or drawing of a format that is not read.
pub(crate) fn unread(file: &[u8]) -> Option<&'static str> {
    // ISO 14496-12: a box of type `ftyp`, and the brand.
    if file.get(4..8) == Some(b"ftyp") {
        return match file.get(8..12)? {
            b"avif" | b"avis" => Some("an AVIF photo"),
            b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"mif1" | b"msf1" => {
                Some("a HEIC photo, as phones take them")
            }
            b"crx " => Some("a camera's raw photo"),
            _ => Some("a film"),
        };
    }
    // A chunk of Apple's own in front of the header that the standard wants first.
    if file.starts_with(b"\x89PNG") && file.get(12..16) == Some(b"CgBI") {
        return Some("a PNG file as programs for iPhones carry it");
    }
    let beginnings: [(&[u8], &str); 14] = [
        (b"II*\0", "a TIFF or raw photo"),
        (b"MM\0*", "a TIFF or raw photo"),
        (b"II+\0", "a TIFF or raw photo"),
        (b"MM\0+", "a TIFF or raw photo"),
        (b"II\xbc\x01", "a JPEG XR photo"),
        (b"\xff\x0a", "a JPEG XL photo"),
        (b"\0\0\0\x0cJXL ", "a JPEG XL photo"),
        (b"\0\0\0\x0cjP  ", "a JPEG 2000 photo"),
        (b"\xff\x4f\xff\x51", "a JPEG 2000 photo"),
        (b"\0\0\x01\0", "an icon"),
        (b"v/1\x01", "an OpenEXR picture"),
        (b"8BPS", "a Photoshop file"),
        (b"%PDF-", "a PDF file"),
        (b"<svg", "an SVG drawing"),
    ];
    beginnings.into_iter().find(|(start, _)| file.starts_with(start)).map(|(_, what)| what)
}
