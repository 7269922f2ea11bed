//! A model, ready to answer.

use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use marque_augment::mirror;
use marque_contracts::disk::is_there;
use marque_contracts::schema::model::{
    CALIBRATION, CONFIG, CORRECTION, FAMILIARITY, LOCATOR, PREPROCESSOR, WEIGHTS,
};
use marque_contracts::schema::{Normalisation, Preparation, Preprocessor};
use marque_contracts::{Bar, Digest, json};
use marque_network::{Network, NetworkConfig, Precision};
use rayon::prelude::*;

use crate::calibration::{Calibration, HeadCalibration};
use crate::familiarity::{EARLY, Familiarity, PhotoFeatures, feature_widths};
use crate::locator::Locator;
use crate::prediction::{HeadPrediction, Prediction};
use crate::{Error, Settings};

/// A model with all that its answers need.
#[derive(Debug)]
pub struct Predictor {
    folder: PathBuf,
    settings: Settings,
    network: Network,
    locator: Option<Locator>,
    preparation: Preparation,
    normalisation: Normalisation,
    calibration: Calibration,
    familiarity: Option<Familiarity>,
}

/// What the network gives for some photos, before calibration.
#[derive(Clone, PartialEq, Debug)]
pub struct Outputs {
    /// Pooled features that the heads see, photo by photo.
    pub features: Vec<f32>,
    /// Averages over each photo, as it is, of the activations before the last stage.
    pub early: Vec<f32>,
    /// How familiar each photo is, as it is; `None` of a model that does not tell.
    pub familiarity: Option<Vec<f64>>,
    /// Per head the logits, `[photos, classes]` row by row; log probabilities where heads are decoded jointly.
    pub logits: Vec<Vec<f32>>,
}

impl Outputs {
    /// Those of photos of which nothing is to be told but features: of the ones at these positions, rising, their rows of
    /// features and early features.
    #[must_use]
    pub fn features_of(
        &self,
        photos: impl IntoIterator<Item = usize>,
        [width, early]: [usize; 2],
    ) -> [Vec<f32>; 2] {
        let mut rows = [Vec::new(), Vec::new()];
        for photo in photos {
            rows[0].extend(&self.features[photo * width..][..width]);
            rows[1].extend(&self.early[photo * early..][..early]);
        }
        rows
    }

    /// The answers alone.
    #[must_use]
    pub fn without_features(self) -> Self {
        Self { features: Vec::new(), early: Vec::new(), ..self }
    }

    /// Adds those of more photos.
    pub fn append(&mut self, more: Self) {
        self.features.extend(more.features);
        self.early.extend(more.early);
        if let (Some(ranks), Some(more)) = (&mut self.familiarity, more.familiarity) {
            ranks.extend(more);
        }
        self.logits.iter_mut().zip(more.logits).for_each(|(logits, more)| logits.extend(more));
    }
}

impl Predictor {
    /// Opens the folder of a model, to compute with `precision`, whose answers are sure as `settings` say.
    ///
    /// # Errors
    /// If a file is missing or damaged, or files do not fit each other.
    pub fn open(folder: &Path, precision: Precision, settings: &Settings) -> Result<Self, Error> {
        let config: NetworkConfig = json::read(&folder.join(CONFIG))?;
        let preprocessor: Preprocessor = json::read(&folder.join(PREPROCESSOR))?;
        let calibration = Calibration::read(folder, &config.heads)?;
        let preparation = preprocessor.preparation();
        let locator = folder.join(LOCATOR);
        let locator =
            (preparation.margin.is_some() && is_there(&locator)).then(|| Locator::open(&locator, precision));
        let network = Network::open(&config, &folder.join(WEIGHTS))?.with_precision(precision);
        Ok(Self {
            familiarity: Familiarity::read(folder, network.architecture())?,
            folder: folder.to_owned(),
            settings: settings.clone(),
            normalisation: Normalisation::new(config.mean, config.std),
            locator: locator.transpose()?,
            preparation,
            calibration,
            network,
        })
    }

    /// Length of a photo's row of [`features`](Outputs::features), and of [`early`](Outputs::early).
    pub fn feature_widths(&self) -> [usize; 2] {
        feature_widths(self.network.architecture())
    }

    /// What tells photos unlike those that the model learnt from; `None` of a model that does not.
    pub fn familiarity(&self) -> Option<&Familiarity> {
        self.familiarity.as_ref()
    }

    /// The network and its configuration.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// When its answers are sure.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// A digest of the files of the model, which tells it from every other.
    ///
    /// # Errors
    /// If one cannot be read.
    pub fn digest(&self) -> Result<Digest, Error> {
        let locator = [CONFIG, CORRECTION, WEIGHTS].map(|name| format!("{LOCATOR}{name}"));
        let files = [CALIBRATION, CONFIG, FAMILIARITY, PREPROCESSOR, WEIGHTS].into_iter();
        let files = files.chain(locator.iter().map(String::as_str));
        let there = files.map(|name| (name, self.folder.join(name))).filter(|(_, path)| is_there(path));
        let digests = there.map(|(name, path)| Ok((name, Digest::of_file(&path)?)));
        Ok(Digest::of_named(digests.collect::<Result<Vec<_>, Error>>()?))
    }

    /// How a photo becomes the square of pixels that the network sees.
    pub fn preparation(&self) -> &Preparation {
        &self.preparation
    }

    /// What turns logits into probabilities that mean what they say.
    pub fn calibration(&self) -> &Calibration {
        &self.calibration
    }

    /// What the network gives for prepared photos, `size × size × 3` bytes each; with `flip` the mean over each photo and
    /// its mirror image. Empty for no photo.
    ///
    /// # Errors
    /// If a computation fails, as it does for squares that are none.
    pub fn outputs(&self, squares: &[&[u8]], flip: bool) -> Result<Outputs, Error> {
        if squares.is_empty() {
            return Ok(Outputs {
                features: Vec::new(),
                early: Vec::new(),
                familiarity: self.familiarity.as_ref().map(|_| Vec::new()),
                logits: vec![Vec::new(); self.network.config().heads.len()],
            });
        }
        let early = self.early(squares, false)?;
        let mut features = self.network.suffix_eval(&early, EARLY)?;
        let early = averages(&early)?;
        let seen = values(&features)?;
        let ranks =
            |familiarity: &Familiarity| familiarity.ranks(PhotoFeatures { features: &seen, early: &early });
        let familiarity = self.familiarity.as_ref().map(ranks);
        if flip {
            let mirrored = self.network.suffix_eval(&self.early(squares, true)?, EARLY)?;
            features = ((features + mirrored)? * 0.5)?;
        }
        let logits = self.network.logits_of(&features)?.iter().map(values).collect::<Result<_, _>>()?;
        let features = if flip { values(&features)? } else { seen };
        Ok(Outputs { features, early, familiarity, logits })
    }

    /// What finds the car in photos that come without a box; `None` of a model that sees photos whole, or has none.
    pub fn locator(&self) -> Option<&Locator> {
        self.locator.as_ref()
    }

    /// What the network gives for many prepared photos, those that `square` gives by number: `take` gets it for some `batch` of them at
    /// a time, in their order.
    ///
    /// # Errors
    /// As [`outputs`](Self::outputs), and what `square` and `take` say.
    pub fn outputs_of_all<'a, E: From<Error>>(
        &self,
        photos: usize,
        batch: usize,
        flip: bool,
        square: impl Fn(usize) -> Result<&'a [u8], E>,
        bar: &dyn Bar,
        mut take: impl FnMut(Outputs) -> Result<(), E>,
    ) -> Result<(), E> {
        for first in (0..photos).step_by(batch.max(1)) {
            let squares = (first..photos.min(first + batch.max(1))).map(&square);
            let squares = squares.collect::<Result<Vec<_>, _>>()?;
            take(self.outputs(&squares, flip)?)?;
            bar.advance(squares.len() as u64);
        }
        Ok(())
    }

    /// The answers for prepared photos, in their order.
    ///
    /// # Errors
    /// As [`outputs`](Self::outputs), and [`Error::NotFinite`].
    pub fn predict(&self, squares: &[&[u8]], flip: bool) -> Result<Vec<Prediction>, Error> {
        let outputs = self.outputs(squares, flip)?;
        let thresholds = self.calibration.thresholds(self.settings.target_precision, flip);
        let calibration = self.calibration.heads(flip);
        (0..squares.len()).map(|photo| self.prediction(&outputs, photo, calibration, &thresholds)).collect()
    }

    fn prediction(
        &self,
        outputs: &Outputs,
        photo: usize,
        calibration: &[HeadCalibration],
        thresholds: &[Option<f64>],
    ) -> Result<Prediction, Error> {
        let familiarity = outputs.familiarity.as_ref().map(|ranks| ranks[photo]);
        let familiar = familiarity.map(|rank| self.settings.is_familiar(rank));
        // No probability is enough where the photo is unlike those that it was measured on.
        let threshold = |threshold: f64| if familiar == Some(false) { f64::INFINITY } else { threshold };
        let heads = self.network.config().heads.iter().zip(thresholds).zip(&outputs.logits);
        let heads = heads.zip(calibration).map(|(((head, wanted), logits), calibration)| {
            let logits = &logits[photo * head.classes..][..head.classes];
            let finite = logits.iter().all(|logit| logit.is_finite());
            let logits = finite.then(|| calibration.scaled(logits)).ok_or(Error::NotFinite)?;
            Ok(HeadPrediction::new(head.kind, wanted.map(threshold), &logits))
        });
        Ok(Prediction { heads: heads.collect::<Result<_, Error>>()?, car: None, familiarity, familiar })
    }

    /// Activations before the last stage, `[photos, height, width, channels]`.
    pub(crate) fn early(&self, squares: &[&[u8]], mirrored: bool) -> Result<Tensor, Error> {
        let bytes = squares.iter().map(|square| square.len()).max().unwrap_or(0);
        let size = (bytes / 3).isqrt();
        let mut images = vec![0f32; squares.len() * bytes];
        images.par_chunks_exact_mut(bytes.max(1)).zip(squares).for_each(|(image, square)| {
            for (out, pixel) in image.as_chunks_mut::<3>().0.iter_mut().zip(square.as_chunks().0) {
                *out = self.normalisation.pixel(*pixel);
            }
            if mirrored {
                mirror(image, size);
            }
        });
        let images = Tensor::from_vec(images, (squares.len(), size, size, 3), &Device::Cpu)?;
        Ok(self.network.prefix_eval(&images, EARLY)?)
    }
}

/// Averages over height and width, `[photos, channels]` row by row, each photo's in the same order.
fn averages(activations: &Tensor) -> Result<Vec<f32>, Error> {
    let (photos, height, width, channels) = activations.dims4()?;
    let cells = height * width;
    let values = values(activations)?;
    let mut averages = vec![0f32; photos * channels];
    averages.par_chunks_exact_mut(channels).zip(values.par_chunks_exact(cells * channels)).for_each(
        |(sums, photo)| {
            for cell in photo.chunks_exact(channels) {
                sums.iter_mut().zip(cell).for_each(|(sum, value)| *sum += value);
            }
            sums.iter_mut().for_each(|sum| *sum /= cells as f32);
        },
    );
    Ok(averages)
}

pub(crate) fn values(tensor: &Tensor) -> Result<Vec<f32>, Error> {
    Ok(tensor.flatten_all()?.to_vec1()?)
}
