//! Passing photos through the network.

use candle_core::{Device, Tensor};
use marque_contracts::{Progress, Unit};
use marque_formats::{IndexRow, ShardReader};
use marque_network::{Network, NetworkConfig};
use rayon::prelude::*;

use crate::Error;

/// The logits of each head, `[photos, classes]` row by row, in evaluation mode. The last batch is as small
/// as it comes: every photo counts.
pub(crate) fn logits(
    network: &Network,
    shards: &ShardReader,
    places: &[IndexRow],
    batch_size: usize,
    progress: &dyn Progress,
) -> Result<Vec<Vec<f32>>, Error> {
    let normaliser = Normaliser::new(network.config());
    let mut logits = vec![Vec::new(); network.config().heads.len()];
    let bar = progress.bar("measure", places.len() as u64, Unit::Photos);
    for batch in places.chunks(batch_size.max(1)) {
        let images = normaliser.batch(shards, batch)?;
        for (all, head) in logits.iter_mut().zip(network.forward_eval(&images)?) {
            all.extend(head.flatten_all()?.to_vec1::<f32>()?);
        }
        bar.advance(batch.len() as u64);
    }
    Ok(logits)
}

/// Turns bytes into the numbers that the network was trained on.
struct Normaliser {
    /// By colour, the number for each byte: (byte / 255 − mean) / deviation.
    levels: [[f32; 256]; 3],
}

impl Normaliser {
    fn new(config: &NetworkConfig) -> Self {
        let level =
            |colour: usize, byte: usize| (byte as f32 / 255.0 - config.mean[colour]) / config.std[colour];
        Self { levels: std::array::from_fn(|colour| std::array::from_fn(|byte| level(colour, byte))) }
    }

    /// `[photos, height, width, 3]`, f32.
    fn batch(&self, shards: &ShardReader, places: &[IndexRow]) -> Result<Tensor, Error> {
        let geometry = shards.geometry();
        let mut images = vec![0f32; places.len() * geometry.bytes()];
        images.par_chunks_exact_mut(geometry.bytes()).zip(places).try_for_each(|(image, place)| {
            let pixels = shards
                .pixels(place)
                .ok_or_else(|| Error::NoPixels { file_name: place.file_name.clone(), shard: place.shard })?;
            for (out, pixel) in image.chunks_exact_mut(3).zip(pixels.chunks_exact(3)) {
                for colour in 0..3 {
                    out[colour] = self.levels[colour][usize::from(pixel[colour])];
                }
            }
            Ok::<_, Error>(())
        })?;
        Ok(Tensor::from_vec(images, (places.len(), geometry.height, geometry.width, 3), &Device::Cpu)?)
    }
}
