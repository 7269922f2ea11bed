//! Which photos the report shows.

use marque_contracts::Digest;
use marque_metrics::Predictions;

/// Positions of up to `count` photos that have at least one label, drawn uniformly from the split: ordered by the digests
/// of their names, so that the choice is the same each time.
pub fn sample(predictions: &Predictions, count: usize) -> Vec<usize> {
    let labelled = |photo: &usize| predictions.verdicts(*photo).any(|verdict| verdict.is_some());
    let mut photos: Vec<_> = (0..predictions.file_names().len()).filter(labelled).collect();
    photos.sort_by_cached_key(|photo| {
        let name = &predictions.file_names()[*photo];
        (Digest::of_bytes(name.as_bytes()), name.as_str())
    });
    photos.truncate(count);
    photos
}

/// Positions of up to `count` photos with a wrong prediction, the most probable one first; ties are in the order of the
/// photos.
pub fn confident_mistakes(predictions: &Predictions, count: usize) -> Vec<usize> {
    let worst = |photo: usize| {
        let wrong = predictions.heads().iter().filter(|head| head.is_right(photo) == Some(false));
        wrong.map(|head| head.probability(photo)).max_by(f64::total_cmp)
    };
    let photos = 0..predictions.file_names().len();
    let mut mistakes: Vec<_> = photos.filter_map(|photo| Some((worst(photo)?, photo))).collect();
    mistakes.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    mistakes.truncate(count);
    mistakes.into_iter().map(|(_, photo)| photo).collect()
}
