//! Photos that the fast JPEG decoder leaves to others: any format, any colours, into red, green, blue and 255.

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageReader};
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

/// Why a photo cannot be rendered.
#[derive(Debug, thiserror::Error)]
pub enum Reason {
    /// It is of no known format, or damaged.
    #[error(transparent)]
    Image(#[from] image::ImageError),
    /// It is a CMYK JPEG, and damaged.
    #[error("{0}")]
    Cmyk(String),
    /// It cannot be resized: it has no pixels, say.
    #[error("it cannot be resized: {0}")]
    Resize(String),
}

/// A photo as it is stored, not yet turned upright.
pub(crate) struct Photo {
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// Four bytes a pixel: red, green, blue, and one that means nothing.
    pub(crate) rgbx: Vec<u8>,
    /// Its EXIF orientation.
    pub(crate) orientation: u8,
}

impl Photo {
    /// Decodes a file of any format that `image` knows, told by content. Transparent photos are laid on `background`.
    pub(crate) fn decode(file: &[u8], background: [u8; 3]) -> Result<Self, Reason> {
        if marque_jpeg::is_plain_cmyk(file) {
            return decode_plain_cmyk(file);
        }
        let reader = ImageReader::new(Cursor::new(file)).with_guessed_format();
        let mut decoder = reader.map_err(image::ImageError::IoError)?.into_decoder()?;
        let orientation = decoder.orientation()?.to_exif();
        let photo = DynamicImage::from_decoder(decoder)?;
        let transparent = photo.color().has_alpha();
        let mut photo = photo.into_rgba8();
        if transparent {
            for pixel in photo.as_chunks_mut::<4>().0 {
                lay_on(pixel, background);
            }
        }
        let (width, height) = (photo.width() as usize, photo.height() as usize);
        Ok(Self { width, height, rgbx: photo.into_raw(), orientation })
    }
}

/// Lays a pixel with opacity, not premultiplied, on an opaque one.
fn lay_on(pixel: &mut [u8; 4], background: [u8; 3]) {
    let opacity = u32::from(pixel[3]);
    for (value, behind) in pixel.iter_mut().zip(background) {
        *value = ((u32::from(*value) * opacity + u32::from(behind) * (255 - opacity) + 127) / 255) as u8;
    }
}

/// Decodes a CMYK JPEG without Adobe's marker, whose inks are not inverted; `image` takes all for inverted.
fn decode_plain_cmyk(file: &[u8]) -> Result<Photo, Reason> {
    let options = DecoderOptions::default()
        .jpeg_set_out_colorspace(ColorSpace::CMYK)
        .set_max_width(usize::MAX)
        .set_max_height(usize::MAX);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(file), options);
    let mut rgbx = decoder.decode().map_err(|e| Reason::Cmyk(format!("{e:?}")))?;
    let (width, height) = decoder.dimensions().ok_or_else(|| Reason::Cmyk("it has no size".to_owned()))?;
    for pixel in rgbx.as_chunks_mut::<4>().0 {
        let paper = 255 - u32::from(pixel[3]);
        for ink in &mut pixel[..3] {
            *ink = (((255 - u32::from(*ink)) * paper + 127) / 255) as u8;
        }
    }
    let orientation = marque_jpeg::exif_orientation(file).unwrap_or(1);
    Ok(Photo { width, height, rgbx, orientation })
}
