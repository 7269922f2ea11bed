//! Small copies of photos that travel inside the page.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::DynamicImage;
use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use marque_photo::{ANY_SIZE, Budget, Decoder, Photo};

use crate::Error;

/// Longest side in pixels: sharp on screens of double density at the width that the page gives a photo.
const LONGEST: u32 = 320;

/// JPEG quality, from 1 to 100.
const QUALITY: u8 = 80;

/// What is behind transparent photos: red, green, blue.
const BEHIND: [u8; 3] = [255; 3];

/// A photo as a JPEG of at most 320 pixels a side.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Thumbnail {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// `data:image/jpeg;base64,…`
    pub data_uri: String,
}

impl Thumbnail {
    /// Shrinks the photo at `path`, turned the way its EXIF orientation says, once there is memory for it.
    ///
    /// # Errors
    /// If the photo cannot be read or decoded.
    pub fn of_file(path: &Path, budget: &Budget) -> Result<Self, Error> {
        let wrong = |source| Error::Photo { path: path.to_owned(), source };
        let file = fs_err::read(path)?;
        let photo = Photo::read(&file, ANY_SIZE).map_err(wrong)?;
        let shrink = |image| Self::of_image(&DynamicImage::ImageRgb8(image));
        Decoder::new(budget).upright(&photo, BEHIND, shrink).map_err(wrong)?
    }

    /// Shrinks an image; a small one keeps its size.
    ///
    /// # Errors
    /// If it cannot be encoded: it has no pixels, say.
    pub fn of_image(image: &DynamicImage) -> Result<Self, Error> {
        let small = match image.width().max(image.height()) > LONGEST {
            true => image.resize(LONGEST, LONGEST, FilterType::CatmullRom).into_rgb8(),
            false => image.to_rgb8(),
        };
        let mut jpeg = Vec::new();
        JpegEncoder::new_with_quality(&mut jpeg, QUALITY).encode_image(&small).map_err(Error::Thumbnail)?;
        let data_uri = format!("data:image/jpeg;base64,{}", STANDARD.encode(&jpeg));
        Ok(Self { width: small.width(), height: small.height(), data_uri })
    }
}
