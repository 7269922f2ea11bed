//! One photo: from a file to a square of pixels.

use std::path::Path;

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::{DynamicImage, ImageDecoder, ImageReader, RgbImage};
use marque_formats::Crop;

use crate::Error;

/// Decodes a photo to RGB, upright: the orientation that its EXIF data give is applied. Grey photos get three
/// equal channels, transparency is dropped. The format is told by content, not by name.
///
/// # Errors
/// If the file cannot be read or decoded.
pub fn decode(path: &Path) -> Result<RgbImage, Error> {
    let decode = |source| Error::Decode { path: path.to_owned(), source };
    let reader = ImageReader::open(path)
        .and_then(ImageReader::with_guessed_format)
        .map_err(|e| Error::io("open", path, e))?;
    let mut decoder = reader.into_decoder().map_err(decode)?;
    let orientation = decoder.orientation().map_err(decode)?;
    let mut photo = DynamicImage::from_decoder(decoder).map_err(decode)?;
    photo.apply_orientation(orientation);
    Ok(photo.into_rgb8())
}

/// Cuts and resizes photos; keeps its working memory from one photo to the next.
pub struct Cutter {
    resizer: Resizer,
    size: u32,
    margin: f64,
}

impl Cutter {
    /// For squares of `size` pixels, cut `margin` (a share of the box's sides) beyond the box.
    pub fn new(size: usize, margin: f64) -> Self {
        Self { resizer: Resizer::new(), size: size as u32, margin }
    }

    /// Cuts `crop` (the whole photo if `None`) out of `photo` and squashes it to the square, into `out`
    /// (`size × size × 3` bytes). The filter is the triangle over the area that a new pixel covers:
    /// antialiased bilinear, as Pillow's `BILINEAR`.
    ///
    /// # Errors
    /// If the resizer refuses the sizes.
    pub fn cut(
        &mut self,
        photo: &RgbImage,
        crop: Option<Crop>,
        out: &mut [u8],
        path: &Path,
    ) -> Result<(), Error> {
        let resize = |reason: String| Error::Resize { path: path.to_owned(), reason };
        let (left, top, width, height) = self.window(photo, crop);
        let source = ImageRef::new(photo.width(), photo.height(), photo.as_raw(), PixelType::U8x3)
            .map_err(|e| resize(e.to_string()))?;
        let mut target = Image::from_slice_u8(self.size, self.size, out, PixelType::U8x3)
            .map_err(|e| resize(e.to_string()))?;
        let options = ResizeOptions::new()
            .resize_alg(ResizeAlg::Convolution(FilterType::Bilinear))
            .crop(left, top, width, height);
        self.resizer.resize(&source, &mut target, &options).map_err(|e| resize(e.to_string()))
    }

    /// Left, top, width and height of what to cut, within the photo.
    fn window(&self, photo: &RgbImage, crop: Option<Crop>) -> (f64, f64, f64, f64) {
        let (width, height) = (f64::from(photo.width()), f64::from(photo.height()));
        let Some(crop) = crop else { return (0.0, 0.0, width, height) };
        let (x1, y1, x2, y2) =
            (f64::from(crop.x1), f64::from(crop.y1), f64::from(crop.x2), f64::from(crop.y2));
        let (dx, dy) = ((x2 - x1) * self.margin, (y2 - y1) * self.margin);
        let (left, top) = ((x1 - dx).clamp(0.0, width - 1.0), (y1 - dy).clamp(0.0, height - 1.0));
        let (right, bottom) = ((x2 + dx).clamp(left + 1.0, width), (y2 + dy).clamp(top + 1.0, height));
        (left, top, right - left, bottom - top)
    }
}
