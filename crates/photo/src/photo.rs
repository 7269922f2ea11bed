//! What a file says of itself, before any pixel is decoded.

use image::metadata::Orientation as ImageOrientation;
use image::{DynamicImage, ImageDecoder, ImageFormat};
use marque_contracts::guarded;

use crate::libjpeg::Decompressor;
use crate::orientation::Orientation;
use crate::recognise::unread;
use crate::resize::resizing_bytes;
use crate::{Error, exif, raster};

/// No limit: for photos that were looked at before.
pub const ANY_SIZE: u64 = u64::MAX;

/// What an XMP packet in a JPEG file begins with.
const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";

/// A photo's file, whose header was read.
pub struct Photo<'a> {
    pub(crate) file: &'a [u8],
    pub(crate) format: ImageFormat,
    width: usize,
    height: usize,
    /// Of EXIF: 1 (as it is) to 8; 1 if the file does not say.
    orientation: u8,
    /// Most bytes that its decoder takes at a time, the pixels included.
    decoder_bytes: u64,
}

impl<'a> Photo<'a> {
    /// Reads the header of a photo of at most `max_pixels` pixels.
    ///
    /// # Errors
    /// If the file is no photo of a format that is read, its header is damaged, or it has more pixels.
    pub fn read(file: &'a [u8], max_pixels: u64) -> Result<Self, Error> {
        if file.is_empty() {
            return Err(Error::Empty);
        }
        if let Some(what) = unread(file) {
            return Err(Error::Unread(what));
        }
        let photo = match image::guess_format(file) {
            Ok(ImageFormat::Jpeg) => Self::jpeg(file)?,
            Ok(format) if format.reading_enabled() => {
                guarded(|| Self::other(file, format)).map_err(|panic| Error::of_panic(format, panic))??
            }
            _ => return Err(Error::NoPhoto),
        };
        if photo.pixels() > max_pixels {
            return Err(Error::TooLarge { width: photo.width, height: photo.height, max_pixels });
        }
        Ok(photo)
    }

    fn jpeg(file: &'a [u8]) -> Result<Self, Error> {
        let header = Decompressor::new(file)?;
        let (width, height) = header.size();
        let xmp = header.segment(XMP);
        let orientation = exif::orientation(header.segment(exif::PREFIX), xmp);
        let decoder_bytes = header.memory();
        Ok(Self { file, format: ImageFormat::Jpeg, width, height, orientation, decoder_bytes })
    }

    fn other(file: &'a [u8], format: ImageFormat) -> Result<Self, Error> {
        let mut decoder = raster::decoder(file, format, 0)?;
        let (width, height) = decoder.dimensions();
        let wrong = |error| Error::of_image(format, error);
        let exif = decoder.exif_metadata().map_err(wrong)?;
        let xmp = decoder.xmp_metadata().map_err(wrong)?;
        let orientation = exif::orientation(exif.as_deref(), xmp.as_deref());
        let size = (width.into(), height.into());
        let decoder_bytes = raster::memory(file, format, size, decoder.color_type());
        Ok(Self { file, format, width: width as usize, height: height as usize, orientation, decoder_bytes })
    }

    /// Width in pixels, as stored.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels, as stored.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The most bytes that decoding the photo, turning it and making a square of it take at a time, beside the file.
    pub fn memory(&self) -> u64 {
        self.decoder_bytes.saturating_add(resizing_bytes(self.width, self.height))
    }

    /// From the stored photo to the upright one.
    pub(crate) fn orientation(&self) -> Orientation {
        Orientation::from_exif(self.orientation)
    }

    /// Width and height in pixels, upright.
    pub fn upright_size(&self) -> (usize, usize) {
        self.orientation().sides((self.width, self.height))
    }

    /// Turns the photo's decoded pixels, as they are stored, upright.
    pub fn turn_upright(&self, pixels: &mut DynamicImage) {
        if let Some(orientation) = ImageOrientation::from_exif(self.orientation) {
            pixels.apply_orientation(orientation);
        }
    }

    /// Number of pixels.
    pub(crate) fn pixels(&self) -> u64 {
        self.width as u64 * self.height as u64
    }
}
