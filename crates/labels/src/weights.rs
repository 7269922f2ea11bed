//! Weights that make up for unequal class counts.

use std::path::Path;

use marque_contracts::schema::{ClassWeights, Head, Split};
use marque_formats::Table;

use crate::Error;

/// The β of [`ClassWeights::effective`].
const BETA: f64 = 0.999;

/// Class weights of a single-label head from the number of training photos per class, each method scaled so that the
/// mean over the training photos is 1 and losses stay comparable. A class without training photos gets 1.
///
/// `effective` follows Cui et al., *Class-Balanced Loss Based on Effective Number of Samples* (2019),
/// equation 2: n photos are worth (1 − βⁿ) / (1 − β), since photos of a class resemble one another.
pub fn class_weights(counts: &[u64]) -> ClassWeights {
    ClassWeights {
        inverse: scaled(counts, |count| 1.0 / count),
        effective: scaled(counts, |count| (1.0 - BETA) / (1.0 - BETA.powf(count))),
    }
}

/// Weights of the presence of each tag against its absence, PyTorch's `pos_weight`, from the number of training photos
/// that have it and of those of which it is known. A tag that all or none of them have gets 1: there is nothing to make
/// up for.
///
/// `inverse` is absent over present, `effective` the same of the effective numbers.
pub fn tag_weights(counts: &[u64], known: u64) -> ClassWeights {
    let weigh = |worth: fn(f64) -> f64| {
        let weight = |present: &u64| match known.saturating_sub(*present) {
            absent if absent > 0 && *present > 0 => worth(absent as f64) / worth(*present as f64),
            _ => 1.0,
        };
        counts.iter().map(weight).collect()
    };
    ClassWeights { inverse: weigh(|photos| photos), effective: weigh(|photos| 1.0 - BETA.powf(photos)) }
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

/// Writes `weights.parquet`: a row per class or tag of each head, with its training photos and a weight per method.
pub(crate) fn write(path: &Path, heads: &[Head]) -> Result<(), Error> {
    let rows: Vec<_> =
        heads.iter().flat_map(|head| (0..head.classes.len()).map(move |class| (head, class))).collect();
    let photos = |(head, class): &(&Head, usize)| {
        let counts = head.counts.get(&Split::Train);
        counts.and_then(|counts| counts.get(*class)).map_or(0, |count| *count as i64)
    };
    let weight = |pick: fn(&ClassWeights) -> &Vec<f64>| {
        rows.iter().map(move |(head, class)| pick(&head.class_weights)[*class])
    };
    let table = Table::new()
        .with_text("head", rows.iter().map(|(head, _)| head.name.as_str()))
        .with_integers("class_id", rows.iter().map(|(_, class)| *class as i64))
        .with_text("class", rows.iter().map(|(head, class)| head.classes[*class].as_str()))
        .with_integers("train_photos", rows.iter().map(photos))
        .with_numbers("none", rows.iter().map(|_| 1.0))
        .with_numbers("inverse", weight(|weights| &weights.inverse))
        .with_numbers("effective", weight(|weights| &weights.effective));
    Ok(table.write(path)?)
}
