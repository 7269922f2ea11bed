//! Inference: the forward pass over the photos of a split.

use candle_core::{Device, Tensor};
use marque_contracts::schema::Normalisation;
use marque_contracts::{Progress, Unit};
use marque_formats::{IndexRow, ShardReader};
use marque_network::Network;
use rayon::prelude::*;

use crate::{Error, Settings};

/// The logits of each head, `[photos, classes]` row by row, in evaluation mode; with `settings.flip` their mean over
/// each photo and its mirror image. The last batch is as small as it comes: every photo counts.
pub(crate) fn logits(
    network: &Network,
    shards: &ShardReader,
    places: &[IndexRow],
    settings: &Settings,
    progress: &dyn Progress,
) -> Result<Vec<Vec<f32>>, Error> {
    let normaliser = Normaliser(Normalisation::new(network.config().mean, network.config().std));
    let mut logits = vec![Vec::new(); network.config().heads.len()];
    let bar = progress.bar("measure", places.len() as u64, Unit::Photos);
    for batch in places.chunks(settings.batch_size.max(1)) {
        let mirrored: &[bool] = if settings.flip { &[false, true] } else { &[false] };
        let views = mirrored.iter().map(|mirrored| normaliser.batch(shards, batch, *mirrored));
        let views = views.collect::<Result<Vec<_>, _>>()?;
        for (all, head) in logits.iter_mut().zip(network.forward_eval_mean(&views)?) {
            all.extend(head.flatten_all()?.to_vec1::<f32>()?);
        }
        bar.advance(batch.len() as u64);
    }
    Ok(logits)
}

/// Turns shards' pixels into the numbers that the network was trained on.
struct Normaliser(Normalisation);

impl Normaliser {
    /// `[photos, height, width, 3]`, f32.
    fn batch(&self, shards: &ShardReader, places: &[IndexRow], mirrored: bool) -> Result<Tensor, Error> {
        let geometry = shards.geometry();
        let mut images = vec![0f32; places.len() * geometry.bytes()];
        images.par_chunks_exact_mut(geometry.bytes()).zip(places).try_for_each(|(image, place)| {
            let pixels = shards.photo(place)?;
            for (out, pixel) in image.chunks_exact_mut(3).zip(pixels.as_chunks().0) {
                out.copy_from_slice(&self.0.pixel(*pixel));
            }
            if mirrored {
                for row in image.chunks_exact_mut(3 * geometry.width) {
                    row.as_chunks_mut::<3>().0.reverse();
                }
            }
            Ok::<_, Error>(())
        })?;
        Ok(Tensor::from_vec(images, (places.len(), geometry.height, geometry.width, 3), &Device::Cpu)?)
    }
}
