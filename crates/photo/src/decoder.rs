//! From a file to pixels, one way for all formats.

use image::{DynamicImage, ImageFormat, RgbImage};
use marque_contracts::guarded;

use crate::libjpeg::Decompressor;
use crate::photo::Photo;
use crate::{Error, raster};

/// A decoded photo as it is stored, in the decoder's memory.
#[derive(Clone, Copy)]
pub struct Pixels<'a> {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// `height × width × 3` levels, rows from the top: red, green, blue.
    pub rgb: &'a [u8],
}

/// Decodes photos one after the other in memory that it keeps.
#[derive(Default)]
pub struct Decoder {
    rgb: Vec<u8>,
}

impl Decoder {
    /// A decoder without any memory yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Decodes a photo. What is transparent is composited over `background`.
    ///
    /// # Errors
    /// If the file is damaged, or a JPEG file that ends before its picture does.
    pub fn decode(&mut self, photo: &Photo<'_>, background: [u8; 3]) -> Result<Pixels<'_>, Error> {
        let (width, height) = (photo.width(), photo.height());
        match photo.format {
            ImageFormat::Jpeg => {
                self.rgb.resize(width * height * 3, 0);
                decode_jpeg(photo.file, &mut self.rgb, width)?;
            }
            format => {
                let decode = || raster::decode(photo.file, format, photo.pixels(), background);
                self.rgb = guarded(decode).map_err(Error::Damaged)??;
            }
        }
        Ok(Pixels { width, height, rgb: &self.rgb })
    }

    /// Decodes a photo and turns it upright.
    ///
    /// # Errors
    /// If the file is damaged.
    pub fn upright(&mut self, photo: &Photo<'_>, background: [u8; 3]) -> Result<RgbImage, Error> {
        let Pixels { width, height, .. } = self.decode(photo, background)?;
        let rgb = std::mem::take(&mut self.rgb);
        let image = RgbImage::from_raw(width as u32, height as u32, rgb).unwrap_or_default();
        let mut image = DynamicImage::ImageRgb8(image);
        photo.turn_upright(&mut image);
        Ok(image.into_rgb8())
    }
}

fn decode_jpeg(file: &[u8], rgb: &mut [u8], width: usize) -> Result<(), Error> {
    let mut decompressor = Decompressor::new(file)?;
    let four = decompressor.components() == 4;
    decompressor.rows(|number, levels| {
        let out = &mut rgb[number * width * 3..][..width * 3];
        if !four {
            return out.copy_from_slice(levels);
        }
        // Adobe's programs store inks inverted, as light that passes; like Pillow, without looking for their marker.
        for (pixel, [cyan, magenta, yellow, black]) in
            out.as_chunks_mut::<3>().0.iter_mut().zip(levels.as_chunks::<4>().0)
        {
            *pixel = [cyan, magenta, yellow].map(|light| {
                let product = u32::from(*light) * u32::from(*black) + 128;
                ((product + (product >> 8)) >> 8) as u8
            });
        }
    })
}
