//! Mixing the photos of a batch: mixup (Zhang et al., 2018) and CutMix (Yun et al., 2019).

use std::ops::RangeInclusive;

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Beta, Distribution};

use crate::options::check_range;
use crate::{Error, Region};

/// Whether and how batches are mixed, with timm's meaning of the options.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Mixing {
    /// Mixup's λ is drawn from Beta(α, α); 0 for no mixup.
    pub mixup_alpha: f64,
    /// CutMix's λ is drawn from Beta(α, α); 0 for no CutMix.
    pub cutmix_alpha: f64,
    /// With both: share of the batches that get CutMix rather than mixup.
    pub switch_probability: f64,
}

/// How one batch is mixed: photo `i` with photo `permutation[i]`.
#[derive(Clone, PartialEq, Debug)]
pub struct Mix {
    permutation: Vec<usize>,
    lambda: f64,
    region: Option<Region>,
}

impl Mixing {
    /// Allowed values of α.
    pub const ALPHA: RangeInclusive<f64> = 0.0..=100.0;

    /// Checks that all values are in their ranges.
    ///
    /// # Errors
    /// [`Error::Option`] naming the first one.
    pub fn check(&self) -> Result<(), Error> {
        check_range("mixup_alpha", self.mixup_alpha, Self::ALPHA)?;
        check_range("cutmix_alpha", self.cutmix_alpha, Self::ALPHA)?;
        check_range("switch_probability", self.switch_probability, 0.0..=1.0)
    }

    /// Whether batches are mixed at all.
    pub fn is_on(&self) -> bool {
        self.mixup_alpha > 0.0 || self.cutmix_alpha > 0.0
    }

    /// Draws how a batch of `photos` photos of `size × size` pixels is mixed; `None` if mixing is off.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn draw(&self, rng: &mut ChaCha8Rng, photos: usize, size: usize) -> Result<Option<Mix>, Error> {
        self.check()?;
        if !self.is_on() {
            return Ok(None);
        }
        let cut = match (self.mixup_alpha > 0.0, self.cutmix_alpha > 0.0) {
            (true, true) => rng.random_bool(self.switch_probability),
            (_, cut) => cut,
        };
        let (option, alpha) =
            if cut { ("cutmix_alpha", self.cutmix_alpha) } else { ("mixup_alpha", self.mixup_alpha) };
        let beta = Beta::new(alpha, alpha)
            .map_err(|error| Error::Option { option, reason: format!("gives no distribution: {error}") })?;
        // Tiny values of α can make the quotient behind a sample 0/0.
        let lambda = Some(beta.sample(rng)).filter(|lambda| lambda.is_finite()).unwrap_or(1.0);
        let mut permutation: Vec<usize> = (0..photos).collect();
        permutation.shuffle(rng);
        if !cut {
            return Ok(Some(Mix { permutation, lambda, region: None }));
        }
        let region = cut_region(rng, lambda, size);
        // Without what is cut off at the edges.
        let lambda = 1.0 - region.area() as f64 / (size * size).max(1) as f64;
        Ok(Some(Mix { permutation, lambda, region: Some(region) }))
    }
}

/// A square of the area `1 − lambda` about a random point, as far as it lies inside: timm's `rand_bbox`.
fn cut_region(rng: &mut ChaCha8Rng, lambda: f64, size: usize) -> Region {
    let half = (size as f64 * (1.0 - lambda).sqrt()) as usize / 2;
    let mut span = || {
        let centre = rng.random_range(0..size.max(1));
        let start = centre.saturating_sub(half);
        (start, (centre + half).min(size) - start)
    };
    let ((top, height), (left, width)) = (span(), span());
    Region { left, top, width, height }
}

impl Mix {
    /// The partner of each photo; a photo may be its own.
    pub fn permutation(&self) -> &[usize] {
        &self.permutation
    }

    /// Share of the photo itself, in 0 to 1; the rest is its partner's. The target of photo `i` is
    /// `lambda · target[i] + (1 − lambda) · target[permutation[i]]`, and so is any loss that is linear in it.
    pub fn lambda(&self) -> f64 {
        self.lambda
    }

    /// The region that comes from the partner (CutMix); `None` if the photos are blended (mixup).
    pub fn region(&self) -> Option<Region> {
        self.region
    }

    /// Mixes a batch in place: `[n, size, size, 3]` for the `n` photos of the permutation.
    ///
    /// # Errors
    /// If `images` has another length.
    pub fn apply(&self, images: &mut [f32], size: usize) -> Result<(), Error> {
        let photo = size * size * 3;
        Error::check("the images", images.len(), self.permutation.len() * photo)?;
        let before = images.to_vec();
        for (at, (own, partner)) in images.chunks_exact_mut(photo).zip(&self.permutation).enumerate() {
            if *partner != at {
                self.blend(own, &before[partner * photo..][..photo], size);
            }
        }
        Ok(())
    }

    fn blend(&self, own: &mut [f32], other: &[f32], size: usize) {
        match self.region {
            None => {
                let lambda = self.lambda as f32;
                for (own, other) in own.iter_mut().zip(other) {
                    *own = lambda * *own + (1.0 - lambda) * other;
                }
            }
            Some(region) => {
                let columns = region.left * 3..(region.left + region.width) * 3;
                let rows = own.chunks_exact_mut(size * 3).zip(other.chunks_exact(size * 3));
                for (own, other) in rows.skip(region.top).take(region.height) {
                    own[columns.clone()].copy_from_slice(&other[columns.clone()]);
                }
            }
        }
    }
}
