//! What a file says of itself, before any pixel is decoded.

use image::{ImageDecoder, ImageFormat};

use crate::libjpeg::Decompressor;
use crate::recognise::unread;
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
    orientation: u8,
    decode_bytes: u64,
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
        let photo = match image::guess_format(file) {
            Ok(ImageFormat::Jpeg) => Self::jpeg(file)?,
            Ok(format) if format.reading_enabled() => Self::other(file, format)?,
            _ => return Err(unread(file).map_or(Error::NoPhoto, Error::Unread)),
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
        // Three bytes a pixel for the result. Of several scans, two for each coefficient, in whole units of at most
        // 32 pixels across and down.
        let units = (width.next_multiple_of(32) * height.next_multiple_of(32)) as u64;
        let coefficients =
            if header.has_multiple_scans() { units * 2 * header.components() as u64 } else { 0 };
        let decode_bytes = (width * height) as u64 * 3 + coefficients;
        Ok(Self { file, format: ImageFormat::Jpeg, width, height, orientation, decode_bytes })
    }

    fn other(file: &'a [u8], format: ImageFormat) -> Result<Self, Error> {
        let mut decoder = raster::decoder(file, format, 0)?;
        let (width, height) = decoder.dimensions();
        let (exif, xmp) = (decoder.exif_metadata()?, decoder.xmp_metadata()?);
        let orientation = exif::orientation(exif.as_deref(), xmp.as_deref());
        let (width, height) = (width as usize, height as usize);
        // What the decoder gives, and eight bits for each colour and opacity made of it.
        let decode_bytes = decoder.total_bytes().saturating_add((width * height) as u64 * 4);
        Ok(Self { file, format, width, height, orientation, decode_bytes })
    }

    /// Width in pixels, as stored.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels, as stored.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Its EXIF orientation, 1 (as it is) to 8; 1 if the file does not say.
    pub fn orientation(&self) -> u8 {
        self.orientation
    }

    /// Width and height in pixels, upright.
    pub fn upright_size(&self) -> (usize, usize) {
        match self.orientation {
            5..=8 => (self.height, self.width),
            _ => (self.width, self.height),
        }
    }

    /// About the bytes of memory that decoding takes: 3 a pixel for JPEG of one scan, up to 11 for several (progressive,
    /// four inks), 7 to 12 for the other formats (12: opacity and 16 bits).
    pub fn decode_bytes(&self) -> u64 {
        self.decode_bytes
    }

    /// Number of pixels.
    pub(crate) fn pixels(&self) -> u64 {
        self.width as u64 * self.height as u64
    }
}
