//! From features of training and validation photos.

use super::{Bank, Familiarity, PhotoFeatures, sums};
use crate::familiarity::gaussian::Gaussian;

/// Training photos that are kept at most: with more the nearest ones are hardly nearer, and the model's folder grows.
const BANK: usize = 4096;

impl Familiarity {
    /// Validation photos that are needed: fewer do not tell what is far.
    pub const FEWEST: usize = 10;

    /// Which of so many training photos it is fitted on: all, or 4,096 of them, evenly over their order.
    pub fn sample(photos: usize) -> impl Iterator<Item = usize> {
        let kept = photos.min(BANK);
        (0..kept).map(move |at| at * photos / kept)
    }

    /// Of photos that the model learnt from, and of the validation photos, which it did not. `widths` are the lengths of a photo's two
    /// rows. `None` without training photos or ten validation photos, or if these are all alike or their features no numbers: there
    /// is nothing then to tell photos by.
    pub fn fit(
        widths: [usize; 2],
        training: PhotoFeatures<'_>,
        validation: PhotoFeatures<'_>,
    ) -> Option<Self> {
        let [features, channels] = widths;
        if training.features.is_empty() || validation.features.len() < Self::FEWEST * features {
            return None;
        }
        let bank = Bank::of(training.features, features);
        let gaussian = Gaussian::fit(training.early, channels);
        let near = bank.similarities(validation.features);
        let central = gaussian.nearness(validation.early);
        let standard = [spread(&near), spread(&central)];
        let mut validation = sums(&near, &central, standard);
        validation.sort_by(f32::total_cmp);
        let familiarity = Self { bank, gaussian, standard, validation };
        familiarity.is_usable().then_some(familiarity)
    }
}

/// Mean and standard deviation; 1 of values that are all the same.
fn spread(values: &[f32]) -> [f32; 2] {
    let count = values.len() as f64;
    let mean = values.iter().map(|value| f64::from(*value)).sum::<f64>() / count;
    let variance = values.iter().map(|value| (f64::from(*value) - mean).powi(2)).sum::<f64>() / count;
    let deviation = if variance > 0.0 { variance.sqrt() } else { 1.0 };
    [mean as f32, deviation as f32]
}
