//! The outermost layer of a JPEG file: markers and their segments (ITU-T T.81, annex B).

use crate::Error;

const START_OF_IMAGE: u8 = 0xd8;
pub(crate) const START_OF_SCAN: u8 = 0xda;
const APP1: u8 = 0xe1;
pub(crate) const APP14: u8 = 0xee;
pub(crate) const ADOBE: &[u8] = b"Adobe";
const EXIF: &[u8] = b"Exif\0\0";

/// A marker and what its segment holds, the length left out.
pub(crate) struct Segment<'a> {
    pub(crate) marker: u8,
    pub(crate) data: &'a [u8],
    /// Where the bytes after the segment begin in the file.
    pub(crate) end: usize,
}

/// The segments of a file up to and with the first scan's header.
pub(crate) struct Segments<'a> {
    file: &'a [u8],
    at: usize,
}

impl<'a> Segments<'a> {
    pub(crate) fn new(file: &'a [u8]) -> Result<Self, Error> {
        match file {
            [0xff, START_OF_IMAGE, ..] => Ok(Self { file, at: 2 }),
            _ => Err(Error::Damaged("it does not begin with a start marker")),
        }
    }

    /// The next segment.
    pub(crate) fn next(&mut self) -> Result<Segment<'a>, Error> {
        let short = Error::Damaged("it ends within its headers");
        let byte = |at: usize| self.file.get(at).copied().ok_or(short);
        let mut at = self.at;
        if byte(at)? != 0xff {
            return Err(Error::Damaged("there is no marker where a segment should begin"));
        }
        // Fill bytes may come before a marker.
        while byte(at)? == 0xff {
            at += 1;
        }
        let marker = byte(at)?;
        // Restarts and TEM have no segment, and no business here.
        if matches!(marker, 0x00 | 0x01 | 0xd0..=0xd9) {
            return Err(Error::Damaged("a marker is where it cannot be"));
        }
        let length = usize::from(u16::from_be_bytes([byte(at + 1)?, byte(at + 2)?]));
        let end = at + 1 + length;
        let data = self.file.get(at + 3..end).ok_or(short)?;
        self.at = end;
        Ok(Segment { marker, data, end })
    }
}

/// How the photo in a JPEG file has to be turned, by its EXIF data: 1 (as it is) to 8, as the TIFF tag 274 numbers
/// them; `None` if the file does not say. Looks no further than the first scan.
pub fn exif_orientation(file: &[u8]) -> Option<u8> {
    let mut segments = Segments::new(file).ok()?;
    loop {
        let segment = segments.next().ok()?;
        match segment.marker {
            START_OF_SCAN => return None,
            APP1 => {
                if let Some(tiff) = segment.data.strip_prefix(EXIF) {
                    return orientation_of_tiff(tiff);
                }
            }
            _ => {}
        }
    }
}

/// Whether a JPEG file has four colours and no marker of Adobe's: CMYK that is not inverted. (Adobe's programs invert
/// the inks, or write YCCK; nearly all files are theirs.)
pub fn is_plain_cmyk(file: &[u8]) -> bool {
    let colours = || {
        let mut segments = Segments::new(file).ok()?;
        let (mut four, mut adobe) = (false, false);
        loop {
            let segment = segments.next().ok()?;
            match segment.marker {
                START_OF_SCAN => return Some(four && !adobe),
                APP14 => adobe |= segment.data.starts_with(ADOBE),
                // Frames: all of SOF0 to SOF15 but DHT, JPG and DAC.
                0xc0..=0xcf if !matches!(segment.marker, 0xc4 | 0xc8 | 0xcc) => {
                    four = segment.data.get(5) == Some(&4);
                }
                _ => {}
            }
        }
    };
    colours().unwrap_or(false)
}

/// Finds tag 274 in the first directory of TIFF data (TIFF 6.0, section 2).
fn orientation_of_tiff(tiff: &[u8]) -> Option<u8> {
    const ORIENTATION: u16 = 274;
    const SHORT: u16 = 3;
    let little = match tiff.get(..4)? {
        b"II*\0" => true,
        b"MM\0*" => false,
        _ => return None,
    };
    let short = |at: usize| -> Option<u16> {
        let bytes = tiff.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    };
    let long = |at: usize| -> Option<u32> {
        let bytes = tiff.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    };
    let directory = usize::try_from(long(4)?).ok()?;
    let entries = usize::from(short(directory)?);
    (0..entries).map(|entry| directory.checked_add(2 + entry * 12)).find_map(|at| {
        let at = at?;
        let found = short(at)? == ORIENTATION && short(at + 2)? == SHORT && long(at + 4)? == 1;
        let value = if found { short(at + 8)? } else { return None };
        u8::try_from(value).ok().filter(|value| (1..=8).contains(value))
    })
}
