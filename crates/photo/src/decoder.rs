//! From a file to pixels.

use image::metadata::Orientation;
use image::{DynamicImage, RgbImage};
use marque_jpeg::Reduction;
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

use crate::photo::{Kind, general_decoder};
use crate::{Error, Photo};

/// A decoded photo as it is stored, in the decoder's memory.
#[derive(Clone, Copy)]
pub struct Pixels<'a> {
    /// Width in pixels: that of the photo over the reduction, rounded up.
    pub width: usize,
    /// Height in pixels, likewise.
    pub height: usize,
    /// Rows from the top, four bytes a pixel: red, green, blue, and one that means nothing.
    pub rgbx: &'a [u8],
    /// By how much it was reduced: not at all where its format does not allow it.
    pub reduction: Reduction,
}

/// Decodes photos one after the other in memory that it keeps.
#[derive(Default)]
pub struct Decoder {
    fast: marque_jpeg::Decoder,
    /// What a general decoder gave.
    rgbx: Vec<u8>,
}

impl Decoder {
    /// A decoder without any memory yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Decodes a photo, reduced if its format allows that. Transparent photos are laid on `background`.
    ///
    /// # Errors
    /// If the file is damaged, or a JPEG file that ends before its picture does.
    pub fn decode(
        &mut self,
        photo: &Photo<'_>,
        reduction: Reduction,
        background: [u8; 3],
    ) -> Result<Pixels<'_>, Error> {
        let format = match &photo.kind {
            Kind::Baseline(header) => {
                if let Ok(pixels) = self.fast.decode(photo.file, header, reduction) {
                    let marque_jpeg::Pixels { width, height, rgbx } = pixels;
                    return Ok(Pixels { width, height, rgbx, reduction });
                }
                if marque_jpeg::is_cut_short(photo.file) {
                    return Err(Error::CutShort);
                }
                image::ImageFormat::Jpeg
            }
            Kind::PlainCmyk => {
                self.rgbx = decode_plain_cmyk(photo.file)?;
                return Ok(whole(photo.width(), photo.height(), &self.rgbx));
            }
            Kind::Other(format) => *format,
        };
        let decoder = general_decoder(photo.file, format, photo.pixels())?;
        let decoded = DynamicImage::from_decoder(decoder)?;
        let transparent = decoded.color().has_alpha();
        let mut decoded = decoded.into_rgba8();
        if transparent {
            for pixel in decoded.as_chunks_mut::<4>().0 {
                lay_on(pixel, background);
            }
        }
        let (width, height) = (decoded.width() as usize, decoded.height() as usize);
        self.rgbx = decoded.into_raw();
        Ok(whole(width, height, &self.rgbx))
    }

    /// Decodes a photo whole and turns it upright.
    ///
    /// # Errors
    /// If the file is damaged.
    pub fn upright(&mut self, photo: &Photo<'_>, background: [u8; 3]) -> Result<RgbImage, Error> {
        let pixels = self.decode(photo, Reduction::Whole, background)?;
        let rgb: Vec<u8> =
            pixels.rgbx.as_chunks::<4>().0.iter().flat_map(|&[r, g, b, _]| [r, g, b]).collect();
        let image = RgbImage::from_raw(pixels.width as u32, pixels.height as u32, rgb).unwrap_or_default();
        let mut image = DynamicImage::ImageRgb8(image);
        if let Some(orientation) = Orientation::from_exif(photo.orientation()) {
            image.apply_orientation(orientation);
        }
        Ok(image.into_rgb8())
    }
}

fn whole(width: usize, height: usize, rgbx: &[u8]) -> Pixels<'_> {
    Pixels { width, height, rgbx, reduction: Reduction::Whole }
}

/// Lays a pixel with opacity, not premultiplied, on an opaque one.
fn lay_on(pixel: &mut [u8; 4], background: [u8; 3]) {
    let opacity = u32::from(pixel[3]);
    for (value, behind) in pixel.iter_mut().zip(background) {
        *value = ((u32::from(*value) * opacity + u32::from(behind) * (255 - opacity) + 127) / 255) as u8;
    }
}

pub(crate) fn plain_cmyk_decoder(file: &[u8]) -> JpegDecoder<ZCursor<&[u8]>> {
    let options = DecoderOptions::default()
        .jpeg_set_out_colorspace(ColorSpace::CMYK)
        .set_max_width(usize::MAX)
        .set_max_height(usize::MAX);
    JpegDecoder::new_with_options(ZCursor::new(file), options)
}

fn decode_plain_cmyk(file: &[u8]) -> Result<Vec<u8>, Error> {
    let mut rgbx = plain_cmyk_decoder(file).decode().map_err(|e| Error::Cmyk(format!("{e:?}")))?;
    for pixel in rgbx.as_chunks_mut::<4>().0 {
        let paper = 255 - u32::from(pixel[3]);
        for ink in &mut pixel[..3] {
            *ink = (((255 - u32::from(*ink)) * paper + 127) / 255) as u8;
        }
    }
    Ok(rgbx)
}
