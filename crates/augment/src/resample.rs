//! Cropping and resizing, antialiased.

use fast_image_resize::images::{CroppedImage, Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use crate::{Error, Region};

/// Resizes a region of a photo of `size` pixels (all of it if `None`) to `output` pixels: bilinear over the area that a
/// new pixel covers, with Pillow's arithmetic.
pub(crate) fn resample(
    pixels: &[u8],
    size: usize,
    crop: Option<Region>,
    output: usize,
) -> Result<Vec<u8>, Error> {
    let refused = |reason: String| Error::Resize(reason);
    let side = |size: usize| u32::try_from(size).map_err(|e| Error::Resize(e.to_string()));
    let source = ImageRef::new(side(size)?, side(size)?, pixels, PixelType::U8x3)
        .map_err(|e| refused(e.to_string()))?;
    let mut target = Image::new(side(output)?, side(output)?, PixelType::U8x3);
    let [left, top, width, height] = match crop {
        Some(region) => [side(region.left)?, side(region.top)?, side(region.width)?, side(region.height)?],
        None => [0, 0, side(size)?, side(size)?],
    };
    // Cut first: pixels around the part have no say in its edge, as if there were none.
    let part = CroppedImage::new(&source, left, top, width, height).map_err(|e| refused(e.to_string()))?;
    let options =
        ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear)).use_alpha(false);
    Resizer::new().resize(&part, &mut target, &options).map_err(|e| refused(e.to_string()))?;
    Ok(target.into_vec())
}
