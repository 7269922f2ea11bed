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
        let mut known: Vec<_> = (0..head.photos()).filter(|photo| head.label(*photo).is_known()).collect();
        // In the order of the photos within a group; groups by number.
        known.sort_by_key(|photo| groups[*photo]);
        let members: Vec<_> = known.chunk_by(|a, b| groups[*a] == groups[*b]).collect();
        if members.is_empty() {
            return None;
        }
        let predicted: Vec<_> = (0..head.photos()).map(|photo| head.predicted(photo)).collect();
        let seed = Digest::of_bytes(format!("bootstrap of {}", head.name()).as_bytes());
        let mut rng = ChaCha8Rng::from_seed(*seed.as_bytes());
        let [mut accuracy, mut macro_f1, mut balanced] = [const { Vec::new() }; 3];
        for _ in 0..RESAMPLES {
            let mut counts = HeadCounts::new(head.kind(), head.classes().len());
            for _ in 0..members.len() {
                for photo in members[rng.random_range(0..members.len() as u32) as usize] {
                    counts.count_predicted(&predicted[*photo], head.label(*photo));
                }
            }
            accuracy.extend(counts.accuracy().share);
            macro_f1.extend(counts.macro_f1());
            balanced.extend(counts.balanced_accuracy());
        }
        Some(Self {
            groups: members.len() as u64,
            resamples: RESAMPLES as u64,
            accuracy: interval(accuracy)?,
            macro_f1: interval(macro_f1),
            balanced_accuracy: interval(balanced),
        })
    }
}

/// The 2.5% and 97.5% percentiles, between neighbouring values linearly, as NumPy's `percentile`; `None` without values.
fn interval(mut values: Vec<f64>) -> Option<[f64; 2]> {
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
