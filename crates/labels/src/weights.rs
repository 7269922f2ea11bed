//! Weights that make up for unequal class counts.

use marque_contracts::schema::ClassWeights;

/// The β of [`ClassWeights::effective`].
const BETA: f64 = 0.999;

/// Class weights from the number of training photos per class, each method scaled so that the mean over the
/// training photos is 1 and losses stay comparable. A class without training photos gets 1.
///
/// `effective` follows Cui et al., *Class-Balanced Loss Based on Effective Number of Samples* (2019),
/// equation 2: n photos are worth (1 − βⁿ) / (1 − β), since photos of a class resemble one another.
pub fn class_weights(counts: &[u64]) -> ClassWeights {
    ClassWeights {
        inverse: scaled(counts, |count| 1.0 / count),
        effective: scaled(counts, |count| (1.0 - BETA) / (1.0 - BETA.powf(count))),
    }
}

fn scaled(counts: &[u64], weight: impl Fn(f64) -> f64) -> Vec<f64> {
    let present = counts.iter().filter(|count| **count > 0).map(|count| *count as f64);
    let photos: f64 = present.clone().sum();
    let total: f64 = present.map(|count| count * weight(count)).sum();
    let scaled = |count: &u64| match count {
        0 => 1.0,
        _ => weight(*count as f64) * photos / total,
    };
    counts.iter().map(scaled).collect()
}
