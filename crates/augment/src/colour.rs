//! Changes of colours that are more than a table, and of sharpness. Arithmetic as in Pillow's `ImageEnhance`,
//! for hues as in torchvision's `adjust_hue` of tensors.

use crate::Canvas;
use crate::levels::{self, Levels, blend};

/// Lightness of a pixel by the weights of ITU-R BT.601, in Pillow's fixed point.
#[inline]
fn grey(r: u8, g: u8, b: u8) -> u8 {
    ((u32::from(r) * 19595 + u32::from(g) * 38470 + u32::from(b) * 7471 + 0x8000) >> 16) as u8
}

/// A table that goes from black towards the photo by `factor`.
pub(crate) fn brightness(factor: f64) -> Levels {
    levels::for_all(|byte| blend(0, byte, factor as f32))
}

/// A table that goes from the photo's mean grey towards the photo by `factor`.
pub(crate) fn contrast(canvas: &Canvas, factor: f64) -> Levels {
    let sum: u64 = canvas.pixels.chunks_exact(3).map(|p| u64::from(grey(p[0], p[1], p[2]))).sum();
    let pixels = (canvas.size * canvas.size) as f64;
    let mean = (sum as f64 / pixels + 0.5) as u8;
    levels::for_all(|byte| blend(mean, byte, factor as f32))
}

/// Goes from greys towards the photo by `factor`.
pub(crate) fn saturate(canvas: &mut Canvas, factor: f64) {
    let factor = factor as f32;
    for [r, g, b] in canvas.pixels.as_chunks_mut().0 {
        let grey = grey(*r, *g, *b);
        (*r, *g, *b) = (blend(grey, *r, factor), blend(grey, *g, factor), blend(grey, *b, factor));
    }
}

/// Goes from the smoothed photo towards the photo by `factor`. The outermost pixels stay.
pub(crate) fn sharpen(canvas: &mut Canvas, factor: f64) {
    let (stride, factor) = (canvas.size * 3, factor as f32);
    canvas.rewrite(|from, to| {
        to.copy_from_slice(from);
        let inner = to.chunks_exact_mut(stride).skip(1);
        for (above, row) in from.windows(3 * stride).step_by(stride).zip(inner) {
            let (above, rest) = above.split_at(stride);
            let (here, below) = rest.split_at(stride);
            sharpen_row(above, here, below, row, factor);
        }
    });
}

/// The kernel is 5 in the middle and 1 around it, over 13.
fn sharpen_row(above: &[u8], here: &[u8], below: &[u8], row: &mut [u8], factor: f32) {
    let inner = row.len() - 6;
    let windows = above.windows(7).zip(here.windows(7)).zip(below.windows(7));
    for (((above, here), below), out) in windows.zip(&mut row[3..3 + inner]) {
        let three = |w: &[u8]| u32::from(w[0]) + u32::from(w[3]) + u32::from(w[6]);
        let sum = three(above) + three(here) + three(below) + 4 * u32::from(here[3]);
        let smooth = ((2 * sum + 13) / 26) as u8;
        *out = blend(smooth, here[3], factor);
    }
}

/// Turns hues by `turn`, a share of the colour circle.
pub(crate) fn turn_hues(canvas: &mut Canvas, turn: f64) {
    for pixel in canvas.pixels.as_chunks_mut().0 {
        *pixel = turn_hue(*pixel, turn as f32);
    }
}

fn turn_hue(rgb: [u8; 3], turn: f32) -> [u8; 3] {
    let [r, g, b] = rgb.map(|byte| f32::from(byte) / 255.0);
    let (highest, lowest) = (r.max(g).max(b), r.min(g).min(b));
    let chroma = highest - lowest;
    if chroma == 0.0 {
        return rgb;
    }
    let saturation = chroma / highest;
    let sector = if highest == r {
        (g - b) / chroma
    } else if highest == g {
        2.0 + (b - r) / chroma
    } else {
        4.0 + (r - g) / chroma
    };
    // Six sectors to the circle, and one round more so that it is positive and a conversion cuts off the part.
    let hue = sector + 6.0 * turn + 6.0;
    let whole = hue as u32;
    let part = hue - whole as f32;
    let p = highest * (1.0 - saturation);
    let q = highest * (1.0 - saturation * part);
    let t = highest * (1.0 - saturation * (1.0 - part));
    let turned = match whole % 6 {
        0 => [highest, t, p],
        1 => [q, highest, p],
        2 => [p, highest, t],
        3 => [p, q, highest],
        4 => [t, p, highest],
        _ => [highest, p, q],
    };
    turned.map(|value| (value * 255.999) as u8)
}
