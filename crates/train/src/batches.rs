//! Batches, made on threads of their own while the network computes.

use std::thread::Scope;

use candle_core::{Device, Tensor};
use marque_augment::{Mix, Mixing, Policy};
use marque_contracts::schema::Label;
use marque_formats::ShardReader;
use rand::seq::SliceRandom;

use crate::Error;
use crate::data::Sample;
use crate::features::{FeatureReader, view_of};
use crate::prefetch::{Prefetch, threads};
use crate::random::generator;

/// Photos ready for the network.
pub(crate) struct Batch {
    /// `[n, height, width, 3]`, f32, normalised; or what the frozen parts of the backbone make of it.
    pub(crate) images: Tensor,
    /// Per head, photo by photo.
    pub(crate) targets: Vec<Vec<Label>>,
    /// How the photos, and so their targets, are mixed.
    pub(crate) mix: Option<Mix>,
}

/// Makes batches out of samples.
pub(crate) struct Batches<'a> {
    pub(crate) shards: &'a ShardReader,
    pub(crate) samples: &'a [Sample],
    /// Activations to read in place of photos.
    pub(crate) features: Option<&'a FeatureReader>,
    pub(crate) policy: &'a Policy,
    pub(crate) mixing: &'a Mixing,
    /// Seed and epoch of the augmentation; `None` for none.
    pub(crate) random: Option<(u64, usize)>,
}

/// The order of the training photos in an epoch: each once, shuffled.
pub(crate) fn shuffled(samples: usize, seed: u64, epoch: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..samples).collect();
    order.shuffle(&mut generator(seed, "order", epoch, 0));
    order
}

/// Number of batches into which an epoch of `samples` photos is cut.
pub(crate) fn batches(samples: usize, batch_size: usize) -> usize {
    // Rounded, not rounded up: no batch gets a remainder of one or two photos, which batch norm handles badly; and
    // none a single one.
    ((samples + batch_size / 2) / batch_size).min(samples / 2).max(1)
}

/// The part of `order` that is batch `batch` of `batches`; parts differ by one photo at most.
pub(crate) fn part(order: &[usize], batch: usize, batches: usize) -> &[usize] {
    &order[batch * order.len() / batches..(batch + 1) * order.len() / batches]
}

impl<'a> Batches<'a> {
    /// Starts threads in `scope` that make the batches of an epoch ahead, `batches` parts of `order`, from the `first`
    /// on.
    pub(crate) fn stream<'scope, 'env: 'scope>(
        self,
        scope: &'scope Scope<'scope, 'env>,
        order: &'scope [usize],
        first: usize,
        batches: usize,
    ) -> Prefetch<Result<Batch, Error>>
    where
        'a: 'scope,
    {
        Prefetch::start(scope, threads(), first..batches, move |batch| {
            self.batch(batch, part(order, batch, batches))
        })
    }

    fn batch(&self, number: usize, chosen: &[usize]) -> Result<Batch, Error> {
        let heads = self.samples.first().map_or(0, |sample| sample.targets.len());
        let mut targets = vec![Vec::with_capacity(chosen.len()); heads];
        for &position in chosen {
            for (column, target) in targets.iter_mut().zip(&self.samples[position].targets) {
                column.push(target.clone());
            }
        }
        match self.features {
            Some(features) => Ok(Batch { images: self.activations(features, chosen)?, targets, mix: None }),
            None => {
                let (images, mix) = self.images(number, chosen)?;
                Ok(Batch { images, targets, mix })
            }
        }
    }

    /// `[n, size, size, 3]`.
    fn images(&self, number: usize, chosen: &[usize]) -> Result<(Tensor, Option<Mix>), Error> {
        let from = self.shards.geometry().height;
        let size = self.policy.output_size(from);
        let photo = size * size * 3;
        let mut images = vec![0.0; chosen.len() * photo];
        for (out, &position) in images.chunks_exact_mut(photo).zip(chosen) {
            let sample = &self.samples[position];
            let pixels = self.shards.photo(&sample.place)?;
            match self.random {
                Some((seed, epoch)) => {
                    let mut rng = generator(seed, "augment", epoch, position);
                    self.policy.apply(&mut rng, pixels, from, out)?;
                }
                None => self.policy.normalise(pixels, from, out)?,
            }
        }
        let mix = match self.random {
            Some((seed, epoch)) => {
                self.mixing.draw(&mut generator(seed, "mix", epoch, number), chosen.len(), size)?
            }
            None => None,
        };
        if let Some(mix) = &mix {
            mix.apply(&mut images, size)?;
        }
        Ok((Tensor::from_vec(images, (chosen.len(), size, size, 3), &Device::Cpu)?, mix))
    }

    /// One view of each photo: any in training, the photo as it is otherwise.
    fn activations(&self, features: &FeatureReader, chosen: &[usize]) -> Result<Tensor, Error> {
        let mut values = Vec::with_capacity(chosen.len() * features.len());
        for &position in chosen {
            let view = match self.random {
                Some((seed, epoch)) => view_of(seed, features.views(), epoch, position),
                None => 0,
            };
            features.read(&self.samples[position].place, view, &mut values)?;
        }
        let shape = [&[chosen.len()], features.shape()].concat();
        Ok(Tensor::from_vec(values, shape, &Device::Cpu)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_takes_every_photo_once_in_parts_of_equal_size() {
        for (samples, batch) in [(1, 4), (10, 4), (41, 2), (33, 32), (47, 32), (48, 32), (1000, 7)] {
            let order = shuffled(samples, 3, 1);
            let batches = batches(samples, batch);
            let parts: Vec<_> = (0..batches).map(|batch| part(&order, batch, batches)).collect();
            let sizes: Vec<_> = parts.iter().map(|part| part.len()).collect();
            assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= 1, "{sizes:?}");
            assert!(*sizes.iter().min().unwrap() >= samples.min(2), "{sizes:?}");
            let mut all = parts.concat();
            all.sort_unstable();
            assert_eq!(all, (0..samples).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_order_depends_on_seed_and_epoch_alone() {
        assert_eq!(shuffled(50, 1, 2), shuffled(50, 1, 2));
        assert_ne!(shuffled(50, 1, 2), shuffled(50, 1, 3));
        assert_ne!(shuffled(50, 1, 2), shuffled(50, 2, 2));
    }
}
