//! Whether a JPEG file is whole. Decoders fill what is missing with grey and say nothing.

/// Marker bytes (ITU-T T.81, table B.1).
const START: u8 = 0xd8;
const END: u8 = 0xd9;
const SCAN: u8 = 0xda;

/// Whether `bytes` are a JPEG file that ends before its end marker: while segments or picture data go on. What is
/// no JPEG file, and what follows the end marker, is not looked at.
pub fn is_cut_short(bytes: &[u8]) -> bool {
    let Some(mut rest) = bytes.strip_prefix(&[0xff, START]) else { return false };
    loop {
        // Between segments: a marker, perhaps after fill bytes.
        let Some(marker) = next_marker(&mut rest) else { return true };
        match marker {
            END => return false,
            // Markers without a segment: restarts and those of thumbnails pasted in.
            0x01 | 0xd0..=0xd8 => {}
            _ => {
                let [high, low, ..] = rest else { return true };
                let length = usize::from(u16::from_be_bytes([*high, *low]));
                let Some(after) = rest.get(length.max(2)..) else { return true };
                rest = after;
                if marker == SCAN {
                    rest = after_scan(rest);
                }
            }
        }
    }
}

/// Passes over bytes up to and with the next marker.
fn next_marker(rest: &mut &[u8]) -> Option<u8> {
    loop {
        let at = rest.iter().position(|byte| *byte == 0xff)?;
        let marker = *rest.get(at + 1)?;
        *rest = &rest[at + 1..];
        if marker != 0xff {
            *rest = &rest[1..];
            if marker != 0 {
                return Some(marker);
            }
        }
    }
}

/// What follows the entropy-coded data of a scan, in which 0xff is followed by 0 or a restart's number.
fn after_scan(mut rest: &[u8]) -> &[u8] {
    while let Some(at) = rest.iter().position(|byte| *byte == 0xff) {
        match rest.get(at + 1) {
            Some(0 | 0xd0..=0xd7) => rest = &rest[at + 2..],
            Some(0xff) => rest = &rest[at + 1..],
            _ => return &rest[at..],
        }
    }
    &[]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn photo() -> Vec<u8> {
        let pixels: Vec<u8> = (0..64 * 48 * 3).map(|i: u32| ((i * i) >> 5) as u8).collect();
        let image = image::RgbImage::from_raw(64, 48, pixels).unwrap();
        let mut bytes = std::io::Cursor::new(Vec::new());
        image.write_to(&mut bytes, image::ImageFormat::Jpeg).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn a_file_cut_anywhere_is_noticed() {
        let photo = photo();
        assert!(!is_cut_short(&photo));
        for length in 2..photo.len() {
            assert!(is_cut_short(&photo[..length]), "{length} of {}", photo.len());
        }
    }

    #[test]
    fn what_follows_the_end_and_other_formats_are_let_be() {
        let mut photo = photo();
        photo.extend(b"\xff\xd8 and more");
        assert!(!is_cut_short(&photo));
        assert!(!is_cut_short(b"\x89PNG"));
        assert!(!is_cut_short(b""));
    }
}
