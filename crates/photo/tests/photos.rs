//! What is read, what is refused, and that nothing is decoded before its size is known.

use std::io::Cursor;

use image::{ImageFormat, Rgb, RgbImage};
use marque_photo::{ANY_SIZE, Budget, Decoder, Error, Photo};

fn picture() -> RgbImage {
    RgbImage::from_fn(24, 16, |x, y| Rgb([(x * 10) as u8, (y * 15) as u8, 90]))
}

fn encoded(format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A GIF of 2 × 1 pixels, one red and one blue (GIF89a, sections 18 to 22; codes of 3 bits: clear, 0, 1, end).
const GIF: &[u8] = b"GIF89a\x02\x00\x01\x00\x80\x00\x00\xff\x00\x00\x00\x00\xff,\x00\x00\x00\x00\x02\x00\x01\x00\x00\x02\x02D\n\x00;";

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 })
    })
}

/// Small files whose headers claim 60,000 × 60,000 pixels.
fn bombs() -> [(&'static str, Vec<u8>); 4] {
    let mut png = encoded(ImageFormat::Png);
    for at in [16, 20] {
        png[at..at + 4].copy_from_slice(&60_000_u32.to_be_bytes());
    }
    let checksum = crc32(&png[12..29]);
    png[29..33].copy_from_slice(&checksum.to_be_bytes());
    let mut bmp = encoded(ImageFormat::Bmp);
    for at in [18, 22] {
        bmp[at..at + 4].copy_from_slice(&60_000_u32.to_le_bytes());
    }
    let mut gif = GIF.to_vec();
    for at in [6, 8] {
        gif[at..at + 2].copy_from_slice(&60_000_u16.to_le_bytes());
    }
    let mut jpeg = encoded(ImageFormat::Jpeg);
    let frame = jpeg.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    for at in [frame + 5, frame + 7] {
        jpeg[at..at + 2].copy_from_slice(&60_000_u16.to_be_bytes());
    }
    [("PNG", png), ("BMP", bmp), ("GIF", gif), ("JPEG", jpeg)]
}

#[test]
fn every_format_gives_its_pixels() {
    let budget = Budget::unlimited();
    let mut decoder = Decoder::new(&budget);
    for format in [ImageFormat::Png, ImageFormat::Bmp, ImageFormat::WebP, ImageFormat::Jpeg] {
        let file = encoded(format);
        let photo = Photo::read(&file, 24 * 16).unwrap();
        assert_eq!((photo.width(), photo.height(), photo.upright_size()), (24, 16, (24, 16)));
        let found = decoder.upright(&photo, [255; 3], |image| image).unwrap();
        let far = found.as_raw().iter().zip(picture().as_raw()).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        assert!(far <= if format == ImageFormat::Jpeg { 30 } else { 0 }, "{format:?}: {far}");
    }
    let photo = Photo::read(GIF, ANY_SIZE).unwrap();
    let found = decoder.upright(&photo, [255; 3], |image| image).unwrap();
    assert_eq!(found.as_raw().as_slice(), [255, 0, 0, 0, 0, 255]);
}

#[test]
fn a_small_file_that_claims_to_be_huge_is_refused_by_its_header() {
    for (kind, file) in bombs() {
        let error = Photo::read(&file, 100_000_000).err().unwrap();
        assert!(matches!(error, Error::TooLarge { width: 60_000, height: 60_000, .. }), "{kind}: {error}");
        let text = "it has 60000 × 60000 pixels, more than dataset.max_pixels = 100000000";
        assert_eq!(error.to_string(), text, "{kind}");
    }
    let file = encoded(ImageFormat::Png);
    assert!(Photo::read(&file, 24 * 16).is_ok());
    assert!(matches!(Photo::read(&file, 24 * 16 - 1), Err(Error::TooLarge { .. })));
}

#[test]
fn jpeg_files_may_lack_the_end_mark_and_nothing_else() {
    let file = encoded(ImageFormat::Jpeg);
    let budget = Budget::unlimited();
    let mut decoder = Decoder::new(&budget);
    let mut decode = |file: &[u8]| {
        let photo = Photo::read(file, ANY_SIZE)?;
        decoder.decode(&photo, [255; 3], |pixels| pixels.rgb.to_vec())
    };
    let whole = decode(&file).unwrap();
    assert_eq!(decode(&file[..file.len() - 2]).unwrap(), whole);
    for length in [file.len() - 3, file.len() - 10, file.len() * 3 / 4, 300, 20, 3] {
        let error = decode(&file[..length]).unwrap_err();
        assert!(matches!(error, Error::CutShort(_)), "{length}: {error}");
    }
}

/// As Pillow reads it: all chunks are there and whole but the last, which is empty.
#[test]
fn png_files_may_lack_the_end_chunk_and_nothing_else() {
    let file = encoded(ImageFormat::Png);
    let budget = Budget::unlimited();
    let mut decoder = Decoder::new(&budget);
    let mut decode = |file: &[u8]| {
        let photo = Photo::read(file, ANY_SIZE)?;
        decoder.decode(&photo, [255; 3], |pixels| pixels.rgb.to_vec())
    };
    let whole = decode(&file).unwrap();
    assert!(file.ends_with(b"IEND\xae\x42\x60\x82"));
    assert_eq!(decode(&file[..file.len() - 12]).unwrap(), whole);
    for length in [file.len() - 13, file.len() - 16, file.len() / 2, 33, 20] {
        assert!(decode(&file[..length]).is_err(), "{length}");
    }
    // The first half of the pixels in a chunk of their own, and nothing after it.
    let start = file.windows(4).position(|kind| kind == b"IDAT").unwrap();
    let half = u32::from_be_bytes(file[start - 4..start].try_into().unwrap()) / 2;
    let mut cut = file[..start + 4 + half as usize].to_vec();
    cut[start - 4..start].copy_from_slice(&half.to_be_bytes());
    let checksum = crc32(&cut[start..]);
    cut.extend(checksum.to_be_bytes());
    assert!(decode(&cut).is_err());
}

#[test]
fn what_is_no_photo_says_what_it_is() {
    let says = |file: &[u8]| Photo::read(file, ANY_SIZE).err().unwrap().to_string();
    assert_eq!(says(b""), "the file is empty");
    assert_eq!(
        says(b"\0\0\0\x18ftypheic\0\0\0\0"),
        "it is a HEIC photo, as phones take them, which is not read: save it as JPEG or PNG"
    );
    assert!(says(b"\0\0\0\x1cftypavif\0\0\0\0").starts_with("it is an AVIF photo"));
    assert!(says(b"II*\0\x08\0\0\0").starts_with("it is a TIFF or raw photo"));
    assert!(says(b"\x89PNG\r\n\x1a\n\0\0\0\x04CgBI").starts_with("it is a PNG file as programs for iPhones"));
    let text = "it is no photo: its content is not JPEG, PNG, WebP, BMP or GIF";
    assert_eq!(says(b"<!doctype html>"), text);
}

/// A file that is damaged or cut, in the words of people; what its decoder said is the cause behind.
#[test]
fn damage_is_told_without_jargon_and_apart_from_what_is_not_read() {
    let budget = Budget::unlimited();
    let says = |file: &[u8]| {
        let decoded = Photo::read(file, ANY_SIZE)
            .and_then(|photo| Decoder::new(&budget).decode(&photo, [255; 3], |_| ()));
        decoded.unwrap_err().to_string()
    };
    for (format, name) in [
        (ImageFormat::Png, "PNG"),
        (ImageFormat::WebP, "WebP"),
        (ImageFormat::Bmp, "BMP"),
        (ImageFormat::Jpeg, "JPEG"),
    ] {
        let file = encoded(format);
        let cut = says(&file[..file.len() * 2 / 3]);
        let expected = [
            format!(
                "the {name} data end before the picture does: copy or save the photo again, or replace it"
            ),
            format!("the {name} data are damaged: save the photo again, or replace it"),
        ];
        assert!(expected.contains(&cut), "{cut}");
    }
    // The header of a PNG is protected by a checksum.
    let mut damaged = encoded(ImageFormat::Png);
    damaged[24] = 77;
    assert_eq!(says(&damaged), "the PNG data are damaged: save the photo again, or replace it");
    // A BMP file with a JPEG file inside (compression 4 of BITMAPINFOHEADER).
    let mut unread = encoded(ImageFormat::Bmp);
    unread[30] = 4;
    let text = "it is a BMP file of a kind that is not read: save it as JPEG or as an ordinary PNG";
    assert_eq!(says(&unread), text);
    for jargon in ["decod", "Format error", "chunk", "Crc"] {
        assert!(!says(&damaged).contains(jargon));
    }
}
