//! The views of a photo whose activations are cached.

use marque_augment::{Draw, Policy};
use rand::RngExt;

use crate::random::generator;
use crate::{Error, Settings};

/// Views of each photo: as it is or mirrored, times crops.
pub(crate) fn views(settings: &Settings) -> usize {
    crops(settings) * mirrors(settings)
}

pub(super) fn crops(settings: &Settings) -> usize {
    settings.features.map_or(1, |features| features.crops)
}

fn mirrors(settings: &Settings) -> usize {
    if settings.augmentation.flip { 2 } else { 1 }
}

/// Which view of the training photo at a position an epoch takes.
pub(crate) fn view_of(seed: u64, views: usize, epoch: usize, position: usize) -> usize {
    generator(seed, "augment", epoch, position).random_range(0..views)
}

/// What is done to the photo of a place in the index for one of its views: nothing for the first crop, anything for the
/// others; mirrored or not is a view of its own.
pub(crate) fn draw_view(
    settings: &Settings,
    policy: &Policy,
    size: usize,
    place: usize,
    view: usize,
) -> Result<Draw, Error> {
    let (crop, mirrored) = (view / mirrors(settings), view % mirrors(settings) == 1);
    if crop == 0 {
        return Ok(Draw { mirrored, ..Draw::default() });
    }
    let mut rng = generator(settings.seed, "features", crop, place);
    Ok(Draw { mirrored, ..policy.draw(&mut rng, size)? })
}
