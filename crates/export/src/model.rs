//! A trained network, read from its folder.

use std::io;
use std::path::{Path, PathBuf};

use marque_contracts::json;
use marque_contracts::schema::model::{CONFIG, PREPROCESSOR, WEIGHTS};
use marque_contracts::schema::{HeadKind, Preparation, Preprocessor};
use marque_network::{HeadConfig, NetworkConfig};
use safetensors::tensor::{Dtype, SafeTensors};

use crate::Error;
use crate::calibration::Calibration;

/// A trained network: its description and its weights.
#[derive(Clone, Debug)]
pub struct Model {
    folder: PathBuf,
    config: NetworkConfig,
    preparation: Option<Preparation>,
    calibration: Option<Calibration>,
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
        let calibration = Calibration::read(folder, &config)?;
        let weights = fs_err::read(folder.join(WEIGHTS))?;
        let model = Self { folder: folder.to_owned(), config, preparation, calibration, weights };
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

    /// What was learnt of its own answers, by `calibration.json`, if that is there.
    pub(crate) fn calibration(&self) -> Option<&Calibration> {
        self.calibration.as_ref()
    }

    /// What the logits of a head are divided by: one number, or one per tag.
    pub(crate) fn temperatures(&self, head: &HeadConfig) -> Vec<f64> {
        let count = if head.kind == HeadKind::Tags { head.classes } else { 1 };
        match self.calibration.as_ref().map(|calibration| calibration.temperatures(&head.name)) {
            None | Some([]) => vec![1.0; count],
            Some(temperatures) => temperatures.to_owned(),
        }
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
