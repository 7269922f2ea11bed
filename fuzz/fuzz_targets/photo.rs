//! Any bytes: the decoder of photos returns, and gives as many pixels as the header said.
#![no_main]

use libfuzzer_sys::fuzz_target;
use marque_photo::{Budget, Decoder, Photo};

fuzz_target!(|bytes: &[u8]| {
    let Ok(photo) = Photo::read(bytes, 1 << 18) else { return };
    let (width, height) = (photo.width(), photo.height());
    let budget = Budget::new(1 << 28);
    if let Ok(levels) = Decoder::new(&budget).decode(&photo, [255; 3], |pixels| pixels.rgb.len()) {
        assert_eq!(levels, width * height * 3);
    }
});
