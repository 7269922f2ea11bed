//! Intervals by the bootstrap: what the scores would be on other photos of the kind.
//!
//! B. Efron, R. Tibshirani, *An Introduction to the Bootstrap*, 1993, chapter 13: percentiles of the scores of resamples.
//! Groups of photos are drawn and not photos, as in A. C. Davison, D. V. Hinkley, *Bootstrap Methods and their
//! Application*, 1997, section 3.8: copies of one photo say no more than it does alone.

use marque_contracts::Digest;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::{HeadCounts, HeadPredictions};

/// Resamples: the ends of the interval are then within a hundredth of a point of percentile.
pub const RESAMPLES: usize = 1000;

/// 95% intervals of a head's scores, by the percentiles of resamples drawn by group of duplicates.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct BootstrapIntervals {
    /// What was drawn from: photos with a label, those that repeat each other as one.
    pub groups: u64,
    /// Resamples, each of as many groups as there are.
    pub resamples: u64,
    /// Of [`HeadCounts::accuracy`]: of tags, that they match exactly.
    pub accuracy: [f64; 2],
    /// Of [`HeadCounts::macro_f1`]; `None` if it is not defined in any resample.
    pub macro_f1: Option<[f64; 2]>,
    /// Of [`HeadCounts::balanced_accuracy`]; `None` of tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balanced_accuracy: Option<[f64; 2]>,
}

impl BootstrapIntervals {
    /// The intervals of a head; `groups` has the group of each photo. The same head, photos and groups give the same
    /// intervals. `None` if no photo has a label.
    pub(crate) fn measure(head: &HeadPredictions, groups: &[usize]) -> Option<Self> {
        let known = (0..head.photos()).filter(|photo| head.label(*photo).is_known());
        let groups = Groups::of(known, groups)?;
        let predicted: Vec<_> = (0..head.photos()).map(|photo| head.predicted(photo)).collect();
        let mut rng = Groups::generator(&format!("bootstrap of {}", head.name()));
        let [mut accuracy, mut macro_f1, mut balanced] = [const { Vec::new() }; 3];
        for _ in 0..RESAMPLES {
            let mut counts = HeadCounts::new(head.kind(), head.classes().len());
            for photo in groups.draw(&mut rng) {
                counts.count_predicted(&predicted[photo], head.label(photo));
            }
            accuracy.extend(counts.accuracy().share);
            macro_f1.extend(counts.macro_f1());
            balanced.extend(counts.balanced_accuracy());
        }
        Some(Self {
            groups: groups.0.len() as u64,
            resamples: RESAMPLES as u64,
            accuracy: interval(accuracy)?,
            macro_f1: interval(macro_f1),
            balanced_accuracy: interval(balanced),
        })
    }
}

/// Photos in groups of duplicates, which are drawn together.
pub(crate) struct Groups(Vec<Vec<usize>>);

impl Groups {
    /// Of these photos; `groups` has the group of each. `None` without photos.
    pub(crate) fn of(photos: impl Iterator<Item = usize>, groups: &[usize]) -> Option<Self> {
        let mut photos: Vec<_> = photos.collect();
        // In the order of the photos within a group; groups by number.
        photos.sort_by_key(|photo| groups[*photo]);
        let members = photos.chunk_by(|a, b| groups[*a] == groups[*b]).map(<[usize]>::to_vec);
        Some(Self(members.collect())).filter(|groups| !groups.0.is_empty())
    }

    /// What draws the resamples for one purpose, always the same.
    pub(crate) fn generator(purpose: &str) -> ChaCha8Rng {
        ChaCha8Rng::from_seed(*Digest::of_bytes(purpose.as_bytes()).as_bytes())
    }

    /// The photos of a resample of as many groups as there are.
    pub(crate) fn draw<'a>(&'a self, rng: &'a mut ChaCha8Rng) -> impl Iterator<Item = usize> + 'a {
        let groups = self.0.len();
        (0..groups).flat_map(move |_| &self.0[rng.random_range(0..groups as u32) as usize]).copied()
    }

    /// All photos, each once.
    pub(crate) fn photos(&self) -> impl Iterator<Item = usize> {
        self.0.iter().flatten().copied()
    }
}

/// The 2.5% and 97.5% percentiles, between neighbouring values linearly, as NumPy's `percentile`; `None` without values.
pub(crate) fn interval(mut values: Vec<f64>) -> Option<[f64; 2]> {
    values.sort_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    Some([0.025, 0.975].map(|share| {
        let place = share * last as f64;
        let below = place.floor() as usize;
        let above = (below + 1).min(last);
        values[below] + (values[above] - values[below]) * (place - below as f64)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_numpy() {
        // numpy.percentile([3, 1, 2, 4, 10], [2.5, 97.5])
        let [low, high] = interval(vec![3.0, 1.0, 2.0, 4.0, 10.0]).unwrap();
        assert!((low - 1.1).abs() < 1e-12 && (high - 9.4).abs() < 1e-12, "{low} {high}");
        assert_eq!(interval(Vec::new()), None);
    }
}
