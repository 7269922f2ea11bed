//! What an answer hangs on: the gradient of each head's score by the features that heads see.
//!
//! Features are averages of the last activations over the photo and heads are linear, so the product of this gradient with the
//! activations of a place is what that place adds to the score: the class activation map (B. Zhou and others, "Learning Deep
//! Features for Discriminative Localization", CVPR 2016), and where heads are decoded jointly what Grad-CAM comes to (R.
//! Selvaraju and others, ICCV 2017).

use marque_contracts::schema::HeadKind;

use crate::head::HeadConfig;
use crate::hierarchy::{LabelHierarchy, log_softmax};

/// How much the score of an answer rises with a logit.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct LogitWeight {
    /// Position of the logit's head; `None` of the hierarchy's head that is none of the network's.
    pub(crate) head: Option<usize>,
    /// Number of the class.
    pub(crate) class: usize,
    pub(crate) weight: f64,
}

/// The gradient of each head's score by the logits of one photo: of a head by itself, its most probable class's or tag's logit;
/// of one that is decoded jointly, the logarithm of its answer's probability.
pub(crate) fn logit_weights(
    heads: &[HeadConfig],
    logits: &[Vec<f32>],
    hierarchy: Option<(&LabelHierarchy, &[f32])>,
) -> Vec<Vec<LogitWeight>> {
    let alone = |(position, logits): (usize, &Vec<f32>)| {
        let class = most(logits.iter().map(|logit| f64::from(*logit)));
        vec![LogitWeight { head: Some(position), class, weight: 1.0 }]
    };
    let mut all: Vec<_> = logits.iter().enumerate().map(alone).collect();
    if let Some((hierarchy, fine)) = hierarchy {
        jointly(heads, logits, hierarchy, fine, &mut all);
    }
    all
}

fn jointly(
    heads: &[HeadConfig],
    logits: &[Vec<f32>],
    hierarchy: &LabelHierarchy,
    fine: &[f32],
    all: &mut [Vec<LogitWeight>],
) {
    debug_assert_eq!(hierarchy.head.kind, HeadKind::Single);
    let known: Vec<usize> = hierarchy.known().collect();
    let position = heads.iter().position(|head| head.name == hierarchy.head.name);
    // Every expert on the fine class: its head, its logits, and its class for each known fine class.
    let mut experts = vec![(position, fine, known.clone())];
    for (head, classes) in hierarchy.implied(heads) {
        experts.push((Some(head), &logits[head], classes));
    }
    let mut product = vec![0.0; known.len()];
    for (_, logits, classes) in &experts {
        let mut logs: Vec<_> = logits.iter().map(|logit| f64::from(*logit)).collect();
        log_softmax(&mut logs);
        product.iter_mut().zip(classes).for_each(|(sum, class)| *sum += logs[*class]);
    }
    for (head, logits, of) in &experts {
        let Some(head) = *head else { continue };
        // The fine class that speaks for each class of this head.
        let mut speaks: Vec<Option<usize>> = vec![None; logits.len()];
        for (at, class) in of.iter().enumerate() {
            if speaks[*class].is_none_or(|best| product[at] > product[best]) {
                speaks[*class] = Some(at);
            }
        }
        let marginal = |at: &Option<usize>| at.map_or(f64::NEG_INFINITY, |at| product[at]);
        let mut shares: Vec<_> = speaks.iter().map(marginal).collect();
        log_softmax(&mut shares);
        let answer = most(shares.iter().copied());
        let mut weights = Vec::new();
        for (class, at) in speaks.iter().enumerate() {
            let Some(at) = *at else { continue };
            // Of one more on the marginal of each class; what softmaxes of experts add cancels out, as these sum to 0.
            let weight = f64::from(u8::from(class == answer)) - shares[class].exp();
            let of_expert = |(head, _, classes): &(Option<usize>, &[f32], Vec<usize>)| LogitWeight {
                head: *head,
                class: classes[at],
                weight,
            };
            weights.extend(experts.iter().map(of_expert));
        }
        all[head] = weights;
    }
}

/// Position of the largest, the first of equal ones.
fn most(values: impl Iterator<Item = f64>) -> usize {
    let best = values
        .enumerate()
        .fold((0, f64::NEG_INFINITY), |best, (at, value)| if value > best.1 { (at, value) } else { best });
    best.0
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// The same gradients by PyTorch's autograd: crates/network/tests/answer_gradient_constants.py.
    #[test]
    fn gradients_are_those_of_pytorch() {
        let heads = [
            HeadConfig::new("brand", ["Audi", "BMW", "Other"]),
            HeadConfig::new("era", ["old", "new"]),
            HeadConfig::new("extras", ["roof", "alloys"]).with_kind(HeadKind::Tags),
        ];
        let fine = HeadConfig::new("class", ["a", "b", "c", "d", "e"]);
        let implies = BTreeMap::from([
            ("brand".to_owned(), [0, 0, 1, 2, 1].map(Some).to_vec()),
            ("era".to_owned(), vec![Some(0), Some(1), Some(1), Some(0), None]),
        ]);
        let hierarchy = LabelHierarchy { head: fine, implies };
        let logits = [vec![0.5, 1.25, -0.75], vec![0.25, -0.5], vec![-1.0, 0.125]];
        let fine = [1.5, 0.25, 0.75, -1.0, 3.0];
        let found = logit_weights(&heads, &logits, Some((&hierarchy, &fine)));
        let dense = |weights: &[LogitWeight]| {
            let mut dense = [vec![0.0; 3], vec![0.0; 2], vec![0.0; 2], vec![0.0; 5]];
            for LogitWeight { head, class, weight } in weights {
                dense[head.unwrap_or(3)][*class] += weight;
            }
            dense.concat()
        };
        for (found, expected) in found.iter().zip(EXPECTED) {
            let found = dense(found);
            assert!(
                found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-6),
                "{found:?} is not {expected:?}"
            );
        }
    }

    const EXPECTED: [[f64; 12]; 3] = [
        [
            0.331_499_1,
            -0.315_777_466,
            -0.015_721_634,
            0.315_777_466,
            -0.315_777_466,
            0.0,
            0.0,
            0.331_499_1,
            0.0,
            -0.315_777_466,
            -0.015_721_634,
            0.0,
        ],
        [
            0.320_821_301,
            -0.320_821_301,
            0.0,
            0.320_821_301,
            -0.320_821_301,
            0.0,
            0.0,
            0.320_821_301,
            0.0,
            -0.320_821_301,
            0.0,
            0.0,
        ],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    ];
}
