//! Photos of every kind into squares: against Pillow's numbers, and by what they show.

mod flat_jpeg;

use std::io::Cursor;
use std::path::Path;

use flat_jpeg::{exif, flat_jpeg};
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, ExtendedColorType, ImageEncoder, ImageFormat, RgbImage};
use marque_contracts::schema::{Crop, Filter, Fit, Preparation};
use marque_photo::{ANY_SIZE, Budget, Photo, Preparer, prepare};

const BEHIND: [u8; 3] = [200, 100, 50];

fn squash(size: usize) -> Preparation {
    Preparation { size, margin: Some(0.0), fit: Fit::Squash, resize: Filter::Bilinear, background: BEHIND }
}

fn prepared(preparation: &Preparation, file: &[u8], crop: Option<Crop>) -> Vec<u8> {
    prepare(file, crop, preparation).unwrap().rgb
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)).unwrap()
}

/// Mean and largest difference between a prepared photo and Pillow's.
fn difference(found: &[u8], expected: &str) -> (f64, u8) {
    let expected = image::load_from_memory(&fixture(expected)).unwrap().into_rgb8().into_raw();
    assert_eq!(found.len(), expected.len());
    let differences = found.iter().zip(&expected).map(|(a, b)| a.abs_diff(*b));
    let total: u64 = differences.clone().map(u64::from).sum();
    (total as f64 / found.len() as f64, differences.max().unwrap())
}

#[test]
fn whole_photos_are_resized_as_pillow_does() {
    let filters =
        [("bilinear", Filter::Bilinear), ("bicubic", Filter::Bicubic), ("lanczos", Filter::Lanczos)];
    for (name, filter) in filters {
        let preparation = Preparation { resize: filter, ..squash(40) };
        let found = prepared(&preparation, &fixture("small.png"), None);
        let (mean, most) = difference(&found, &format!("small-{name}-40.png"));
        println!("{name}: {mean:.3}, at most {most}");
        assert!(mean < 0.3 && most <= 2, "{name}: {mean}, at most {most}");
        if filter != Filter::Bilinear {
            // What overshoots is cut off between both passes, and so in the same order.
            let preparation = Preparation { resize: filter, ..squash(60) };
            let found = prepared(&preparation, &fixture("noise.png"), None);
            let (mean, most) = difference(&found, &format!("noise-{name}-60.png"));
            assert!(mean < 0.1 && most <= 2, "{name}: {mean}, at most {most}");
        }
    }
    for (source, size, expected) in
        [("small.png", 110, "small-bilinear-110.png"), ("large.jpg", 100, "large-bilinear-100.png")]
    {
        let (mean, most) = difference(&prepared(&squash(size), &fixture(source), None), expected);
        assert!(mean < 0.3 && most <= 2, "{source} to {size}: {mean}, at most {most}");
    }
}

#[test]
fn large_photos_are_resized_as_pillow_does_from_all_their_pixels() {
    let bilinear = Filter::Bilinear;
    let cases = [
        (16, bilinear, "bilinear"),
        (32, bilinear, "bilinear"),
        (64, bilinear, "bilinear"),
        (64, Filter::Bicubic, "bicubic"),
        (64, Filter::Lanczos, "lanczos"),
    ];
    for (size, resize, name) in cases {
        let found = prepared(&Preparation { resize, ..squash(size) }, &fixture("large.jpg"), None);
        let (mean, most) = difference(&found, &format!("large-{name}-{size}.png"));
        assert!(mean < 0.3 && most <= 2, "{name} {size}: {mean}, at most {most}");
    }
}

#[test]
fn boxes_are_cut_where_pillow_cuts_them() {
    let small = Crop { x1: 11, y1: 7, x2: 90, y2: 61 };
    let (mean, most) =
        difference(&prepared(&squash(40), &fixture("small.png"), Some(small)), "small-box-40.png");
    assert!(mean < 0.3 && most <= 2, "{mean}, at most {most}");
    let large = Crop { x1: 31, y1: 17, x2: 260, y2: 211 };
    let (mean, most) =
        difference(&prepared(&squash(64), &fixture("large.jpg"), Some(large)), "large-box-64.png");
    assert!(mean < 0.3 && most <= 2, "{mean}, at most {most}");
    let uncropped = Preparation { margin: None, ..squash(64) };
    let (mean, _) =
        difference(&prepared(&uncropped, &fixture("large.jpg"), Some(large)), "large-bilinear-64.png");
    assert!(mean < 0.3, "without a margin nothing is cropped: {mean}");
}

/// Four quarters of different colours, wider than high.
fn quarters(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| match (x < width / 2, y < height / 2) {
        (true, true) => image::Rgb([250, 20, 20]),
        (false, true) => image::Rgb([20, 250, 20]),
        (true, false) => image::Rgb([20, 20, 250]),
        (false, false) => image::Rgb([250, 250, 20]),
    })
}

fn assert_near(found: &[u8], expected: &[u8], most: u8, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let difference = found.iter().zip(expected).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
    assert!(difference <= most, "{what}: {difference}");
}

#[test]
fn every_orientation_is_turned_upright_in_every_format_and_fit() {
    let crop = Crop { x1: 8, y1: 4, x2: 72, y2: 28 };
    for fit in [Fit::Squash, Fit::Crop, Fit::Pad] {
        for (size, crop) in [(32, None), (20, Some(crop)), (16, Some(crop))] {
            let preparation = Preparation { fit, ..squash(size) };
            for orientation in 1..=8 {
                let stored = quarters(80, 32);
                let mut upright = DynamicImage::ImageRgb8(stored.clone());
                upright.apply_orientation(Orientation::from_exif(orientation).unwrap());
                // The box must lie in the turned photo too.
                let crop = crop.filter(|crop| crop.x2 <= upright.width() && crop.y2 <= upright.height());
                let plain = |format| {
                    let mut file = Cursor::new(Vec::new());
                    upright.write_to(&mut file, format).unwrap();
                    file.into_inner()
                };
                let expected = prepared(&preparation, &plain(ImageFormat::Png), crop);
                let what = format!("{fit:?} {size} {orientation}");

                let mut png = Vec::new();
                let mut encoder = PngEncoder::new(&mut png);
                encoder.set_exif_metadata(exif(orientation)).unwrap();
                encoder.write_image(&stored, 80, 32, ExtendedColorType::Rgb8).unwrap();
                assert_near(&prepared(&preparation, &png, crop), &expected, 1, &format!("png {what}"));

                let mut jpeg = Vec::new();
                let mut encoder = JpegEncoder::new_with_quality(&mut jpeg, 100);
                encoder.set_exif_metadata(exif(orientation)).unwrap();
                encoder.write_image(&stored, 80, 32, ExtendedColorType::Rgb8).unwrap();
                assert_near(&prepared(&preparation, &jpeg, crop), &expected, 8, &format!("jpeg {what}"));
            }
        }
    }
}

#[test]
fn padding_shows_the_background_and_cropping_the_middle() {
    let mut file = Cursor::new(Vec::new());
    let mut photo = RgbImage::from_pixel(100, 50, image::Rgb([10, 20, 30]));
    for y in 0..50 {
        photo.put_pixel(0, y, image::Rgb([255, 255, 255]));
    }
    photo.write_to(&mut file, ImageFormat::Png).unwrap();
    let file = file.into_inner();

    let padded = prepared(&Preparation { fit: Fit::Pad, ..squash(32) }, &file, None);
    let row = |y: usize| padded[y * 96..][..96].as_chunks::<3>().0;
    assert!((0..8).chain(24..32).all(|y| row(y).iter().all(|pixel| *pixel == BEHIND)));
    assert!((8..24).all(|y| row(y)[2..].iter().all(|pixel| *pixel == [10, 20, 30])));

    let cropped = prepared(&Preparation { fit: Fit::Crop, ..squash(32) }, &file, None);
    assert!(cropped.as_chunks::<3>().0.iter().all(|pixel| *pixel == [10, 20, 30]), "the left edge is in it");
    let squashed = prepared(&squash(32), &file, None);
    assert!(squashed[0] > 50, "the left edge is not in it");
}

#[test]
fn a_margin_is_around_the_box() {
    let mut photo = RgbImage::from_pixel(60, 60, image::Rgb([0, 0, 0]));
    for (x, y) in (20..40).flat_map(|x| (20..40).map(move |y| (x, y))) {
        photo.put_pixel(x, y, image::Rgb([240, 240, 240]));
    }
    let mut file = Cursor::new(Vec::new());
    photo.write_to(&mut file, ImageFormat::Bmp).unwrap();
    let crop = Some(Crop { x1: 20, y1: 20, x2: 40, y2: 40 });
    let tight = prepared(&squash(20), file.get_ref(), crop);
    assert!(tight.iter().all(|&level| level == 240));
    let wide = prepared(&Preparation { margin: Some(0.5), ..squash(40) }, file.get_ref(), crop);
    let at = |x: usize, y: usize| wide[(y * 40 + x) * 3];
    assert_eq!([at(0, 0), at(9, 20), at(10, 10), at(29, 29), at(30, 20)], [0, 0, 240, 240, 0]);
}

#[test]
fn grey_deep_indexed_and_transparent_photos_become_rgb() {
    let written = |photo: DynamicImage, format| {
        let mut file = Cursor::new(Vec::new());
        photo.write_to(&mut file, format).unwrap();
        file.into_inner()
    };
    let flat = |file: &[u8]| {
        let pixels = prepared(&squash(16), file, None);
        let (pixels, _) = pixels.as_chunks::<3>();
        assert!(pixels.iter().all(|pixel| pixel == &pixels[0]), "one colour");
        pixels[0]
    };
    let grey = image::GrayImage::from_pixel(20, 20, image::Luma([77]));
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Bmp] {
        assert_eq!(flat(&written(grey.clone().into(), format)), [77; 3], "{format:?}");
    }
    // 16 bits: rounded to the nearest of 256 levels, 257 apart.
    let deep = image::ImageBuffer::from_pixel(20, 20, image::Rgb([257u16 * 9, 257 * 80 + 100, 65_535]));
    assert_eq!(flat(&written(DynamicImage::ImageRgb16(deep), ImageFormat::Png)), [9, 80, 255]);
    // Half transparent over the background, fully transparent, opaque; with alpha on grey too.
    let alpha = |opacity| image::RgbaImage::from_pixel(20, 20, image::Rgba([0, 255, 10, opacity]));
    for format in [ImageFormat::Png, ImageFormat::WebP] {
        assert_eq!(flat(&written(alpha(0).into(), format)), BEHIND, "{format:?}");
        assert_eq!(flat(&written(alpha(255).into(), format)), [0, 255, 10], "{format:?}");
        // 0.2 of the colour, 0.8 of what is behind it.
        assert_eq!(flat(&written(alpha(51).into(), format)), [160, 131, 42], "{format:?}");
    }
    let faint = image::GrayAlphaImage::from_pixel(20, 20, image::LumaA([255, 0]));
    assert_eq!(flat(&written(faint.into(), ImageFormat::Png)), BEHIND);
    assert_eq!(flat(&indexed_png(20, 20, [[1, 2, 3], [90, 160, 230]], 1)), [90, 160, 230]);
}

/// A PNG with a palette of two colours, one bit a pixel, all of them `index`.
fn indexed_png(width: u32, height: u32, palette: [[u8; 3]; 2], index: u8) -> Vec<u8> {
    let row = [&[0][..], &vec![if index == 1 { 0xff } else { 0 }; width.div_ceil(8) as usize]].concat();
    let data = row.repeat(height as usize);
    // zlib with one stored block.
    let mut zlib = vec![0x78, 0x01, 1];
    zlib.extend((data.len() as u16).to_le_bytes());
    zlib.extend((!(data.len() as u16)).to_le_bytes());
    zlib.extend(&data);
    let (mut a, mut b) = (1u32, 0u32);
    for &byte in &data {
        a = (a + u32::from(byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    zlib.extend((b << 16 | a).to_be_bytes());
    let mut head = [width.to_be_bytes(), height.to_be_bytes()].concat();
    head.extend([1, 3, 0, 0, 0]);
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, data) in
        [(b"IHDR", &head[..]), (b"PLTE", palette.as_flattened()), (b"IDAT", &zlib), (b"IEND", &[])]
    {
        file.extend((data.len() as u32).to_be_bytes());
        let checked = [&kind[..], data].concat();
        file.extend(&checked);
        file.extend(crc(&checked).to_be_bytes());
    }
    file
}

/// CRC-32 as PNG wants it (annex D of its specification).
fn crc(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 };
    !bytes.iter().fold(!0u32, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), step))
}

#[test]
fn inks_become_light_inverted_or_not() {
    let shown = |levels: &[u8], adobe| {
        let pixels = prepared(&squash(16), &flat_jpeg(24, 17, levels, adobe), None);
        let (pixels, _) = pixels.as_chunks::<3>();
        assert!(pixels.iter().all(|pixel| pixel == &pixels[0]), "one colour");
        pixels[0]
    };
    let near = |found: [u8; 3], expected: [u8; 3], what| {
        assert!(found.iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= 2), "{what}: {found:?}");
    };
    // Inks of 20%, 60%, none and 10% black leave (1 - ink) × (1 - black) of the light.
    let inks = [51u8, 153, 0, 26];
    let light = [183, 92, 229];
    // As Pillow does, all files are taken for Adobe's, which invert inks.
    near(shown(&inks.map(|ink| 255 - ink), None), light, "CMYK");
    near(shown(&inks.map(|ink| 255 - ink), Some(0)), light, "CMYK as Adobe inverts it");
    // Adobe's YCCK: YCbCr of the light through the coloured inks, and black inverted.
    near(shown(&[128, 128, 128, 255], Some(2)), [127, 127, 127], "YCCK, grey");
    near(shown(&[255, 128, 128, 255], Some(2)), [0, 0, 0], "YCCK, full inks");
    near(shown(&[0, 128, 128, 100], Some(2)), [100, 100, 100], "YCCK, black ink");
    // Three components: YCbCr unless Adobe says otherwise.
    near(shown(&[76, 85, 255], None), [254, 0, 0], "YCbCr red");
    near(shown(&[76, 85, 255], Some(1)), [254, 0, 0], "YCbCr red by Adobe");
    near(shown(&[40, 90, 200], Some(0)), [40, 90, 200], "RGB by Adobe");
    near(shown(&[140], None), [140; 3], "grey");
}

#[test]
fn what_is_no_photo_is_an_error_and_a_damaged_one_leaves_nothing_in_the_next() {
    let mut out = vec![0; 16 * 16 * 3];
    let budget = Budget::unlimited();
    let mut preparer = Preparer::new(&squash(16), &budget);
    let mut prepare = |file: &[u8]| {
        Photo::read(file, ANY_SIZE)
            .and_then(|photo| preparer.prepare(&photo, None, &mut out))
            .map(|_| out.clone())
    };
    for file in [&b""[..], b"not a photo", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"] {
        assert!(prepare(file).is_err());
    }
    let large = fixture("large.jpg");
    for length in (0..large.len()).step_by(997) {
        assert!(prepare(&large[..length]).is_err(), "{length}");
    }
    assert_eq!(prepare(&large).unwrap(), prepared(&squash(16), &large, None));
}

/// A strip of a few rows would need an intermediate picture many times its size.
#[test]
fn strips_are_resized_without_a_large_intermediate_picture() {
    for (width, height, size) in [(600_000, 2, 64), (2, 600_000, 64), (40_000, 3, 1024)] {
        // Black on the left (above), white on the right (below).
        let strip = image::GrayImage::from_fn(width, height, |x, y| {
            image::Luma([if x >= width / 2 && width > height || y >= height / 2 && height > width {
                255
            } else {
                0
            }])
        });
        let mut file = Cursor::new(Vec::new());
        strip.write_to(&mut file, ImageFormat::Png).unwrap();
        let found = prepared(&squash(size), file.get_ref(), None);
        let at = |x: usize, y: usize| found[(y * size + x) * 3];
        let (first, last) = (size / 4, size - size / 4);
        let corners = [at(first, first), at(last, first), at(first, last), at(last, last)];
        let expected = if width > height { [0, 255, 0, 255] } else { [0, 0, 255, 255] };
        assert_eq!(corners, expected, "{width} × {height} to {size}");
    }
}
