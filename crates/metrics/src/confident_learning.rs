//! Labels that look wrong, from what a model that has not learnt from them says of their photos.
//!
//! Confident learning: C. Northcutt, L. Jiang, I. Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels",
//! JAIR 70, 2021. A photo is counted for a class if that is at least as probable as it is on average for the photos that are
//! labelled so; where this class is another one than its label, the label is suspected.

use crate::argmax;

/// How far below a threshold is still at it, as cleanlab has it.
const SLACK: f64 = 1e-6;

/// Whether each label looks wrong: those off the diagonal of the confident joint, of which the most probable class is another
/// (cleanlab's `find_label_issues` with `filter_by="confident_learning"`).
///
/// `probabilities` are `[photos, classes]`, row by row, of a model that has not learnt from the photo in question; `labels` are
/// class ids. A class without photos is never counted for.
pub fn suspected(labels: &[usize], probabilities: &[f64], classes: usize) -> Vec<bool> {
    let rows = || labels.iter().zip(probabilities.chunks_exact(classes.max(1)));
    let mut sums = vec![(0.0, 0_u64); classes];
    for (label, row) in rows() {
        sums[*label].0 += row[*label];
        sums[*label].1 += 1;
    }
    let thresholds: Vec<_> = sums
        .into_iter()
        .map(|(sum, photos)| if photos > 0 { sum / photos as f64 } else { f64::INFINITY })
        .collect();
    let is_suspected = |(label, row): (&usize, &[f64])| {
        let confident = row.iter().zip(&thresholds).map(|(probability, least)| *probability >= least - SLACK);
        let confident: Vec<_> = confident.enumerate().filter_map(|(class, is)| is.then_some(class)).collect();
        let most = argmax(row);
        let guess = match confident.as_slice() {
            [] => return false,
            [only] => *only,
            _ => most,
        };
        guess != *label && most != *label
    };
    rows().map(is_suspected).collect()
}
