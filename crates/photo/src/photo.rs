//! What a file says of itself, before any pixel is decoded.

use std::io::Cursor;

use image::{ImageDecoder, ImageFormat, ImageReader, Limits};
use marque_jpeg::Header;

use crate::Error;
use crate::decoder::plain_cmyk_decoder;
use crate::recognise::unread;

/// No limit: for photos that were looked at before.
pub const ANY_SIZE: u64 = u64::MAX;

/// Bytes that a decoder of `image` may take beside those of the pixels.
const WORKING_BYTES: u64 = 256 << 20;

/// Most bytes that a pixel has: four values of 16 bits.
const BYTES_PER_PIXEL: u64 = 8;

/// A photo's file, whose header was read.
pub struct Photo<'a> {
    pub(crate) file: &'a [u8],
    pub(crate) kind: Kind,
    width: usize,
    height: usize,
    orientation: u8,
}

/// Who decodes it.
pub(crate) enum Kind {
    /// The fast decoder.
    Baseline(Box<Header>),
    /// Four colours without Adobe's marker, whose inks are not inverted; `image` takes all for inverted.
    PlainCmyk,
    /// `image`.
    Other(ImageFormat),
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
        let photo = Self::open(file)?;
        if photo.width as u64 * photo.height as u64 > max_pixels {
            return Err(Error::TooLarge { width: photo.width, height: photo.height, max_pixels });
        }
        Ok(photo)
    }

    fn open(file: &'a [u8]) -> Result<Self, Error> {
        let jpeg = |kind, width, height| {
            let orientation = marque_jpeg::exif_orientation(file).unwrap_or(1);
            Self { file, kind, width, height, orientation }
        };
        if let Ok(header) = Header::read(file) {
            let (width, height) = (header.width(), header.height());
            return Ok(jpeg(Kind::Baseline(Box::new(header)), width, height));
        }
        // General decoders fill with grey what is missing.
        if marque_jpeg::is_cut_short(file) {
            return Err(Error::CutShort);
        }
        if marque_jpeg::is_plain_cmyk(file) {
            let mut decoder = plain_cmyk_decoder(file);
            decoder.decode_headers().map_err(|e| Error::Cmyk(format!("{e:?}")))?;
            let (width, height) =
                decoder.dimensions().ok_or_else(|| Error::Cmyk("it has no size".to_owned()))?;
            return Ok(jpeg(Kind::PlainCmyk, width, height));
        }
        let Ok(format) = image::guess_format(file) else {
            return Err(unread(file).map_or(Error::NoPhoto, Error::Unread));
        };
        if !format.reading_enabled() {
            return Err(unread(file).map_or(Error::NoPhoto, Error::Unread));
        }
        let mut decoder = general_decoder(file, format, 0)?;
        let (width, height) = decoder.dimensions();
        let orientation = decoder.orientation()?.to_exif();
        let (width, height) = (width as usize, height as usize);
        Ok(Self { file, kind: Kind::Other(format), width, height, orientation })
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

    /// Number of pixels.
    pub(crate) fn pixels(&self) -> u64 {
        self.width as u64 * self.height as u64
    }
}

/// A decoder of `image` that may take as much memory as so many pixels need.
pub(crate) fn general_decoder(
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
