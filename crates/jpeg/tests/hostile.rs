//! Files that are damaged, or mean harm: an error or a picture, never a panic.

use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder, RgbImage};
use marque_jpeg::{Decoder, Error, Header, Reduction, exif_orientation, is_plain_cmyk};
use proptest::prelude::*;

fn photo(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        image::Rgb([(x * 5 + y) as u8, (x * y / 7) as u8, ((x * 3) ^ (y * 11)) as u8])
    })
}

fn encoded(width: u32, height: u32) -> Vec<u8> {
    let mut file = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut file, 80);
    encoder.write_image(&photo(width, height), width, height, ExtendedColorType::Rgb8).unwrap();
    file
}

fn decode(file: &[u8], reduction: Reduction) -> Result<(usize, usize, Vec<u8>), Error> {
    let header = Header::read(file)?;
    let mut decoder = Decoder::new();
    let pixels = decoder.decode(file, &header, reduction)?;
    Ok((pixels.width, pixels.height, pixels.rgbx.to_vec()))
}

#[test]
fn a_photo_is_near_what_the_general_decoder_gives() {
    for (width, height) in [(1, 1), (7, 9), (16, 16), (100, 75), (129, 65)] {
        let file = encoded(width, height);
        let expected = image::load_from_memory(&file).unwrap().into_rgba8();
        let (found_width, found_height, found) = decode(&file, Reduction::Whole).unwrap();
        assert_eq!((found_width as u32, found_height as u32), (width, height));
        let total: u64 = found.iter().zip(expected.as_raw()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
        assert!((total as f64) < 0.5 * found.len() as f64, "{width}×{height}: {total}");
    }
}

#[test]
fn a_file_cut_anywhere_is_an_error_unless_only_its_end_marker_is_gone() {
    let file = encoded(33, 21);
    let whole = decode(&file, Reduction::Whole).unwrap();
    for length in file.len() - 2..file.len() {
        assert_eq!(decode(&file[..length], Reduction::Whole).unwrap(), whole);
    }
    for length in 0..file.len() - 2 {
        assert!(decode(&file[..length], Reduction::Whole).is_err(), "{length} of {}", file.len());
    }
}

#[test]
fn a_small_file_that_claims_to_be_huge_is_refused_before_memory_is_taken() {
    let mut file = encoded(16, 16);
    let frame = file.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    file[frame + 5..frame + 9].copy_from_slice(&[0xff, 0x00, 0xff, 0x00]);
    assert_eq!(Header::read(&file).unwrap().width(), 0xff00);
    let error = decode(&file, Reduction::Whole).unwrap_err();
    assert_eq!(error, Error::Damaged("its picture data end early"));
}

#[test]
fn kinds_that_are_left_to_others_are_named() {
    let mut file = encoded(16, 16);
    let frame = file.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    file[frame + 1] = 0xc2;
    assert_eq!(Header::read(&file).err(), Some(Error::Unsupported("progressive coding")));
    file[frame + 1] = 0xc9;
    assert_eq!(Header::read(&file).err(), Some(Error::Unsupported("arithmetic coding")));
    file[frame + 1] = 0xc0;
    file[frame + 4] = 12;
    assert_eq!(Header::read(&file).err(), Some(Error::Unsupported("a precision other than 8 bits")));
    assert_eq!(Header::read(b"\x89PNG").err(), Some(Error::Damaged("it does not begin with a start marker")));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn flipped_bytes_never_panic(
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        reduction in 0usize..4,
    ) {
        let mut file = encoded(40, 30);
        for (place, value) in flips {
            let place = place.index(file.len());
            file[place] = value;
        }
        // A lie about the size may be large, but not larger than the file makes believable.
        let _ = decode(&file, Reduction::ALL[reduction]);
        let _ = (exif_orientation(&file), is_plain_cmyk(&file));
    }

    #[test]
    fn any_bytes_after_a_start_marker_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let file = [&[0xff, 0xd8][..], &bytes].concat();
        let _ = decode(&file, Reduction::Whole);
        let exif = [&b"\xff\xd8\xff\xe1\x01\x00Exif\0\0"[..], &bytes, &[0; 256]].concat();
        let _ = (exif_orientation(&exif), is_plain_cmyk(&exif));
    }
}
