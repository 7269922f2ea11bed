//! Text on pictures, in a font that is rasterised already.

use image::{Rgb, RgbImage};
use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};

/// Height of a line, in pixels.
pub(crate) const LINE: u32 = 16;

const WEIGHT: FontWeight = FontWeight::Regular;
const HEIGHT: RasterHeight = RasterHeight::Size16;

/// Characters that fit into a width.
pub(crate) fn fitting(width: u32) -> usize {
    width as usize / get_raster_width(WEIGHT, HEIGHT)
}

/// Writes a line with its top left corner at `x`, `y`. What the font lacks shows as `?`, what does not fit on
/// the picture is cut off.
pub(crate) fn write_line(picture: &mut RgbImage, x: u32, y: u32, text: &str, colour: Rgb<u8>) {
    let mut left = x;
    for c in text.chars() {
        let Some(glyph) = get_raster(c, WEIGHT, HEIGHT).or_else(|| get_raster('?', WEIGHT, HEIGHT)) else {
            continue;
        };
        for (row, coverage) in (y..).zip(glyph.rows()) {
            for (column, coverage) in (left..).zip(coverage) {
                if let Some(pixel) = picture.get_pixel_mut_checked(column, row) {
                    blend(pixel, colour, *coverage);
                }
            }
        }
        left += glyph.width() as u32;
    }
}

fn blend(pixel: &mut Rgb<u8>, colour: Rgb<u8>, coverage: u8) {
    for (old, new) in pixel.0.iter_mut().zip(colour.0) {
        let (old_share, new_share) = (255 - u16::from(coverage), u16::from(coverage));
        *old = ((u16::from(*old) * old_share + u16::from(new) * new_share + 127) / 255) as u8;
    }
}
