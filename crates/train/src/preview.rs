//! Training photos as the network will see them.

use marque_augment::{Draw, Policy};
use marque_contracts::Job;

use crate::data::Data;
use crate::features::{draw_view, view_of, views};
use crate::random::generator;
use crate::{Error, Settings};

/// A training photo and what becomes of it.
#[derive(Clone, PartialEq, Debug)]
pub struct PreviewRow {
    /// Name of the photo.
    pub file_name: String,
    /// The photo without changes.
    pub plain: PreviewPicture,
    /// What the network sees of it in each epoch, from the first on.
    pub epochs: Vec<PreviewPicture>,
}

/// A square picture and what was drawn for it.
#[derive(Clone, PartialEq, Debug)]
pub struct PreviewPicture {
    /// Height and width, in pixels.
    pub size: usize,
    /// `size × size × 3` bytes.
    pub pixels: Vec<u8>,
    /// What was drawn.
    pub draw: Draw,
}

/// Shows `photos` of the training photos, spread evenly over them, as they are and in the first `epochs` epochs: with
/// the very draws and sizes that training has, before photos are mixed with one another; where activations are kept, the
/// views that these are of. The job's inputs are those of training.
///
/// # Errors
/// If the inputs are damaged or hold no photos to learn from.
pub fn preview(
    job: &Job<'_>,
    settings: &Settings,
    photos: usize,
    epochs: usize,
) -> Result<Vec<PreviewRow>, Error> {
    let data = Data::open(job, settings)?;
    let settings = &settings.settled(data.train.len());
    let size = data.geometry().height;
    let plain = settings.policy(None)?;
    let policies = (1..=epochs)
        .map(|epoch| settings.policy(Some(settings.size_at(epoch, size))))
        .collect::<Result<Vec<_>, _>>()?;
    let drawn = |epoch: usize, policy: &Policy, position: usize| -> Result<Draw, Error> {
        match settings.cached_parts() {
            0 => Ok(policy.draw(&mut generator(settings.seed, "augment", epoch, position), size)?),
            _ => {
                let view = view_of(settings.seed, views(settings), epoch, position);
                draw_view(settings, policy, size, data.train[position].number, view)
            }
        }
    };
    let row = |position: usize| {
        let place = &data.train[position].place;
        let pixels = data.shards.photo(place)?;
        let epoch = |(epoch, policy): (usize, &Policy)| {
            picture(policy, drawn(epoch, policy, position)?, pixels, size)
        };
        Ok(PreviewRow {
            file_name: place.file_name.clone(),
            plain: picture(&plain, Draw::default(), pixels, size)?,
            epochs: (1..).zip(&policies).map(epoch).collect::<Result<_, Error>>()?,
        })
    };
    let (shown, count) = (photos.min(data.train.len()), data.train.len());
    (0..shown).map(|i| row(i * count / shown)).collect()
}

fn picture(policy: &Policy, draw: Draw, pixels: &[u8], size: usize) -> Result<PreviewPicture, Error> {
    let output = policy.output_size(size);
    let mut out = vec![0; output * output * 3];
    policy.render_u8(&draw, pixels, size, &mut out)?;
    Ok(PreviewPicture { size: output, pixels: out, draw })
}
