//! Photos against libjpeg-turbo, as `pillow_constants.py` has kept what it gives: equal to the bit.

use std::path::{Path, PathBuf};

use marque_jpeg::{Decoder, Header, Reduction};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

#[test]
fn every_sampling_and_reduction_gives_what_libjpeg_turbo_gives() {
    let mut decoder = Decoder::new();
    let names =
        ["444", "422", "420", "420-even", "420-restarts", "420-fine", "420-coarse", "420-narrow", "grey"];
    for name in names {
        let file = std::fs::read(fixture(&format!("{name}.jpg"))).unwrap();
        let header = Header::read(&file).unwrap();
        for reduction in Reduction::ALL {
            let factor = reduction.factor();
            if header.width().min(header.height()) < factor {
                continue;
            }
            let expected = image::open(fixture(&format!("{name}-{factor}.png"))).unwrap().into_rgba8();
            let found = decoder.decode(&file, &header, reduction).unwrap();
            assert_eq!((found.width as u32, found.height as u32), expected.dimensions(), "{name} {factor}");
            let differing = found.rgbx.iter().zip(expected.as_raw()).filter(|(a, b)| a != b).count();
            assert_eq!(differing, 0, "{name} reduced by {factor}: bytes that differ");
        }
    }
}
