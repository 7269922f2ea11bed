//! How a camera held a photo: the orientation of its metadata, one reading for all formats.
//!
//! Sources: Exif 2.32, 4.6.4 A (tag 274), TIFF 6.0, section 2, and what Pillow's `ImageOps.exif_transpose` makes of
//! files that break them.

/// What EXIF data begin with in a JPEG file; some programs write it twice, or into formats that want none.
pub(crate) const PREFIX: &[u8] = b"Exif\0\0";

/// Tag of the orientation.
const ORIENTATION: u16 = 274;

/// The orientation by EXIF data, else by an XMP packet: 1 (as it is) to 8; 1 where neither says.
pub(crate) fn orientation(exif: Option<&[u8]>, xmp: Option<&[u8]>) -> u8 {
    let said = exif.and_then(of_exif).or_else(|| xmp.and_then(of_xmp));
    said.and_then(|value| u8::try_from(value).ok()).filter(|value| (1..=8).contains(value)).unwrap_or(1)
}

/// The value of the tag in the first directory of TIFF data, whichever type of integer it has.
fn of_exif(mut exif: &[u8]) -> Option<u32> {
    for _ in 0..2 {
        exif = exif.strip_prefix(PREFIX).unwrap_or(exif);
    }
    let little = match exif.get(..4)? {
        b"II*\0" => true,
        b"MM\0*" | b"MM*\0" => false,
        _ => return None,
    };
    let integer = |at: usize, size: usize| -> Option<u32> {
        let bytes = exif.get(at..at.checked_add(size)?)?;
        let join = |value: u32, byte: &u8| value << 8 | u32::from(*byte);
        Some(if little { bytes.iter().rev().fold(0, join) } else { bytes.iter().fold(0, join) })
    };
    let offset = |at: usize| integer(at, 4).and_then(|offset| usize::try_from(offset).ok());
    let directory = offset(4)?;
    let entries = integer(directory, 2)? as usize;
    for at in (0..entries).map(|entry| directory.saturating_add(2 + entry * 12)) {
        if integer(at, 2)? != u32::from(ORIENTATION) {
            continue;
        }
        // SHORT, LONG, SSHORT, SLONG.
        let size = match integer(at + 2, 2)? {
            3 | 8 => 2,
            4 | 9 => 4,
            _ => return None,
        };
        return match offset(at + 4)?.saturating_mul(size) {
            0 => None,
            1..=4 => integer(at + 8, size),
            _ => integer(offset(at + 8)?, size),
        };
    }
    None
}

/// The first `tiff:Orientation` of an XMP packet, as attribute or element.
fn of_xmp(xmp: &[u8]) -> Option<u32> {
    const NAME: &[u8] = b"tiff:Orientation";
    xmp.windows(NAME.len()).enumerate().filter(|(_, window)| *window == NAME).find_map(|(at, _)| {
        let rest = &xmp[at + NAME.len()..];
        let value = rest.strip_prefix(b"=\"").or_else(|| rest.strip_prefix(b">"))?;
        value.first().filter(|digit| digit.is_ascii_digit()).map(|digit| u32::from(digit - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// TIFF data whose only entry is the orientation, of a type, with so many values.
    fn tiff(big: bool, kind: u16, count: u32, value: &[u8]) -> Vec<u8> {
        let mut tiff =
            if big { b"MM\0*\0\0\0\x08\0\x01".to_vec() } else { b"II*\0\x08\0\0\0\x01\0".to_vec() };
        for short in [ORIENTATION, kind] {
            tiff.extend(if big { short.to_be_bytes() } else { short.to_le_bytes() });
        }
        tiff.extend(if big { count.to_be_bytes() } else { count.to_le_bytes() });
        tiff.extend(value);
        tiff.extend([0; 4]);
        tiff
    }

    /// What `ImageOps.exif_transpose` of Pillow 13 goes by.
    #[test]
    fn orientations_are_those_that_pillow_reads() {
        let doubled = [PREFIX, PREFIX, &tiff(false, 3, 1, &[6, 0, 0, 0])].concat();
        let tripled = [PREFIX, &doubled].concat();
        let outside = [&tiff(false, 4, 2, &[26, 0, 0, 0])[..], &[8, 0, 0, 0]].concat();
        let cases = [
            ("SHORT", tiff(false, 3, 1, &[6, 0, 0, 0]), 6),
            ("SHORT, big-endian", tiff(true, 3, 1, &[0, 6, 0, 0]), 6),
            ("LONG", tiff(false, 4, 1, &[8, 0, 0, 0]), 8),
            ("LONG, big-endian", tiff(true, 4, 1, &[0, 0, 0, 8]), 8),
            ("SSHORT", tiff(false, 8, 1, &[3, 0, 0, 0]), 3),
            ("two values, the first counts", tiff(false, 3, 2, &[5, 0, 1, 0]), 5),
            ("two long values, elsewhere", outside, 8),
            ("BYTE", tiff(false, 1, 1, &[6, 0, 0, 0]), 1),
            ("no value", tiff(false, 3, 0, &[6, 0, 0, 0]), 1),
            ("out of range", tiff(false, 3, 1, &[9, 0, 0, 0]), 1),
            ("LONG out of range", tiff(false, 4, 1, &[6, 0, 1, 0]), 1),
            ("prefix", [PREFIX, &tiff(false, 3, 1, &[6, 0, 0, 0])].concat(), 6),
            ("doubled prefix", doubled, 6),
            ("prefix three times", tripled, 1),
            ("cut", tiff(false, 3, 1, &[6, 0, 0, 0])[..18].to_vec(), 1),
            ("nothing", Vec::new(), 1),
        ];
        for (what, exif, expected) in cases {
            assert_eq!(orientation(Some(&exif), None), expected, "{what}");
        }
    }

    #[test]
    fn an_xmp_packet_counts_where_exif_does_not_say() {
        let attribute = br#"<rdf:Description tiff:Orientation="8"/>"#;
        let element = b"<tiff:Orientation>3</tiff:Orientation>";
        assert_eq!(orientation(None, Some(attribute)), 8);
        assert_eq!(orientation(None, Some(element)), 3);
        assert_eq!(orientation(Some(b"II*\0"), Some(attribute)), 8);
        assert_eq!(orientation(Some(&tiff(false, 3, 1, &[6, 0, 0, 0])), Some(attribute)), 6);
        assert_eq!(orientation(Some(&tiff(false, 3, 1, &[0, 0, 0, 0])), Some(attribute)), 1);
        assert_eq!(orientation(None, Some(b"tiff:Orientation=\"x\"")), 1);
    }
}
