//! Any bytes: the decoder of photos returns, and gives as many pixels as the header said.
#![no_main]

use libfuzzer_sys::fuzz_target;
use marque_photo::{Decoder, Photo};

fuzz_target!(|bytes: &[u8]| {
    let Ok(photo) = Photo::read(bytes, 1 << 18) else { return };
    let (width, height) = (photo.width(), photo.height());
    if let Ok(pixels) = Decoder::new().decode(&photo, [255; 3]) {
        assert_eq!(pixels.rgb.len(), width * height * 3);
    }
});
