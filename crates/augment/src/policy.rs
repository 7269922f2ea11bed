//! Augmentation policies: from pixels and a random generator to the network's input.

use std::borrow::Cow;

use marque_contracts::schema::Normalisation;
use rand_chacha::ChaCha8Rng;

use crate::mirror::mirror_and_shift;
use crate::options::check_size;
use crate::resample::resample;
use crate::{Canvas, Draw, Error, Options, Region};

/// How photos are augmented and normalised.
#[derive(Clone, Debug)]
pub struct Policy {
    options: Options,
    normalisation: Normalisation,
    /// The mean colour, which fills blank parts.
    blank: [u8; 3],
}

impl Policy {
    /// A policy with these options.
    ///
    /// # Errors
    /// [`Error::Option`] if one is out of its range.
    pub fn new(options: Options) -> Result<Self, Error> {
        options.check()?;
        Ok(Self {
            normalisation: Normalisation::new(options.mean, options.std),
            blank: options.mean.map(|mean| (mean * 255.0).round() as u8),
            options,
        })
    }

    /// Height and width of the result for photos of `size` pixels.
    pub fn output_size(&self, size: usize) -> usize {
        self.options.output_size.unwrap_or(size)
    }

    /// Makes the random choices for a photo of `size` pixels.
    ///
    /// # Errors
    /// If that is not a size of 3 to 4096 pixels.
    pub fn draw(&self, rng: &mut ChaCha8Rng, size: usize) -> Result<Draw, Error> {
        check_size("size", size)?;
        Ok(Draw::new(&self.options, rng, size, self.output_size(size)))
    }

    /// Augments a photo: [`draw`](Self::draw) and [`render`](Self::render).
    ///
    /// # Errors
    /// As these.
    pub fn apply(
        &self,
        rng: &mut ChaCha8Rng,
        pixels: &[u8],
        size: usize,
        out: &mut [f32],
    ) -> Result<(), Error> {
        self.render(&self.draw(rng, size)?, pixels, size, out)
    }

    /// Only resizes and normalises, as for validation.
    ///
    /// # Errors
    /// As [`render`](Self::render).
    pub fn normalise(&self, pixels: &[u8], size: usize, out: &mut [f32]) -> Result<(), Error> {
        self.render(&Draw::default(), pixels, size, out)
    }

    /// Applies the choices that were drawn for a photo of `size × size` pixels, and writes it normalised:
    /// `output × output × 3` values for an [`output_size`](Self::output_size) of `output`.
    ///
    /// # Errors
    /// If `pixels` or `out` have the wrong length.
    pub fn render(&self, draw: &Draw, pixels: &[u8], size: usize, out: &mut [f32]) -> Result<(), Error> {
        let convert = |pixel: [u8; 3]| self.normalisation.pixel(pixel);
        // The mean colour, normalised.
        self.write(draw, pixels, size, out, convert, [0.0; 3])
    }

    /// As [`render`](Self::render), in uint8 and not normalised.
    ///
    /// # Errors
    /// As [`render`](Self::render).
    pub fn render_u8(&self, draw: &Draw, pixels: &[u8], size: usize, out: &mut [u8]) -> Result<(), Error> {
        self.write(draw, pixels, size, out, |pixel| pixel, self.blank)
    }

    fn write<T: Copy>(
        &self,
        draw: &Draw,
        pixels: &[u8],
        size: usize,
        out: &mut [T],
        convert: impl Fn([u8; 3]) -> [T; 3],
        blank: [T; 3],
    ) -> Result<(), Error> {
        check_size("size", size)?;
        let output = self.output_size(size);
        Error::check("the pixels", pixels.len(), size * size * 3)?;
        Error::check("the output", out.len(), output * output * 3)?;
        let resized = match draw.crop.is_some() || output != size {
            true => Cow::Owned(resample(pixels, size, draw.crop, output)?),
            false => Cow::Borrowed(pixels),
        };
        if draw.operations.is_empty() {
            mirror_and_shift(&resized, output, draw.mirrored, draw.shift, out, convert);
        } else {
            let mut placed = vec![0; resized.len()];
            mirror_and_shift(&resized, output, draw.mirrored, draw.shift, &mut placed, |pixel| pixel);
            let mut canvas = Canvas::new(output, placed)?;
            draw.operations.iter().for_each(|operation| operation.apply(&mut canvas, self.blank));
            mirror_and_shift(canvas.pixels(), output, false, [0, 0], out, convert);
        }
        if let Some(region) = draw.erased {
            fill(out, output, region, blank);
        }
        Ok(())
    }
}

/// Fills a region of a photo.
fn fill<T: Copy>(out: &mut [T], size: usize, region: Region, value: [T; 3]) {
    let columns = region.left.min(size) * 3..(region.left + region.width).min(size) * 3;
    for row in out.chunks_exact_mut(size * 3).skip(region.top).take(region.height) {
        row[columns.clone()].chunks_exact_mut(3).for_each(|pixel| pixel.copy_from_slice(&value));
    }
}
