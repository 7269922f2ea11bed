//! Photos with bytes changed, added and cut: an error or some picture, never a panic.

use std::io::Cursor;

use image::{ImageFormat, Rgb, RgbImage};
use marque_fixtures::hostile::changed_file;
use marque_photo::{Budget, Decoder, Photo};
use proptest::prelude::*;

fn encoded() -> Vec<Vec<u8>> {
    let picture = RgbImage::from_fn(40, 24, |x, y| Rgb([(x * 6) as u8, (y * 9) as u8, (x * y) as u8]));
    let formats =
        [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Bmp, ImageFormat::Gif];
    let encode = |format| {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    };
    let mut files: Vec<_> = formats.map(encode).into();
    for name in ["jpeg_variants.tar.gz"] {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
        let archive = flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap());
        for entry in tar::Archive::new(archive).entries().unwrap() {
            let mut entry = entry.unwrap();
            let kind = entry.path().unwrap().to_str().unwrap().to_owned();
            if kind.contains("progressive_2_35x27")
                || kind.contains("each_2_35x27")
                || kind.contains("arithmetic")
            {
                let mut bytes = Vec::new();
                std::io::Read::read_to_end(&mut entry, &mut bytes).unwrap();
                files.push(bytes);
            }
        }
    }
    files
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn changed_files_do_not_panic(file in changed_file(encoded())) {
        if let Ok(photo) = Photo::read(&file, 1 << 20) {
            let (width, height) = (photo.width(), photo.height());
            let budget = Budget::new(photo.memory());
            if let Ok(length) = Decoder::new(&budget).decode(&photo, [255; 3], |pixels| pixels.rgb.len()) {
                prop_assert_eq!(length, width * height * 3);
            }
        }
    }
}
