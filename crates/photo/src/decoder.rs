//! From a file to pixels, one way for all formats.

use image::{DynamicImage, ImageFormat, RgbImage};
use marque_contracts::guarded;

use crate::budget::{Budget, KEPT};
use crate::libjpeg::Decompressor;
use crate::photo::Photo;
use crate::pixels::Pixels;
use crate::{Error, raster};

/// Decodes photos one after the other, in memory of a budget that all decoders share.
pub struct Decoder<'b> {
    budget: &'b Budget,
    rgb: Vec<u8>,
}

impl<'b> Decoder<'b> {
    /// A decoder without any memory yet.
    pub fn new(budget: &'b Budget) -> Self {
        Self { budget, rgb: Vec::new() }
    }

    /// Decodes a photo and gives its pixels to `to`, which may take as much memory again, and must not wait for other
    /// threads: [`Photo::memory`] of the budget is held meanwhile. What is transparent is composited over `background`.
    ///
    /// # Errors
    /// If the file is damaged, a JPEG file that ends before its picture does, or takes more than the whole budget.
    pub fn decode<R>(
        &mut self,
        photo: &Photo<'_>,
        background: [u8; 3],
        to: impl FnOnce(Pixels<'_>) -> R,
    ) -> Result<R, Error> {
        self.with_rgb(photo, background, |rgb| {
            to(Pixels { width: photo.width(), height: photo.height(), rgb })
        })
    }

    /// Decodes a photo, turns it upright, and gives it to `to`, as [`decode`](Self::decode) does.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    pub fn upright<R>(
        &mut self,
        photo: &Photo<'_>,
        background: [u8; 3],
        to: impl FnOnce(RgbImage) -> R,
    ) -> Result<R, Error> {
        self.with_rgb(photo, background, |rgb| {
            let rgb = std::mem::take(rgb);
            let image = RgbImage::from_raw(photo.width() as u32, photo.height() as u32, rgb);
            let mut image = DynamicImage::ImageRgb8(image.unwrap_or_default());
            photo.turn_upright(&mut image);
            to(image.into_rgb8())
        })
    }

    fn with_rgb<R>(
        &mut self,
        photo: &Photo<'_>,
        background: [u8; 3],
        to: impl FnOnce(&mut Vec<u8>) -> R,
    ) -> Result<R, Error> {
        let _share = self.budget.take(photo.memory())?;
        let result = self.fill(photo, background).map(|()| to(&mut self.rgb));
        if self.rgb.capacity() > KEPT {
            self.rgb = Vec::new();
        }
        result
    }

    fn fill(&mut self, photo: &Photo<'_>, background: [u8; 3]) -> Result<(), Error> {
        match photo.format {
            ImageFormat::Jpeg => {
                self.rgb.resize(photo.width() * photo.height() * 3, 0);
                decode_jpeg(photo.file, &mut self.rgb, photo.width())
            }
            format => {
                // What is kept would come on top of what is decoded.
                self.rgb = Vec::new();
                let decode = || raster::decode(photo.file, format, photo.memory(), background);
                self.rgb = guarded(decode).map_err(|panic| Error::of_panic(format, panic))??;
                Ok(())
            }
        }
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
