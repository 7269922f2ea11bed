//! The decision rule: which label the logits of a head stand for.

use marque_contracts::schema::{HeadKind, Label};

use crate::{confidence, probabilities};

/// The label that a head predicts by its logits, one a class: of a head with one class a photo the [`argmax`], of a
/// head with tags the [`predicted_tags`].
pub fn predicted(kind: HeadKind, logits: &[f32]) -> Label {
    match kind {
        HeadKind::Single => Label::Class(argmax(logits)),
        HeadKind::Tags => Label::Tags(predicted_tags(logits)),
    }
}

/// Index of the largest value; ties go to the lowest index. 0 without values.
pub fn argmax<T: PartialOrd>(values: &[T]) -> usize {
    (1..values.len()).fold(0, |best, i| if values[i] > values[best] { i } else { best })
}

/// Whether a class is the [`argmax`] or the next after it, by the same rule for ties.
pub fn in_top_2<T: PartialOrd>(values: &[T], class: usize) -> bool {
    let before =
        |other: &usize| values[*other] > values[class] || (values[*other] == values[class] && *other < class);
    (0..values.len()).filter(before).count() < 2
}

/// The classes with a logit above 0, that is a probability above 0.5, ascending.
pub fn predicted_tags(logits: &[f32]) -> Vec<usize> {
    (0..logits.len()).filter(|class| logits[*class] > 0.0).collect()
}

/// What a head decides about a photo by its logits, each with its probability and whether it is right: its class, or of a head
/// with tags for each tag whether it is there. Nothing where the label is not known.
pub fn decisions(label: &Label, logits: &[f32]) -> Vec<(f64, bool)> {
    match label {
        Label::Unknown => Vec::new(),
        Label::Class(class) => vec![(confidence(HeadKind::Single, logits), argmax(logits) == *class)],
        Label::Tags(tags) => {
            let each = probabilities(HeadKind::Tags, logits).into_iter().enumerate();
            each.map(|(tag, probability)| {
                (probability.max(1.0 - probability), (probability > 0.5) == tags.contains(&tag))
            })
            .collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_go_to_the_lowest_index_and_even_odds_to_absence() {
        for (logits, class, tags) in [
            (&[0.5f32, 2.0, 2.0, -1.0][..], 1, vec![0, 1, 2]),
            (&[-3.0, -3.0], 0, vec![]),
            (&[0.0, f32::MIN_POSITIVE], 1, vec![1]),
            (&[], 0, vec![]),
        ] {
            assert_eq!(predicted(HeadKind::Single, logits), Label::Class(class), "{logits:?}");
            assert_eq!(predicted(HeadKind::Tags, logits), Label::Tags(tags), "{logits:?}");
        }
    }
}
