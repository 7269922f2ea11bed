//! A model, ready to answer.

use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use marque_augment::mirror;
use marque_contracts::schema::model::{CALIBRATION, CONFIG, LOCATOR, PREPROCESSOR, WEIGHTS};
use marque_contracts::schema::{Normalisation, Preparation, Preprocessor};
use marque_contracts::{Bar, Digest, json};
use marque_network::{Network, NetworkConfig, PARTS, Precision};
use rayon::prelude::*;

use crate::calibration::Calibration;
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
    /// Per head the least probability of an answer that is sure; `None` where nothing says.
    thresholds: Vec<Option<f64>>,
}

/// What the network gives for some photos, before calibration.
#[derive(Clone, PartialEq, Debug)]
pub struct Outputs {
    /// Pooled features, photo by photo.
    pub features: Vec<f32>,
    /// Per head the logits, `[photos, classes]` row by row; log probabilities where heads are decoded jointly.
    pub logits: Vec<Vec<f32>>,
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
            (preparation.margin.is_some() && locator.exists()).then(|| Locator::open(&locator, precision));
        let network = Network::open(&config, &folder.join(WEIGHTS))?.with_precision(precision);
        Ok(Self {
            folder: folder.to_owned(),
            settings: settings.clone(),
            normalisation: Normalisation::new(config.mean, config.std),
            locator: locator.transpose()?,
            preparation,
            thresholds: calibration.thresholds(settings.target_precision),
            calibration,
            network,
        })
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
        let files = [CALIBRATION, CONFIG, PREPROCESSOR, WEIGHTS].into_iter();
        let there = files.map(|name| (name, self.folder.join(name))).filter(|(_, path)| path.exists());
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
            let logits = vec![Vec::new(); self.network.config().heads.len()];
            return Ok(Outputs { features: Vec::new(), logits });
        }
        let mut features = self.features(squares, false)?;
        if flip {
            features = ((features + self.features(squares, true)?)? * 0.5)?;
        }
        let logits = self.network.logits_of(&features)?.iter().map(values).collect::<Result<_, _>>()?;
        Ok(Outputs { features: values(&features)?, logits })
    }

    /// What finds the car in photos that come without a box; `None` of a model that sees photos whole, or has none.
    pub fn locator(&self) -> Option<&Locator> {
        self.locator.as_ref()
    }

    /// The logits of each head for many prepared photos, `[photos, classes]` row by row: those that `square` gives by number, some
    /// `batch` at a time.
    ///
    /// # Errors
    /// As [`outputs`](Self::outputs), and what `square` says.
    pub fn logits_of_all<'a, E: From<Error>>(
        &self,
        photos: usize,
        batch: usize,
        flip: bool,
        square: impl Fn(usize) -> Result<&'a [u8], E>,
        bar: &dyn Bar,
    ) -> Result<Vec<Vec<f32>>, E> {
        let mut logits = vec![Vec::new(); self.network.config().heads.len()];
        for first in (0..photos).step_by(batch.max(1)) {
            let squares = (first..photos.min(first + batch.max(1))).map(&square);
            let squares = squares.collect::<Result<Vec<_>, _>>()?;
            for (all, head) in logits.iter_mut().zip(self.outputs(&squares, flip)?.logits) {
                all.extend(head);
            }
            bar.advance(squares.len() as u64);
        }
        Ok(logits)
    }

    /// The answers for prepared photos, in their order.
    ///
    /// # Errors
    /// As [`outputs`](Self::outputs), and [`Error::NotFinite`].
    pub fn predict(&self, squares: &[&[u8]], flip: bool) -> Result<Vec<Prediction>, Error> {
        let outputs = self.outputs(squares, flip)?;
        (0..squares.len()).map(|photo| self.prediction(&outputs, photo)).collect()
    }

    fn prediction(&self, outputs: &Outputs, photo: usize) -> Result<Prediction, Error> {
        let heads = self.network.config().heads.iter().zip(&self.thresholds).zip(&outputs.logits);
        let heads = heads.zip(self.calibration.heads()).map(|(((head, threshold), logits), calibration)| {
            let logits = &logits[photo * head.classes..][..head.classes];
            let finite = logits.iter().all(|logit| logit.is_finite());
            let logits = finite.then(|| calibration.scaled(logits)).ok_or(Error::NotFinite)?;
            Ok(HeadPrediction::new(head.kind, *threshold, &logits))
        });
        Ok(Prediction { heads: heads.collect::<Result<_, Error>>()?, car: None })
    }

    /// Pooled features, `[photos, features]`.
    fn features(&self, squares: &[&[u8]], mirrored: bool) -> Result<Tensor, Error> {
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
        Ok(self.network.prefix_eval(&images, PARTS)?)
    }
}

fn values(tensor: &Tensor) -> Result<Vec<f32>, Error> {
    Ok(tensor.flatten_all()?.to_vec1()?)
}
