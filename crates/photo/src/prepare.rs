//! From the bytes of a file to the square of pixels that the network sees: decode, crop, resize, upright.

use fast_image_resize::Resizer;
use marque_contracts::schema::{Crop, Preparation};

use crate::budget::Budget;
use crate::decoder::Decoder;
use crate::orientation::Orientation;
use crate::photo::Photo;
use crate::region::{Placement, Region};
use crate::resize::resize_region;
use crate::{ANY_SIZE, Error};

/// Prepares photos one after the other, in memory of a budget that all preparers share.
pub struct Preparer<'b> {
    preparation: Preparation,
    decoder: Decoder<'b>,
    resizer: Resizer,
    /// The resized region, as stored, not yet upright.
    resized: Vec<u8>,
}

/// A photo as the network sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Prepared {
    /// `size × size × 3` levels, rows from the top, red, green, blue.
    pub rgb: Vec<u8>,
    /// Width and height of the upright photo that it was made of, in pixels.
    pub photo: (usize, usize),
}

/// Prepares one photo, from the bytes of its file; see [`Preparer::prepare`].
///
/// # Errors
/// If the photo cannot be decoded, or has no pixels.
pub fn prepare(file: &[u8], crop: Option<Crop>, preparation: &Preparation) -> Result<Prepared, Error> {
    let mut rgb = vec![0; preparation.size * preparation.size * 3];
    let budget = Budget::unlimited();
    let photo = Preparer::new(preparation, &budget).prepare(&Photo::read(file, ANY_SIZE)?, crop, &mut rgb)?;
    Ok(Prepared { rgb, photo })
}

impl<'b> Preparer<'b> {
    /// A preparer without any memory yet.
    pub fn new(preparation: &Preparation, budget: &'b Budget) -> Self {
        Self {
            preparation: preparation.clone(),
            decoder: Decoder::new(budget),
            resizer: Resizer::new(),
            resized: Vec::new(),
        }
    }

    /// Height and width of the squares, in pixels.
    pub fn size(&self) -> usize {
        self.preparation.size
    }

    /// Writes the photo into `out`: `size × size × 3` levels, rows from the top, red, green, blue. `crop` is the box in
    /// the upright photo; without one, and if the preparation does not crop, the whole photo is taken. Returns width
    /// and height of the upright photo in pixels.
    ///
    /// # Errors
    /// If the photo cannot be decoded, or has no pixels.
    ///
    /// # Panics
    /// If `out` has another length.
    pub fn prepare(
        &mut self,
        photo: &Photo<'_>,
        crop: Option<Crop>,
        out: &mut [u8],
    ) -> Result<(usize, usize), Error> {
        let preparation = self.preparation.clone();
        self.prepare_each(photo, [(&preparation, crop, out)])
    }

    /// As [`prepare`](Self::prepare), and writes the whole photo as a square of `size` pixels into `whole`.
    ///
    /// # Errors
    /// As `prepare`.
    ///
    /// # Panics
    /// As `prepare`.
    pub fn prepare_with_whole(
        &mut self,
        photo: &Photo<'_>,
        crop: Option<Crop>,
        out: &mut [u8],
        size: usize,
        whole: &mut [u8],
    ) -> Result<(usize, usize), Error> {
        let (cut, uncut) = (self.preparation.clone(), self.preparation.whole(size));
        self.prepare_each(photo, [(&cut, crop, out), (&uncut, None, whole)])
    }

    /// Decodes the photo once, and makes squares of it.
    fn prepare_each<const N: usize>(
        &mut self,
        photo: &Photo<'_>,
        squares: [(&Preparation, Option<Crop>, &mut [u8]); N],
    ) -> Result<(usize, usize), Error> {
        let orientation = photo.orientation();
        let stored = (photo.width() as f64, photo.height() as f64);
        let upright = orientation.sides(stored);
        let (resizer, resized) = (&mut self.resizer, &mut self.resized);
        self.decoder.decode(photo, self.preparation.background, |pixels| {
            squares.into_iter().try_for_each(|(preparation, crop, out)| {
                let &Preparation { size, margin, fit, resize, background } = preparation;
                assert_eq!(out.len(), size * size * 3, "a square of {size} pixels");
                let crop = crop.filter(|_| margin.is_some());
                let (region, placement) =
                    Region::around(crop, margin.unwrap_or(0.0), upright).fitted(fit, size);
                let region = orientation.stored_region(region, stored);
                let sides = orientation.sides((placement.width, placement.height));
                resize_region(resizer, resize, &pixels, region, sides, resized)?;
                place(resized, sides, orientation, placement, background, out);
                Ok(())
            })
        })??;
        Ok(photo.upright_size())
    }
}

/// Lays the resized region (`stored` pixels wide and high) upright into the square, with the background around it.
fn place(
    resized: &[u8],
    stored: (usize, usize),
    orientation: Orientation,
    placement: Placement,
    background: [u8; 3],
    out: &mut [u8],
) {
    if orientation == Orientation::default() && resized.len() == out.len() {
        out.copy_from_slice(resized);
        return;
    }
    let (resized, _) = resized.as_chunks::<3>();
    let (out, _) = out.as_chunks_mut::<3>();
    let size = out.len().isqrt();
    out.fill(background);
    for y in 0..placement.height {
        let start = (placement.top + y) * size + placement.left;
        for (x, pixel) in out[start..][..placement.width].iter_mut().enumerate() {
            let (x, y) = orientation.stored_pixel((x, y), stored);
            *pixel = resized[y * stored.0 + x];
        }
    }
}
