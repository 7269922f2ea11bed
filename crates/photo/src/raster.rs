//! Formats other than JPEG, by the decoders of `image`.

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use crate::Error;

/// Bytes that a decoder may take beside those of the pixels.
const WORKING_BYTES: u64 = 256 << 20;

/// Most bytes that a decoded pixel has: four values of 16 bits.
const BYTES_PER_PIXEL: u64 = 8;

/// A decoder that may take as much memory as so many pixels need.
pub(crate) fn decoder(
    file: &[u8],
    format: ImageFormat,
    pixels: u64,
) -> Result<impl ImageDecoder + '_, image::ImageError> {
    let mut reader = ImageReader::with_format(Cursor::new(file), format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(pixels.saturating_mul(BYTES_PER_PIXEL).saturating_add(WORKING_BYTES));
    reader.limits(limits);
    reader.into_decoder()
}

/// Decodes to red, green, blue; what is transparent is composited over `background`.
pub(crate) fn decode(
    file: &[u8],
    format: ImageFormat,
    pixels: u64,
    background: [u8; 3],
) -> Result<Vec<u8>, Error> {
    let decoded = DynamicImage::from_decoder(decoder(file, format, pixels)?)?;
    if !decoded.color().has_alpha() {
        return Ok(decoded.into_rgb8().into_raw());
    }
    let mut levels = decoded.into_rgba8().into_raw();
    let pixels = levels.len() / 4;
    for pixel in 0..pixels {
        let opacity = u32::from(levels[4 * pixel + 3]);
        for (channel, behind) in background.into_iter().enumerate() {
            let level = u32::from(levels[4 * pixel + channel]);
            let level = (level * opacity + u32::from(behind) * (255 - opacity) + 127) / 255;
            levels[3 * pixel + channel] = level as u8;
        }
    }
    levels.truncate(3 * pixels);
    Ok(levels)
}
