//! Slices: photos that have something in common, and whether a head is worse on them than on the others.
//!
//! Among many slices of few photos some are bad by chance. So each share comes with its interval, and with the probability of so
//! few right photos if the slice made no difference: Fisher's exact test, one-sided (R. A. Fisher, *The Design of
//! Experiments*, 1935), corrected for the number of tests so that of the slices that are called weak one in twenty is
//! expected to be no worse than the rest (Y. Benjamini, Y. Hochberg, "Controlling the False Discovery Rate", 1995).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Predictions, Proportion};

/// Parts of equal numbers of photos that numbers are cut into.
const PARTS: usize = 4;

/// What is known of each photo of a split.
#[derive(Clone, Debug)]
pub struct Attribute {
    /// What it is: "make".
    pub name: String,
    /// A value a photo; `None` where it is not known.
    pub values: AttributeValues,
}

/// Values of an attribute, photo by photo.
#[derive(Clone, Debug)]
pub enum AttributeValues {
    /// Words: a slice each.
    Text(Vec<Option<String>>),
    /// Numbers, and how one is written: cut into quarters of the photos.
    Number(Vec<Option<f64>>, fn(f64) -> String),
}

/// Photos with the same value.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Slice {
    /// What they have in common: "make".
    pub attribute: String,
    /// Its value: "BMW".
    pub value: String,
    /// How many there are, with labels and without.
    pub photos: u64,
    /// Per head, in the order of the predictions.
    pub heads: Vec<SliceHead>,
}

/// How good a head is on a slice. Photos whose label is not known are left out.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SliceHead {
    /// Name of the head.
    pub name: String,
    /// Photos of the slice that it is right about; tags only if they match exactly.
    pub right: Proportion,
    /// Share of the other photos that it is right about; `None` if there are none.
    pub rest: Option<f64>,
    /// The least false discovery rate at which the slice would be called weak, from 0 to 1; `None` if there is nothing to
    /// compare.
    pub q_value: Option<f64>,
}

impl SliceHead {
    /// The false discovery rate at which slices are called weak.
    pub const WEAK: f64 = 0.05;

    /// Whether the head is worse here than elsewhere, as far as this number of photos can tell.
    pub fn is_weak(&self) -> bool {
        self.q_value.is_some_and(|q| q <= Self::WEAK)
    }
}

impl Slice {
    /// Cuts the photos by each attribute that tells them apart: by attribute as given, then by value.
    pub fn measure(predictions: &Predictions, attributes: &[Attribute]) -> Vec<Self> {
        let verdicts: Vec<Vec<_>> = predictions
            .heads()
            .iter()
            .map(|head| (0..head.photos()).map(|photo| head.is_right(photo)).collect())
            .collect();
        let totals: Vec<_> = verdicts.iter().map(|of| Counted::of(of.iter().copied())).collect();
        let chance = Chance::of(predictions.file_names().len());
        let mut slices: Vec<Self> = Vec::new();
        for attribute in attributes {
            let parts = attribute.values.parts();
            if parts.len() < 2 {
                continue;
            }
            slices.extend(parts.into_iter().map(|(value, photos)| {
                let heads = predictions.heads().iter().zip(&verdicts).zip(&totals);
                let heads = heads.map(|((head, verdicts), all)| {
                    let here = Counted::of(photos.iter().map(|photo| verdicts[*photo]));
                    let rest = Proportion::new(all.right - here.right, all.known - here.known).share;
                    SliceHead {
                        name: head.name().to_owned(),
                        right: Proportion::new(here.right, here.known),
                        rest,
                        q_value: (here.known > 0 && rest.is_some()).then(|| chance.fewer_right(here, *all)),
                    }
                });
                let (attribute, photos) = (attribute.name.clone(), photos.len() as u64);
                Self { attribute, value, photos, heads: heads.collect() }
            }));
        }
        correct(slices.iter_mut().flat_map(|slice| &mut slice.heads).filter_map(|it| it.q_value.as_mut()));
        slices
    }
}

impl AttributeValues {
    /// Names of the slices and their photos; photos whose value is not known are in none.
    fn parts(&self) -> Vec<(String, Vec<usize>)> {
        match self {
            Self::Text(values) => {
                let mut parts = BTreeMap::<_, Vec<usize>>::new();
                for (photo, value) in values.iter().enumerate() {
                    if let Some(value) = value {
                        parts.entry(value.clone()).or_default().push(photo);
                    }
                }
                parts.into_iter().collect()
            }
            Self::Number(values, written) => quarters(values, *written),
        }
    }
}

/// The mean of all colours of a photo, of levels from 0 to 255: from 0 to 1. `None` without pixels.
pub fn brightness(pixels: &[u8]) -> Option<f64> {
    let sum: u64 = pixels.iter().map(|level| u64::from(*level)).sum();
    (!pixels.is_empty()).then(|| sum as f64 / pixels.len() as f64 / 255.0)
}

/// Cuts numbers into parts of equal numbers of photos; equal numbers stay together.
fn quarters(values: &[Option<f64>], written: fn(f64) -> String) -> Vec<(String, Vec<usize>)> {
    let known = values.iter().enumerate().filter_map(|(photo, value)| Some((value.as_ref()?, photo)));
    let mut known: Vec<(f64, usize)> = known.map(|(value, photo)| (*value, photo)).collect();
    known.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let mut parts = Vec::new();
    let mut rest = known.as_slice();
    for part in 1..=PARTS {
        let end = (known.len() * part / PARTS).saturating_sub(known.len() - rest.len());
        let Some((last, _)) = end.checked_sub(1).and_then(|last| rest.get(last)) else { continue };
        let end = rest.partition_point(|(value, _)| value.total_cmp(last).is_le());
        let (here, after) = rest.split_at(end);
        let (low, high) = (written(here[0].0), written(*last));
        let name = if low == high { low } else { format!("{low} to {high}") };
        parts.push((name, here.iter().map(|(_, photo)| *photo).collect()));
        rest = after;
    }
    parts
}

/// Photos whose label is known, and of these those that are right.
#[derive(Clone, Copy)]
struct Counted {
    known: u64,
    right: u64,
}

impl Counted {
    fn of(verdicts: impl Iterator<Item = Option<bool>>) -> Self {
        verdicts.flatten().fold(Self { known: 0, right: 0 }, |Self { known, right }, is_right| Self {
            known: known + 1,
            right: right + u64::from(is_right),
        })
    }
}

/// The hypergeometric distribution, by logarithms of factorials.
struct Chance {
    ln_factorials: Vec<f64>,
}

impl Chance {
    /// For up to so many photos.
    fn of(photos: usize) -> Self {
        let sums = (1..=photos).scan(0.0, |sum, n| {
            *sum += (n as f64).ln();
            Some(*sum)
        });
        Self { ln_factorials: std::iter::once(0.0).chain(sums).collect() }
    }

    /// The probability that of all photos `here.known` drawn at random have `here.right` right ones or fewer.
    fn fewer_right(&self, here: Counted, all: Counted) -> f64 {
        let wrong = all.known - all.right;
        let fewest = here.known.saturating_sub(wrong);
        let ways = |right: u64| {
            let ln_ways = self.ln_choose(all.right, right) + self.ln_choose(wrong, here.known - right);
            (ln_ways - self.ln_choose(all.known, here.known)).exp()
        };
        (fewest..=here.right).map(ways).sum::<f64>().min(1.0)
    }

    fn ln_choose(&self, n: u64, k: u64) -> f64 {
        let [n, k, rest] = [n, k, n - k].map(|count| self.ln_factorials[count as usize]);
        n - k - rest
    }
}

/// From probabilities by chance to false discovery rates.
fn correct<'a>(values: impl Iterator<Item = &'a mut f64>) {
    let mut values: Vec<_> = values.collect();
    values.sort_by(|a, b| a.total_cmp(b));
    let tests = values.len() as f64;
    let mut least = 1.0_f64;
    for (rank, value) in values.into_iter().enumerate().rev() {
        least = least.min(*value * tests / (rank + 1) as f64);
        *value = least;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `scipy.stats.hypergeom.cdf(right, all known, all right, known)`, SciPy 1.17.
    #[test]
    fn probabilities_are_those_of_scipy() {
        for (here, all, expected) in [
            ((5, 2), (100, 90), 0.006_637_912_897_117_61),
            ((40, 30), (500, 450), 0.003_372_740_809_472_314_6),
            ((10, 10), (100, 90), 1.0),
            ((10, 0), (20, 10), 5.412_544_112_234_515e-6),
        ] {
            let [here, all] = [here, all].map(|(known, right)| Counted { known, right });
            let found = Chance::of(500).fewer_right(here, all);
            assert!((found - expected).abs() <= 1e-9 * expected, "{found} is not {expected}");
        }
    }

    /// `scipy.stats.false_discovery_control`.
    #[test]
    fn false_discovery_rates_are_those_of_scipy() {
        let mut values = [0.01, 0.5, 0.02, 0.03, 0.9];
        correct(values.iter_mut());
        let expected = [0.05, 0.625, 0.05, 0.05, 0.9];
        assert!(values.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{values:?}");
    }

    #[test]
    fn numbers_are_cut_into_quarters_and_equal_ones_stay_together() {
        let written = |value: f64| format!("{value}");
        let parts = |values: &[f64]| {
            let values: Vec<_> = values.iter().copied().map(Some).collect();
            quarters(&values, written)
                .into_iter()
                .map(|(name, photos)| (name, photos.len()))
                .collect::<Vec<_>>()
        };
        let named = |expected: &[(&str, usize)]| {
            expected.iter().map(|(name, photos)| ((*name).to_owned(), *photos)).collect::<Vec<_>>()
        };
        assert_eq!(
            parts(&[8.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]),
            named(&[("1 to 2", 2), ("3 to 4", 2), ("5 to 6", 2), ("7 to 8", 2)])
        );
        assert_eq!(parts(&[1.0, 1.0, 1.0, 1.0, 1.0, 2.0]), named(&[("1", 5), ("2", 1)]));
        assert_eq!(parts(&[1.0, 1.0]), named(&[("1", 2)]));
        assert_eq!(parts(&[]), named(&[]));
    }
}
