//! Two models on the same photos: how much better one is than the other, and whether that could be chance.
//!
//! Both are right about most photos together, so that their difference is known far better than either accuracy: resamples
//! draw photos with both answers (B. Efron, R. Tibshirani, *An Introduction to the Bootstrap*, 1993), by group of duplicates.
//! McNemar's test looks at the photos about which one alone is right (Q. McNemar, "Note on the sampling error of the difference
//! between correlated proportions or percentages", Psychometrika 12, 1947), by the exact binomial probability.

use marque_contracts::schema::{HeadKind, Label};
use serde::{Deserialize, Serialize};

use crate::bootstrap::{Groups, RESAMPLES, interval};
use crate::{HeadCounts, Proportion};

/// A difference with its interval.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Difference {
    /// Of the first model.
    pub a: f64,
    /// Of the second.
    pub b: f64,
    /// The second's less the first's.
    pub difference: f64,
    /// The difference's 95% interval, of resamples.
    pub interval: [f64; 2],
}

/// A head of two models, on photos whose label is known.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PairedHead {
    /// Name of the head.
    pub name: String,
    /// Photos.
    pub photos: u64,
    /// Accuracy: of tags, that they match exactly.
    pub accuracy: Difference,
    /// Macro-F1; `None` if it is not defined.
    pub macro_f1: Option<Difference>,
    /// Photos about which the first alone is right.
    pub only_a_right: u64,
    /// Photos about which the second alone is right.
    pub only_b_right: u64,
    /// McNemar's test: how probable so uneven numbers would be if both were as good.
    pub p_value: f64,
}

/// What two models answer about a photo.
#[derive(Clone, PartialEq, Debug)]
pub struct Pair {
    /// What is true.
    pub label: Label,
    /// What both answer.
    pub answers: [Label; 2],
}

impl PairedHead {
    /// Compares answers about photos, of which those with the same number in `groups` repeat each other. `None` if no label is
    /// known.
    pub fn measure(
        name: &str,
        kind: HeadKind,
        classes: usize,
        pairs: &[Pair],
        groups: &[usize],
    ) -> Option<Self> {
        let known = (0..pairs.len()).filter(|photo| pairs[*photo].label.is_known());
        let groups = Groups::of(known, groups)?;
        let counted = |photos: &mut dyn Iterator<Item = usize>| {
            let mut counts = [(); 2].map(|()| HeadCounts::new(kind, classes));
            for photo in photos {
                let Pair { label, answers } = &pairs[photo];
                counts.iter_mut().zip(answers).for_each(|(counts, it)| counts.count_predicted(it, label));
            }
            let accuracy = [0, 1].map(|side| counts[side].accuracy().share);
            [accuracy, [0, 1].map(|side| counts[side].macro_f1())]
        };
        let mut rng = Groups::generator(&format!("paired bootstrap of {name}"));
        let mut differences = [Vec::new(), Vec::new()];
        for _ in 0..RESAMPLES {
            let scores = counted(&mut groups.draw(&mut rng));
            for (differences, [a, b]) in differences.iter_mut().zip(scores) {
                differences.extend(a.zip(b).map(|(a, b)| b - a));
            }
        }
        let [accuracy, macro_f1] = counted(&mut groups.photos());
        let [of_accuracy, of_macro_f1] = differences;
        let difference = |[a, b]: [Option<f64>; 2], differences: Vec<f64>| {
            let (a, b) = a.zip(b)?;
            Some(Difference { a, b, difference: b - a, interval: interval(differences)? })
        };
        let alone = |side: usize| {
            let right = |pair: &Pair, side: usize| pair.answers[side] == pair.label;
            groups
                .photos()
                .filter(|photo| right(&pairs[*photo], side) && !right(&pairs[*photo], 1 - side))
                .count()
        };
        let [only_a_right, only_b_right] = [0, 1].map(|side| alone(side) as u64);
        Some(Self {
            name: name.to_owned(),
            photos: groups.photos().count() as u64,
            accuracy: difference(accuracy, of_accuracy)?,
            macro_f1: difference(macro_f1, of_macro_f1),
            only_a_right,
            only_b_right,
            p_value: mcnemar(only_a_right, only_b_right),
        })
    }

    /// Accuracies with their own intervals, which are wider than that of the difference.
    pub fn accuracies(&self) -> [Proportion; 2] {
        [self.accuracy.a, self.accuracy.b]
            .map(|share| Proportion::new((share * self.photos as f64).round() as u64, self.photos))
    }
}

/// The two-sided exact probability of numbers so uneven, if each photo were as likely to be of either.
fn mcnemar(a: u64, b: u64) -> f64 {
    let all = a + b;
    let mut ln_ways = -(all as f64) * std::f64::consts::LN_2;
    let mut tail = 0.0;
    for right in 0..=a.min(b) {
        tail += ln_ways.exp();
        ln_ways += ((all - right) as f64 / (right + 1) as f64).ln();
    }
    (2.0 * tail).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `scipy.stats.binomtest(a, a + b).pvalue`, SciPy 1.17.
    #[test]
    fn probabilities_are_those_of_scipy() {
        for (a, b, expected) in [
            (0, 0, 1.0),
            (3, 3, 1.0),
            (1, 9, 0.021_484_375),
            (20, 40, 0.013_489_293_731_191_86),
            (400, 300, 0.000_178_476_314_485_624_4),
            (0, 5, 0.0625),
        ] {
            let found = mcnemar(a, b);
            assert!((found - expected).abs() < 1e-9, "{a} and {b}: {found} is not {expected}");
            assert!((found - mcnemar(b, a)).abs() < 1e-12);
        }
    }

    #[test]
    fn the_difference_is_known_better_than_either_accuracy() {
        let class = |right: bool| Label::Class(usize::from(!right));
        // Both are right about the first 160 of 200, the second about 10 more, the first about 2.
        let pairs: Vec<_> = (0..200)
            .map(|photo| Pair {
                label: Label::Class(0),
                answers: [class(photo < 162), class(photo < 160 || (162..172).contains(&photo))],
            })
            .collect();
        let groups: Vec<_> = (0..200).collect();
        let found = PairedHead::measure("brand", HeadKind::Single, 2, &pairs, &groups).unwrap();
        assert_eq!((found.photos, found.only_a_right, found.only_b_right), (200, 2, 10));
        assert!((found.accuracy.difference - 0.04).abs() < 1e-12);
        let [low, high] = found.accuracy.interval;
        let [wide_low, wide_high] = found.accuracies()[0].interval.unwrap();
        assert!(low > 0.0 && high < 0.1 && high - low < wide_high - wide_low, "{low} to {high}");
        let none = vec![Pair { label: Label::Unknown, answers: [Label::Class(0), Label::Class(1)] }];
        assert_eq!(PairedHead::measure("brand", HeadKind::Single, 2, &none, &[0]), None);
    }
}
