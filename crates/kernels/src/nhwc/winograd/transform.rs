//! The transforms of tiles in two dimensions, made of the `formulas` in one.
//!
//! In the notation of Lavin and Gray: the input's `Bᵀ d B`, the output's `Aᵀ m A`, and for the gradient of the kernel the
//! transposed `A dy Aᵀ`. A point of the transformed domain is numbered `row * POINTS + column`.

// Indices say more than iterators here: they are those of the formulas. And a vector in an iterator's hands may
// be compiled without the vector's instructions.
#![allow(clippy::needless_range_loop)]

use super::formulas::{POINTS, SIZE, column, input, needs, output, output_transposed};
use super::points::{ALL, Points};
use super::tiling::{MAX_CHANNELS, Tiling};
use crate::nhwc::batch_norm::Normalisation;
use crate::nhwc::conv_input::ConvInput;
use crate::simd::Simd;
use std::ops::Range;

/// What lies outside of the images, for as many channels as a layer may have.
static ZEROS: [f32; MAX_CHANNELS] = [0.0; MAX_CHANNELS];

/// Where the `N`×`N` pixels of a window begin, whose top left one is at `(top, left)` of an image that starts at
/// `first` in `x`; zeros for those outside of the image. All can be read for `channels` values.
#[inline(always)]
fn window<const N: usize>(
    tiling: &Tiling,
    x: &[f32],
    first: usize,
    (top, left): (isize, isize),
    channels: usize,
) -> [[*const f32; N]; N] {
    let mut pixels = [[ZEROS.as_ptr(); N]; N];
    for i in 0..N {
        let row = top + i as isize;
        for j in 0..N {
            let column = left + j as isize;
            let inside = row >= 0 && row < tiling.height as isize;
            if inside && column >= 0 && column < tiling.width as isize {
                let pixel = row as usize * tiling.width + column as usize;
                pixels[i][j] = x[first + pixel * channels..][..channels].as_ptr();
            }
        }
    }
    pixels
}

/// One tile: where it is, and its height and width.
struct Tile {
    image: usize,
    top: usize,
    left: usize,
    column: usize,
    size: [usize; 2],
}

/// The tiles of a band.
fn tiles(tiling: &Tiling, band: usize) -> impl Iterator<Item = Tile> {
    let t = *tiling;
    (0..t.columns).map(move |column| Tile {
        image: band / t.rows,
        top: band % t.rows * SIZE,
        left: column * SIZE,
        column,
        size: [t.band_height(band), t.tile_width(column)],
    })
}

/// A whole tile's size, which the compiler then knows.
const WHOLE: [usize; 2] = [SIZE; 2];

/// Writes the transformed input tiles to `to`, where `points` says. `x` is the whole batch, NHWC; around the images are
/// zeros.
#[inline(always)]
pub(super) fn input_tiles<S: Simd>(s: S, x: ConvInput<'_, f32>, points: &Points, to: &mut [f32]) {
    let (tiling, channels) = (&points.tiling, points.channels);
    points.check::<S>(to.len());
    x.norm.into_iter().for_each(|norm| norm.check(channels));
    let image_len = tiling.height * tiling.width * channels;
    for band in points.bands.clone() {
        let starts = &points.starts(band);
        for tile in tiles(tiling, band) {
            let corner = (tile.top as isize - 1, tile.left as isize - 1);
            let pixels = &window(tiling, x.values, tile.image * image_len, corner, channels);
            // SAFETY: by `check`, channels come in whole vectors and every row of every point lies inside of `to`; the
            // tile has one at each point that it needs. The norm was checked too.
            unsafe {
                let to = to.as_mut_ptr().add(tile.column * points.stride);
                match (tile.size, x.norm) {
                    (WHOLE, None) => input_tile(s, WHOLE, pixels, None, channels, starts, to),
                    (WHOLE, norm) => input_tile(s, WHOLE, pixels, norm, channels, starts, to),
                    (size, norm) => input_tile(s, size, pixels, norm, channels, starts, to),
                }
            }
        }
    }
}

/// Of the pixels, or, if there is a norm, of what it and a ReLU make of them; what is outside of the image stays zero.
///
/// # Safety
/// All pixels, and the norm, have `channels` readable values, in whole vectors; there is room for as many at each of the
/// `starts` in `to` that a tile of that size needs.
#[inline(always)]
unsafe fn input_tile<S: Simd>(
    s: S,
    [height, width]: [usize; 2],
    pixels: &[[*const f32; POINTS]; POINTS],
    norm: Option<&Normalisation>,
    channels: usize,
    starts: &[usize; ALL],
    to: *mut f32,
) {
    for channel in (0..channels).step_by(S::LANES) {
        // SAFETY: passed on from the caller.
        unsafe {
            let norm = norm.map(|norm| {
                [&norm.mean, &norm.scale, &norm.shift].map(|values| s.load(values.as_ptr().add(channel)))
            });
            let mut d = [[s.splat(0.0); POINTS]; POINTS];
            for i in 0..height + 2 {
                for j in 0..width + 2 {
                    let value = s.load(pixels[i][j].add(channel));
                    d[i][j] = match norm {
                        // As `normalise` rounds it.
                        Some([mean, scale, shift]) if pixels[i][j] != ZEROS.as_ptr() => {
                            s.relu(s.add(s.mul(s.sub(value, mean), scale), shift))
                        }
                        _ => value,
                    };
                }
                d[i] = input(s, width, d[i]);
            }
            let to = to.add(channel);
            for j in 0..POINTS {
                if needs(width, j) {
                    store_column(s, height, j, input(s, height, column(&d, j)), starts, to);
                }
            }
        }
    }
}

/// Writes the values of a column of points to where they are needed.
///
/// # Safety
/// There is room for a vector at each of the `starts` in `to` that a tile of that height needs in this column.
#[inline(always)]
unsafe fn store_column<S: Simd>(
    s: S,
    height: usize,
    column: usize,
    values: [S::V; POINTS],
    starts: &[usize; ALL],
    to: *mut f32,
) {
    for i in 0..POINTS {
        if needs(height, i) {
            // SAFETY: passed on from the caller.
            unsafe { s.store(to.add(starts[i * POINTS + column]), values[i]) };
        }
    }
}

/// Writes the output pixels of `bands`, some or all of the points', to `y`, or adds them if `accumulate`; `y` starts with
/// their first row of pixels. `from` gives the products from a channel on, which lie where `points` says.
#[inline(always)]
pub(super) fn output_tiles<'a, S: Simd>(
    s: S,
    points: &Points,
    bands: Range<usize>,
    outputs: usize,
    from: impl Fn(usize) -> &'a [f32],
    accumulate: bool,
    y: &mut [f32],
) {
    assert!(outputs.is_multiple_of(S::LANES) && points.channels.is_multiple_of(S::LANES), "whole vectors");
    assert!(points.bands.start <= bands.start && bands.end <= points.bands.end, "bands of these points");
    let tiling = &points.tiling;
    let first = tiling.pixel_row(bands.start);
    let row_len = tiling.width * outputs;
    assert_eq!(y.len(), (tiling.pixel_row(bands.end) - first) * row_len, "the pixels of the bands");
    let starts: Vec<_> = bands.clone().map(|band| points.starts(band)).collect();
    for channel in (0..outputs).step_by(S::LANES) {
        let products = from(channel);
        assert!(points.values() <= products.len() + channel % points.channels, "the products of all tiles");
        for (band, starts) in bands.clone().zip(&starts) {
            for tile in tiles(tiling, band) {
                let row = tile.image * tiling.height + tile.top - first;
                // SAFETY: there are products of the tile at each point that it needs. Its pixels lie inside of the image,
                // and so inside of `y`, which holds all rows of pixels of the bands.
                unsafe {
                    let products = products.as_ptr().add(tile.column * points.stride);
                    let y = y.as_mut_ptr().add(row * row_len + tile.left * outputs + channel);
                    match tile.size {
                        WHOLE => output_tile(s, WHOLE, starts, products, accumulate, [row_len, outputs], y),
                        size => output_tile(s, size, starts, products, accumulate, [row_len, outputs], y),
                    }
                }
            }
        }
    }
}

/// # Safety
/// A vector can be read at each of the `starts` in `products` that a tile of that size needs, and written for each of its
/// pixels, which are `[from row to row, from column to column]` apart.
#[inline(always)]
unsafe fn output_tile<S: Simd>(
    s: S,
    [height, width]: [usize; 2],
    starts: &[usize; ALL],
    products: *const f32,
    accumulate: bool,
    [row, pixel]: [usize; 2],
    y: *mut f32,
) {
    // SAFETY: passed on from the caller.
    unsafe {
        let mut q = [[s.splat(0.0); SIZE]; POINTS];
        for i in 0..POINTS {
            if needs(height, i) {
                let mut m = [s.splat(0.0); POINTS];
                for j in 0..POINTS {
                    if needs(width, j) {
                        m[j] = s.load(products.add(starts[i * POINTS + j]));
                    }
                }
                q[i] = output(s, width, m);
            }
        }
        for j in 0..width {
            let values = output(s, height, column(&q, j));
            for i in 0..height {
                let y = y.add(i * row + j * pixel);
                let value = if accumulate { s.add(s.load(y), values[i]) } else { values[i] };
                s.store(y, value);
            }
        }
    }
}

/// Writes `A dy Aᵀ` of the tiles to `to`, where `points` says. `dy` is the whole batch.
#[inline(always)]
pub(super) fn gradient_tiles<S: Simd>(s: S, dy: &[f32], points: &Points, to: &mut [f32]) {
    let (tiling, channels) = (&points.tiling, points.channels);
    points.check::<S>(to.len());
    let image_len = tiling.height * tiling.width * channels;
    for band in points.bands.clone() {
        let starts = &points.starts(band);
        for tile in tiles(tiling, band) {
            let corner = (tile.top as isize, tile.left as isize);
            let pixels = &window(tiling, dy, tile.image * image_len, corner, channels);
            // SAFETY: by `check`, channels come in whole vectors and every row of every point lies inside of `to`; the
            // tile has one at each point that it needs.
            unsafe {
                let to = to.as_mut_ptr().add(tile.column * points.stride);
                match tile.size {
                    WHOLE => gradient_tile(s, WHOLE, pixels, channels, starts, to),
                    size => gradient_tile(s, size, pixels, channels, starts, to),
                }
            }
        }
    }
}

/// # Safety
/// As [`input_tile`].
#[inline(always)]
unsafe fn gradient_tile<S: Simd>(
    s: S,
    [height, width]: [usize; 2],
    pixels: &[[*const f32; SIZE]; SIZE],
    channels: usize,
    starts: &[usize; ALL],
    to: *mut f32,
) {
    for channel in (0..channels).step_by(S::LANES) {
        // SAFETY: passed on from the caller.
        unsafe {
            let mut q = [[s.splat(0.0); POINTS]; SIZE];
            for i in 0..height {
                let mut d = [s.splat(0.0); SIZE];
                for j in 0..width {
                    d[j] = s.load(pixels[i][j].add(channel));
                }
                q[i] = output_transposed(s, width, d);
            }
            let to = to.add(channel);
            for j in 0..POINTS {
                if needs(width, j) {
                    store_column(s, height, j, output_transposed(s, height, column(&q, j)), starts, to);
                }
            }
        }
    }
}
