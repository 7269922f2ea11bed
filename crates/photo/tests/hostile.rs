//! Photos with bytes changed, added and cut: an error or some picture, never a panic.

use std::io::Cursor;

use image::{ImageFormat, Rgb, RgbImage};
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
    fn changed_files_do_not_panic(
        choice in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        thread_local!(static FILES: Vec<Vec<u8>> = encoded());
        let mut file = FILES.with(|files| choice.get(files).clone());
        for (place, value) in changes {
            let place = place.index(file.len());
            file[place] = value;
        }
        if let Some(cut) = cut {
            file.truncate(cut.index(file.len()));
        }
        if let Ok(photo) = Photo::read(&file, 1 << 20) {
            let (width, height) = (photo.width(), photo.height());
            let budget = Budget::new(photo.memory());
            if let Ok(length) = Decoder::new(&budget).decode(&photo, [255; 3], |pixels| pixels.rgb.len()) {
                prop_assert_eq!(length, width * height * 3);
            }
        }
    }
}
