//! Formats other than JPEG, by the decoders of `image`.

use std::borrow::Cow;
use std::io::Cursor;

use image::{ColorType, DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use crate::Error;

/// Bytes that reading a header may take: colour profiles, for one, are packed.
const HEADER_BYTES: u64 = 16 << 20;

/// The most that a PNG file of wide rows may take for one of them, in bytes.
const ROW_BYTES: u64 = 256 << 20;

/// A decoder that has read the header, and may take so many bytes on top of what headers take.
pub(crate) fn decoder(file: &[u8], format: ImageFormat, bytes: u64) -> Result<impl ImageDecoder + '_, Error> {
    let mut reader = ImageReader::with_format(Cursor::new(file), format);
    let mut limits = Limits::default();
    // PNG has its width at this place; a pixel has 8 bytes at most.
    let width =
        file.get(16..20).filter(|_| format == ImageFormat::Png).and_then(|bytes| bytes.try_into().ok());
    let row = (u64::from(width.map_or(0, u32::from_be_bytes)) * 8).min(ROW_BYTES);
    limits.max_alloc = Some(bytes.saturating_add(HEADER_BYTES + row));
    reader.limits(limits);
    reader.into_decoder().map_err(|error| Error::of_image(format, error))
}

/// The most bytes that [`decode`] takes at a time, its result included.
pub(crate) fn memory(file: &[u8], format: ImageFormat, (width, height): (u64, u64), color: ColorType) -> u64 {
    let stored = u64::from(color.bytes_per_pixel());
    // To 8 bits, and to red, green, blue, with the decoded picture still there.
    let converted = match color {
        ColorType::Rgb8 | ColorType::Rgba8 => 0,
        color if color.has_alpha() => 4,
        _ => 3,
    };
    // What decoders take beside the picture they give: rows before they are unfiltered (PNG); the picture in other
    // colours, its opacity, the canvas of an animation (WebP); the first frame (GIF).
    let (for_each_pixel, for_each_column) = match (format, file.get(12..16), file.get(20)) {
        (ImageFormat::Png, ..) => (0, 8 * stored),
        (ImageFormat::WebP, Some(b"VP8 "), _) => (2, 64),
        (ImageFormat::WebP, Some(b"VP8X"), Some(flags)) if flags & 0b10 != 0 => (16, 64),
        (ImageFormat::WebP, ..) => (8, 64),
        (ImageFormat::Gif, ..) => (4, 16),
        _ => (0, 16),
    };
    let pixels = width.saturating_mul(height);
    let peak = pixels.saturating_mul(stored + for_each_pixel.max(converted));
    peak.saturating_add(width.saturating_mul(for_each_column))
}

/// The chunk that ends every PNG file (PNG specification, 11.2.5), with its checksum.
const PNG_END: [u8; 12] = *b"\0\0\0\0IEND\xae\x42\x60\x82";

/// A PNG file with the end that it lacks, if that is all it lacks; other files as they are.
fn ended(file: &[u8], format: ImageFormat) -> Cow<'_, [u8]> {
    let (mut at, mut pixels) = (8, false);
    while format == ImageFormat::Png && at < file.len() {
        let Some((length, kind)) = file.get(at..at + 8).and_then(|start| start.split_first_chunk()) else {
            break;
        };
        if kind == b"IEND" {
            break;
        }
        pixels |= kind == b"IDAT";
        at = at.saturating_add(u32::from_be_bytes(*length) as usize).saturating_add(12);
        if at == file.len() && pixels {
            return [file, &PNG_END].concat().into();
        }
    }
    file.into()
}

/// Decodes to red, green, blue, within so many bytes; what is transparent is composited over `background`.
pub(crate) fn decode(
    file: &[u8],
    format: ImageFormat,
    bytes: u64,
    background: [u8; 3],
) -> Result<Vec<u8>, Error> {
    let file = ended(file, format);
    let decoded = DynamicImage::from_decoder(decoder(&file, format, bytes)?)
        .map_err(|error| Error::of_image(format, error))?;
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
