//! Resizing, by filters that are Pillow's.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use marque_contracts::schema::Filter;

use crate::Error;
use crate::budget::KEPT;
use crate::pixels::Pixels;
use crate::region::Region;

/// Largest intermediate picture of a photo that is resized down first, in bytes; a photo that would have a larger one, and
/// one larger than itself, is a strip, and resized across first.
const INTERMEDIATE: usize = 64 << 20;

/// The highest and widest square that photos become, in pixels.
const LARGEST_SQUARE: usize = 1024;

/// The most bytes that resizing a photo of `width × height` pixels to any square, or turning it, takes beside it.
pub(crate) fn resizing_bytes(width: usize, height: usize) -> u64 {
    let [width, height, square] = [width, height, LARGEST_SQUARE].map(|side| side as u64);
    let down_first = 3 * width.saturating_mul(height.max(square));
    let picture = if down_first <= INTERMEDIATE as u64 {
        // Across first where filters overshoot.
        down_first.max(3 * height.saturating_mul(width.max(square)))
    } else {
        3 * width.saturating_mul(height) + 3 * square * square
    };
    // The weights of each pixel in a row or column, of 8 bytes and once more, by a filter 6 pixels wide.
    picture.saturating_add(96 * (width + height))
}

/// Resizes a region of a photo to `width × height`, into `resized`: by weighted means down first, which is quicker, by the other
/// filters across first, as Pillow does (since version 13 not where height shrinks by much more than width): their overshoots are
/// cut off between both, and the order decides which.
pub(crate) fn resize_region(
    resizer: &mut Resizer,
    filter: Filter,
    source: &Pixels<'_>,
    region: Region,
    (width, height): (usize, usize),
    resized: &mut Vec<u8>,
) -> Result<(), Error> {
    let intermediate = 3 * source.width.saturating_mul(height);
    let strip = intermediate > INTERMEDIATE && height as f64 > region.height;
    let result = if strip || filter != Filter::Bilinear {
        let mut strip = Vec::new();
        let across = Region { top: 0.0, height: source.height as f64, ..region };
        resize_by(resizer, filter, source, across, (width, source.height), &mut strip)?;
        let strip = Pixels { width, height: source.height, rgb: &strip };
        let down = Region { left: 0.0, width: width as f64, ..region };
        resize_by(resizer, filter, &strip, down, (width, height), resized)
    } else {
        resize_by(resizer, filter, source, region, (width, height), resized)
    };
    if intermediate > KEPT {
        resizer.reset_internal_buffers();
    }
    result
}

fn resize_by(
    resizer: &mut Resizer,
    filter: Filter,
    source: &Pixels<'_>,
    region: Region,
    (width, height): (usize, usize),
    resized: &mut Vec<u8>,
) -> Result<(), Error> {
    let wrong = |error: &dyn std::fmt::Display| Error::Resize(error.to_string());
    let side = |side: usize| u32::try_from(side).map_err(|e| wrong(&e));
    let filter = match filter {
        Filter::Bilinear => FilterType::Bilinear,
        Filter::Bicubic => FilterType::CatmullRom,
        Filter::Lanczos => FilterType::Lanczos3,
    };
    resized.resize(width * height * 3, 0);
    // Typed: through `Resizer::resize` all kinds of pixels are compiled, which takes ten times as long.
    let photo = TypedImageRef::<U8x3>::from_buffer(side(source.width)?, side(source.height)?, source.rgb)
        .map_err(|e| wrong(&e))?;
    let mut target =
        TypedImage::<U8x3>::from_buffer(side(width)?, side(height)?, resized).map_err(|e| wrong(&e))?;
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter)).crop(
        region.left,
        region.top,
        region.width,
        region.height,
    );
    resizer.resize_typed(&photo, &mut target, &options).map_err(|e| wrong(&e))
}
