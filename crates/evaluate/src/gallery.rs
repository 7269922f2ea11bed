//! Which photos the report shows.

use marque_contracts::Digest;

use crate::Answers;

/// Positions of up to `count` photos that have at least one label, drawn evenly over the split: the order
/// of the digests of the names decides, so the choice is the same each time and favours no photo.
pub fn sample(answers: &Answers, count: usize) -> Vec<usize> {
    let labelled = |photo: &usize| answers.verdicts(*photo).any(|verdict| verdict.is_some());
    let mut photos: Vec<_> = (0..answers.file_names().len()).filter(labelled).collect();
    photos.sort_by_cached_key(|photo| {
        let name = &answers.file_names()[*photo];
        (Digest::of_bytes(name.as_bytes()), name.as_str())
    });
    photos.truncate(count);
    photos
}

/// Positions of up to `count` photos with a wrong answer, the most probable wrong answer first; equal ones
/// in the order of the photos.
pub fn confident_mistakes(answers: &Answers, count: usize) -> Vec<usize> {
    let worst = |photo: usize| {
        let wrong = answers.heads().iter().filter(|head| head.is_right(photo) == Some(false));
        let wrong_tags = answers.tags().iter().filter(|head| head.is_right(photo) == Some(false));
        let probabilities = wrong.map(|head| head.probability(photo));
        probabilities.chain(wrong_tags.map(|head| head.probability(photo))).max_by(f64::total_cmp)
    };
    let mut mistakes: Vec<_> =
        (0..answers.file_names().len()).filter_map(|photo| Some((worst(photo)?, photo))).collect();
    mistakes.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    mistakes.truncate(count);
    mistakes.into_iter().map(|(_, photo)| photo).collect()
}
