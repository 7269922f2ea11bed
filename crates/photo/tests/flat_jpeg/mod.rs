//! Writes JPEG files of one colour, in any number of components: what no encoder at hand can write.

const EXIF_ORIENTATION: [u8; 32] =
    *b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x01\0\0\0\0\0\0\0";

/// A file of `width × height` pixels whose components have the given levels, with Adobe's marker (and its number for
/// the transform) if asked for.
pub(crate) fn flat_jpeg(width: u16, height: u16, levels: &[u8], adobe: Option<u8>) -> Vec<u8> {
    let mut file = vec![0xff, 0xd8];
    if let Some(transform) = adobe {
        segment(&mut file, 0xee, &[b"Adobe", &[0, 100, 0, 0, 0, 0, transform][..]].concat());
    }
    segment(&mut file, 0xdb, &[&[0][..], &[1; 64]].concat());
    let count = levels.len() as u8;
    let mut frame = vec![8];
    frame.extend(height.to_be_bytes());
    frame.extend(width.to_be_bytes());
    frame.push(count);
    frame.extend((1..=count).flat_map(|id| [id, 0x11, 0]));
    segment(&mut file, 0xc0, &frame);
    // Sizes 0 to 11 in codes of 4 bits; "end of block" in a code of 1 bit.
    let dc = [&[0x00, 0, 0, 0, 12][..], &[0; 12], &(0..12).collect::<Vec<u8>>()].concat();
    let ac = [&[0x10, 1][..], &[0; 15], &[0]].concat();
    segment(&mut file, 0xc4, &[dc, ac].concat());
    let mut scan = vec![count];
    scan.extend((1..=count).flat_map(|id| [id, 0]));
    scan.extend([0, 63, 0]);
    segment(&mut file, 0xda, &scan);
    let units = usize::from(width.div_ceil(8)) * usize::from(height.div_ceil(8));
    coded(&mut file, levels, units);
    file.extend([0xff, 0xd9]);
    file
}

/// The bits of all blocks: the first of each component has its level, the others differ by nothing.
fn coded(file: &mut Vec<u8>, levels: &[u8], units: usize) {
    let mut bits = Vec::new();
    let mut push = |value: u32, count: u32| bits.extend((0..count).rev().map(|i| value >> i & 1 == 1));
    for unit in 0..units {
        for &level in levels {
            let value = if unit == 0 { (i32::from(level) - 128) * 8 } else { 0 };
            let size = 32 - value.unsigned_abs().leading_zeros();
            push(size, 4);
            let shown = if value < 0 { value + (1 << size) - 1 } else { value };
            push(shown as u32, size);
            push(0, 1);
        }
    }
    while bits.len() % 8 != 0 {
        bits.push(true);
    }
    for byte in bits.chunks(8) {
        let byte = byte.iter().fold(0u8, |byte, &bit| byte << 1 | u8::from(bit));
        file.push(byte);
        if byte == 0xff {
            file.push(0);
        }
    }
}

fn segment(file: &mut Vec<u8>, marker: u8, data: &[u8]) {
    file.extend([0xff, marker]);
    file.extend((data.len() as u16 + 2).to_be_bytes());
    file.extend(data);
}

/// The TIFF data of an EXIF segment that says no more than the orientation.
pub(crate) fn exif(orientation: u8) -> Vec<u8> {
    let mut tiff = EXIF_ORIENTATION[6..].to_vec();
    tiff[18] = orientation;
    tiff
}
