//! Cropping and resizing, antialiased.

use std::fmt::Display;

use fast_image_resize::images::{TypedCroppedImage, TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};

use crate::{Error, Region};

/// Resizes a region of a photo of `size` pixels (all of it if `None`) to `output` pixels: bilinear over the area that a
/// new pixel covers, with Pillow's arithmetic.
pub(crate) fn resample(
    pixels: &[u8],
    size: usize,
    crop: Option<Region>,
    output: usize,
) -> Result<Vec<u8>, Error> {
    let region = crop.unwrap_or(Region { left: 0, top: 0, width: size, height: size });
    resample_to(pixels, size, region, [output; 2])
}

/// The same to a rectangle of so many pixels across and down.
pub(crate) fn resample_to(
    pixels: &[u8],
    size: usize,
    region: Region,
    [across, down]: [usize; 2],
) -> Result<Vec<u8>, Error> {
    let refused = |error: &dyn Display| Error::Resize(error.to_string());
    let side = |size: usize| u32::try_from(size).map_err(|e| refused(&e));
    let Region { left, top, width, height } = region;
    // Typed: through `Resizer::resize` all kinds of pixels are compiled, which takes ten times as long.
    let source =
        TypedImageRef::<U8x3>::from_buffer(side(size)?, side(size)?, pixels).map_err(|e| refused(&e))?;
    // Cut first: pixels around the part have no say in its edge, as if there were none.
    let part = TypedCroppedImage::from_ref(&source, side(left)?, side(top)?, side(width)?, side(height)?)
        .map_err(|e| refused(&e))?;
    let mut resized = vec![0; across * down * 3];
    let mut target =
        TypedImage::<U8x3>::from_buffer(side(across)?, side(down)?, &mut resized).map_err(|e| refused(&e))?;
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
    Resizer::new().resize_typed(&part, &mut target, &options).map_err(|e| refused(&e))?;
    Ok(resized)
}
