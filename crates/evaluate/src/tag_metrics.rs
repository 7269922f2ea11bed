//! The numbers of a head with tags: per tag, and over all of them.

use marque_network::Presence;
use serde::{Deserialize, Serialize};

use crate::{Proportion, TagAnswers};

/// What is measured of one head with tags. Photos whose tags are not known are left out.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TagHeadMetrics {
    /// Name of the head.
    pub name: String,
    /// Photos with exactly the right tags.
    pub exact: Proportion,
    /// What always answering no tag at all reaches.
    pub always_none: Proportion,
    /// Mean of the average precision over the tags that occur; `None` if none does.
    pub mean_average_precision: Option<f64>,
    /// Mean of F1 over the tags that occur as label or as answer; `None` if none does.
    pub macro_f1: Option<f64>,
    /// F1 over all tags of all photos; `None` if no tag occurs.
    pub micro_f1: Option<f64>,
    /// Mean over photos and tags of −ln of the probability of what is true; `None` without photos.
    pub log_loss: Option<f64>,
    /// The tags; the position is the class id.
    pub tags: Vec<TagMetrics>,
}

/// What is measured of one tag, taken as answered where it is more probable than not.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TagMetrics {
    /// Name of the tag.
    pub name: String,
    /// Photos that have it.
    pub support: u64,
    /// Photos that were said to have it.
    pub predicted: u64,
    /// Share of those said to have it that do; `None` if none was.
    pub precision: Option<f64>,
    /// Share of those that have it that were said to; `None` if there is none.
    pub recall: Option<f64>,
    /// Harmonic mean of both; `None` if it never occurs.
    pub f1: Option<f64>,
    /// Area under precision over recall, by steps, as scikit-learn's `average_precision_score`; `None` if no photo has
    /// it.
    pub average_precision: Option<f64>,
}

impl TagHeadMetrics {
    /// Measures the answers of a head for so many photos.
    pub(crate) fn measure(head: &TagAnswers, photos: usize) -> Self {
        let classes = head.classes().len();
        let mut presence = Presence::new(classes);
        let (mut log_loss, mut empty) = (0.0, 0);
        let mut scored = vec![Vec::new(); classes];
        for photo in 0..photos {
            let Some(truth) = head.truth(photo) else { continue };
            presence.count(truth, &head.predicted(photo));
            empty += u64::from(truth.is_empty());
            for (class, scored) in scored.iter_mut().enumerate() {
                let (logit, has) = (head.logit(photo, class), truth.contains(&class));
                log_loss += softplus(if has { -logit } else { logit });
                scored.push((logit, has));
            }
        }
        let tags: Vec<_> = (0..classes)
            .map(|class| TagMetrics::of(&head.classes()[class], class, &presence, &mut scored[class]))
            .collect();
        let precisions: Vec<f64> = tags.iter().filter_map(|tag| tag.average_precision).collect();
        let mean =
            |values: &[f64]| (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64);
        let terms = presence.photos() as f64 * classes as f64;
        Self {
            name: head.name().to_owned(),
            exact: Proportion::new(presence.exact(), presence.photos()),
            always_none: Proportion::new(empty, presence.photos()),
            mean_average_precision: mean(&precisions),
            macro_f1: presence.macro_f1(),
            micro_f1: presence.micro_f1(),
            log_loss: (terms > 0.0).then(|| log_loss / terms),
            tags,
        }
    }
}

impl TagMetrics {
    fn of(name: &str, class: usize, presence: &Presence, scored: &mut [(f64, bool)]) -> Self {
        let (hits, support, predicted) =
            (presence.hits(class), presence.support(class), presence.predicted(class));
        let share = |whole: u64| (whole > 0).then(|| hits as f64 / whole as f64);
        Self {
            name: name.to_owned(),
            support,
            predicted,
            precision: share(predicted),
            recall: share(support),
            f1: presence.f1(class),
            average_precision: average_precision(scored),
        }
    }
}

/// `Σ (recall − recall before) × precision` over the thresholds from the highest score down; equal scores are one
/// threshold.
fn average_precision(scored: &mut [(f64, bool)]) -> Option<f64> {
    let positives = scored.iter().filter(|(_, has)| *has).count();
    if positives == 0 {
        return None;
    }
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut hits, mut seen, mut sum) = (0, 0, 0.0);
    for group in scored.chunk_by(|a, b| a.0 == b.0) {
        let found = group.iter().filter(|(_, has)| *has).count();
        hits += found;
        seen += group.len();
        sum += found as f64 / positives as f64 * hits as f64 / seen as f64;
    }
    Some(sum)
}

/// `ln(1 + exp(x))`, without overflow.
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn average_precision_is_that_of_scikit_learn() {
        // average_precision_score([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]), and with ties.
        let mut scored = [(0.1, false), (0.4, false), (0.35, true), (0.8, true)];
        assert!((average_precision(&mut scored).unwrap() - 0.833_333_333).abs() < 1e-8);
        // average_precision_score([1, 0, 1, 0, 1], [0.5, 0.5, 0.5, 0.2, 0.2])
        let mut ties = [(0.5, true), (0.5, false), (0.5, true), (0.2, false), (0.2, true)];
        assert!((average_precision(&mut ties).unwrap() - 0.644_444_444).abs() < 1e-8);
        assert_eq!(average_precision(&mut [(0.5, false)]), None);
    }
}
