//! A trained network, read from its folder.

use std::io;
use std::path::{Path, PathBuf};

use marque_contracts::json;
use marque_contracts::schema::model::{CONFIG, PREPROCESSOR, WEIGHTS};
use marque_contracts::schema::{HeadKind, Preparation, Preprocessor};
use marque_network::{HeadConfig, NetworkConfig};
use marque_predict::{Calibration, Familiarity};
use safetensors::tensor::{Dtype, SafeTensors};

use crate::Error;

/// A trained network: its description and its weights.
#[derive(Clone, Debug)]
pub struct Model {
    folder: PathBuf,
    config: NetworkConfig,
    preparation: Option<Preparation>,
    calibration: Calibration,
    familiarity_photos: usize,
    weights: Vec<u8>,
}

impl Model {
    /// Opens the folder of a model: that of a training (`model/`), or one of its checkpoints.
    ///
    /// # Errors
    /// If a file is missing or not as expected.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(CONFIG);
        let config: NetworkConfig = json::read(&path)?;
        config.check().map_err(|source| Error::Config { path, source })?;
        let preparation = match json::read::<Preprocessor>(&folder.join(PREPROCESSOR)) {
            Ok(preprocessor) => Some(preprocessor.preparation()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error.into()),
        };
        let calibration = Calibration::read(folder, &config.heads)?;
        // Its bytes are handed on as they are, to predictors that would refuse another network's.
        let familiarity = Familiarity::read(folder, &config.architecture())?;
        let familiarity_photos = familiarity.map_or(0, |familiarity| familiarity.photos());
        let weights = fs_err::read(folder.join(WEIGHTS))?;
        let model =
            Self { folder: folder.to_owned(), config, preparation, calibration, familiarity_photos, weights };
        model.tensors()?;
        Ok(model)
    }

    /// The configuration: `config.json`.
    pub fn config(&self) -> &NetworkConfig {
        &self.config
    }

    /// The folder it was read from.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// How photos are prepared for it, by `preprocessor_config.json`, if that is there.
    pub(crate) fn preparation(&self) -> Option<&Preparation> {
        self.preparation.as_ref()
    }

    /// What was learnt of its own answers, by `calibration.json`.
    pub(crate) fn calibration(&self) -> &Calibration {
        &self.calibration
    }

    /// Validation photos that ranks of familiarity are among; 0 of a model that does not tell them.
    pub(crate) fn familiarity_photos(&self) -> usize {
        self.familiarity_photos
    }

    /// What the logits of a head are divided by: one number, or one per tag.
    pub(crate) fn temperatures(&self, head: &HeadConfig) -> Vec<f64> {
        let count = if head.kind == HeadKind::Tags { head.classes } else { 1 };
        let heads = self.config.heads.iter().zip(self.calibration.heads(false));
        let of_head = heads.filter(|(known, _)| known.name == head.name);
        let mut temperatures = of_head.map(|(_, it)| &it.temperatures).filter(|each| !each.is_empty());
        temperatures.next().map_or_else(|| vec![1.0; count], Clone::clone)
    }

    /// Number of trainable weights: batch norm's running statistics are not.
    pub(crate) fn parameters(&self) -> usize {
        let trainable = |name: &str| !name.contains(".running_");
        self.tensors().map_or(0, |file| {
            let tensors = file.iter().filter(|(name, _)| trainable(name));
            tensors.map(|(_, view)| view.shape().iter().product::<usize>()).sum()
        })
    }

    /// The values of a weight, f32, which must have this shape in torchvision's layout.
    pub(crate) fn tensor(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, Error> {
        let file = self.tensors()?;
        let view = file.tensor(name).map_err(|_| self.refuse(format!("there is no `{name}`")))?;
        if view.dtype() != Dtype::F32 || view.shape() != shape {
            let reason = format!(
                "`{name}` is {:?} of shape {:?}, expected F32 of shape {shape:?}",
                view.dtype(),
                view.shape()
            );
            return Err(self.refuse(reason));
        }
        let (values, _) = view.data().as_chunks::<4>();
        Ok(values.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    }

    fn tensors(&self) -> Result<SafeTensors<'_>, Error> {
        SafeTensors::deserialize(&self.weights).map_err(|error| self.refuse(error.to_string()))
    }

    fn refuse(&self, reason: String) -> Error {
        Error::Weights { path: self.folder.join(WEIGHTS), reason }
    }
}
