//! One photo: from the bytes of a file to a square of pixels.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use marque_formats::Crop;
use marque_photo::{ANY_SIZE, Decoder, Photo, Pixels, Reduction};

use crate::fit::{Placement, Window};
use crate::turn::Turn;
use crate::{Filter, Fit, Reason, Settings};

/// A JPEG file may be reduced while it is decoded as long as this many of its pixels are left, across and down, for
/// each new one: then the result differs from that of the whole photo by less than a level in the mean.
const LEFT_TO_RESIZE: f64 = 1.5;

/// Renders photos; keeps its working memory from one to the next.
pub struct Renderer {
    size: usize,
    margin: f64,
    fit: Fit,
    background: [u8; 3],
    filter: FilterType,
    decoder: Decoder,
    resizer: Resizer,
    /// The resized part, not yet turned, four bytes a pixel.
    tile: Vec<u8>,
}

/// What is said of a rendered photo.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rendered {
    /// Width of the upright photo in pixels.
    pub width: usize,
    /// Height of the upright photo in pixels.
    pub height: usize,
}

impl Renderer {
    /// A renderer by the settings; whether photos are cropped is up to the caller of [`Renderer::render`].
    pub fn new(settings: &Settings) -> Self {
        Self {
            size: settings.size,
            margin: settings.margin,
            fit: settings.fit,
            background: settings.background,
            filter: kernel(settings.resize),
            decoder: Decoder::new(),
            resizer: Resizer::new(),
            tile: Vec::new(),
        }
    }

    /// Renders the photo in `file` into `out`: `size × size × 3` bytes, rows from the top, RGB. `crop` is the box in
    /// the upright photo; `None` takes the whole.
    ///
    /// # Errors
    /// If the photo cannot be decoded, or has no pixels.
    pub fn render(&mut self, file: &[u8], crop: Option<Crop>, out: &mut [u8]) -> Result<Rendered, Reason> {
        let photo = Photo::read(file, ANY_SIZE)?;
        let stored = (photo.width(), photo.height());
        let turn = Turn::from_exif(photo.orientation());
        let (window, placement) = self.plan(stored, turn, crop);
        let tile = turn.sides(sides(placement));
        let pixels = self.decoder.decode(&photo, reduction(window, tile), self.background)?;
        let factor = pixels.reduction.factor() as f64;
        let window = Window {
            left: window.left / factor,
            top: window.top / factor,
            width: window.width / factor,
            height: window.height / factor,
        };
        resize(&mut self.resizer, self.filter, &pixels, window, tile, &mut self.tile)?;
        self.place(turn, placement, out);
        let (width, height) = turn.sides(stored);
        Ok(Rendered { width, height })
    }

    /// What of the stored photo is taken, and where it goes in the upright square.
    fn plan(&self, (width, height): (usize, usize), turn: Turn, crop: Option<Crop>) -> (Window, Placement) {
        let stored = (width as f64, height as f64);
        let upright = turn.sides(stored);
        let (window, placement) = Window::around(crop, self.margin, upright).fitted(self.fit, self.size);
        (turn.stored_window(window, stored), placement)
    }

    /// Lays the tile into the square, upright, with the background around it.
    fn place(&self, turn: Turn, placement: Placement, out: &mut [u8]) {
        let (pixels, _) = out.as_chunks_mut::<3>();
        let (tile, _) = self.tile.as_chunks::<4>();
        if turn == Turn::default() && placement.width == self.size && placement.height == self.size {
            for (out, &[red, green, blue, _]) in pixels.iter_mut().zip(tile) {
                *out = [red, green, blue];
            }
            return;
        }
        pixels.fill(self.background);
        let stored = turn.sides(sides(placement));
        for y in 0..placement.height {
            let start = (placement.top + y) * self.size + placement.left;
            for (x, out) in pixels[start..][..placement.width].iter_mut().enumerate() {
                let (x, y) = turn.stored_pixel((x, y), stored);
                let [red, green, blue, _] = tile[y * stored.0 + x];
                *out = [red, green, blue];
            }
        }
    }
}

fn sides(placement: Placement) -> (usize, usize) {
    (placement.width, placement.height)
}

/// The most by which a photo may be reduced while it is decoded.
fn reduction(window: Window, (width, height): (usize, usize)) -> Reduction {
    let pixels = (window.width / width as f64).min(window.height / height as f64);
    let allowed = |reduction: &Reduction| pixels >= LEFT_TO_RESIZE * reduction.factor() as f64;
    Reduction::ALL.into_iter().rfind(allowed).unwrap_or_default()
}

/// What the resizer calls a filter.
fn kernel(filter: Filter) -> FilterType {
    match filter {
        Filter::Bilinear => FilterType::Bilinear,
        Filter::Bicubic => FilterType::CatmullRom,
        Filter::Lanczos => FilterType::Lanczos3,
    }
}

/// Resizes a window of a photo to `width × height`, into `tile`.
fn resize(
    resizer: &mut Resizer,
    filter: FilterType,
    source: &Pixels<'_>,
    window: Window,
    (width, height): (usize, usize),
    tile: &mut Vec<u8>,
) -> Result<(), Reason> {
    let reason = |error: &dyn std::fmt::Display| Reason::Resize(error.to_string());
    let side = |side: usize| u32::try_from(side).map_err(|e| reason(&e));
    tile.resize(width * height * 4, 0);
    let photo = ImageRef::new(side(source.width)?, side(source.height)?, source.rgbx, PixelType::U8x4)
        .map_err(|e| reason(&e))?;
    let mut target =
        Image::from_slice_u8(side(width)?, side(height)?, tile, PixelType::U8x4).map_err(|e| reason(&e))?;
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter)).use_alpha(false).crop(
        window.left,
        window.top,
        window.width,
        window.height,
    );
    resizer.resize(&photo, &mut target, &options).map_err(|e| reason(&e))
}
