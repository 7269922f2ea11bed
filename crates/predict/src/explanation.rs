//! Where the network looked: class activation maps, and the photo as the network saw it to lay them over.

use marque_contracts::schema::Preparation;
use marque_photo::{Budget, Photo, Preparer};

use crate::familiarity::EARLY;
use crate::photo_input::{PhotoError, PhotoInput};
use crate::predictor::values;
use crate::preparing::{square, with_file};
use crate::{Error, Prediction, Predictor, Reading};

/// What each place of a photo adds to the score of a head's answer (B. Zhou and others, "Learning Deep Features for
/// Discriminative Localization", 2016): to the logit of the answered class, or, where heads answer together, to the logarithm
/// of the answer's probability, by its gradient. Of tags, to the logit of the most probable one.
#[derive(Clone, PartialEq, Debug)]
pub struct ActivationMap {
    /// Cells side by side.
    pub width: usize,
    /// Cells one below the other.
    pub height: usize,
    /// Row by row from the top left, in units of the score. Their mean, with the head's bias, is the score of a head that answers
    /// by itself.
    pub values: Vec<f32>,
}

/// A photo, and where the network looked for each head's answer.
#[derive(Clone, PartialEq, Debug)]
pub struct Explanation {
    /// Height and width of `square`, in pixels.
    pub size: usize,
    /// What the network saw, larger: RGB, `size × size × 3` bytes.
    pub square: Vec<u8>,
    /// By head, in the order of the model's.
    pub maps: Vec<ActivationMap>,
}

impl ActivationMap {
    /// How much each cell speaks for the answer, beside the one that does most: from 0 to 1. All 0 if none does.
    pub fn heat(&self) -> Vec<f32> {
        let most = self.values.iter().copied().fold(0.0, f32::max);
        let share = |value: &f32| if most > 0.0 { (value / most).max(0.0) } else { 0.0 };
        self.values.iter().map(share).collect()
    }
}

impl Predictor {
    /// Where the network looks in a prepared photo, `size × size × 3` bytes: a map per head, in the order of the model's.
    ///
    /// # Errors
    /// If a computation fails, as it does for a square that is none.
    pub fn activation_maps(&self, square: &[u8]) -> Result<Vec<ActivationMap>, Error> {
        let early = self.early(&[square], false)?;
        let gradients = self.network().answer_gradients(&self.network().suffix_eval(&early, EARLY)?)?;
        let last = self.network().last_activations(&early, EARLY)?;
        let (_, height, width, channels) = last.dims4()?;
        let activations = values(&last)?;
        let map = |gradient: Vec<f32>| {
            let along = |cell: &[f32]| cell.iter().zip(&gradient).map(|(a, b)| a * b).sum();
            ActivationMap { width, height, values: activations.chunks_exact(channels).map(along).collect() }
        };
        Ok(gradients.into_iter().map(map).collect())
    }

    /// Where the network looked in a photo that it has answered about, with what it saw in `size × size` pixels.
    ///
    /// # Errors
    /// If the network fails; inside, if the photo cannot be read any more.
    pub fn explain(
        &self,
        input: &PhotoInput,
        prediction: &Prediction,
        reading: &Reading,
        size: usize,
    ) -> Result<Result<Explanation, PhotoError>, Error> {
        let budget = Budget::new(reading.max_decode_bytes);
        let crop = prediction.car.filter(|car| !car.given).map_or(input.crop, |car| Some(car.crop));
        let larger = Preparation { size, ..self.preparation().clone() };
        let squares = [self.preparation(), &larger].map(|preparation| {
            with_file(input, |file| {
                let photo = Photo::read(file, reading.max_pixels)?;
                square(&mut Preparer::new(preparation, &budget), &photo, crop)
            })
        });
        let (seen, square) = match squares {
            [Ok(seen), Ok(shown)] => (seen, shown),
            [Err(error), _] | [_, Err(error)] => return Ok(Err(error)),
        };
        Ok(Ok(Explanation { size, square, maps: self.activation_maps(&seen)? }))
    }
}
