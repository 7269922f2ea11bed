//! The file: `bank`, f16 `[photos, features]`; `mean`, f32 `[channels]`; `cholesky`, f32 `[channels, channels]`; `standard`, f32
//! `[2, 2]`, mean and deviation of the similarity to the bank, and of the negative squared distance from the mean; `validation`,
//! f32 `[photos]`, the validation photos' sums of both in these units, rising.

use std::path::Path;

use half::f16;
use marque_contracts::disk::is_there;
use marque_contracts::durable::write_atomic;
use marque_contracts::schema::model::FAMILIARITY;
use marque_network::{Architecture, little_endian};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use super::{Bank, Familiarity, feature_widths};
use crate::Error;
use crate::familiarity::gaussian::Gaussian;

impl Familiarity {
    /// Reads it from the folder of a network's model; `None` of a model without.
    ///
    /// # Errors
    /// If the file cannot be read, is damaged, or is of a network with other widths.
    pub fn read(folder: &Path, network: &Architecture) -> Result<Option<Self>, Error> {
        let path = folder.join(FAMILIARITY);
        if !is_there(&path) {
            return Ok(None);
        }
        let bytes = fs_err::read(&path)?;
        let mismatch = |reason: String| Error::Mismatch { path: path.clone(), reason };
        let file = SafeTensors::deserialize(&bytes).map_err(|error| mismatch(error.to_string()))?;
        let [features, channels] = feature_widths(network);
        // A side of a shape that is `None` may have any length.
        let tensor = |name: &str, dtype: Dtype, shape: &[Option<usize>]| {
            let view = file.tensor(name).map_err(|_| mismatch(format!("it has no `{name}`")))?;
            let mut sides = view.shape().iter().zip(shape);
            let fits = view.shape().len() == shape.len()
                && sides.all(|(side, wanted)| wanted.is_none_or(|wanted| *side == wanted));
            match view.dtype() == dtype && fits && !view.data().is_empty() {
                true => Ok(view.data().to_vec()),
                false => Err(mismatch(format!("`{name}` is {:?} of shape {:?}", view.dtype(), view.shape()))),
            }
        };
        let single = |bytes: Vec<u8>| {
            bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect::<Vec<_>>()
        };
        let bank = tensor("bank", Dtype::F16, &[None, Some(features)])?;
        let standard = single(tensor("standard", Dtype::F32, &[Some(2), Some(2)])?);
        let familiarity = Self {
            bank: Bank::new(
                features,
                bank.as_chunks().0.iter().map(|bytes| f16::from_le_bytes(*bytes)).collect(),
            ),
            gaussian: Gaussian {
                mean: single(tensor("mean", Dtype::F32, &[Some(channels)])?),
                cholesky: single(tensor("cholesky", Dtype::F32, &[Some(channels), Some(channels)])?),
            },
            standard: [[standard[0], standard[1]], [standard[2], standard[3]]],
            validation: single(tensor("validation", Dtype::F32, &[None])?),
        };
        match familiarity.is_usable() {
            true => Ok(Some(familiarity)),
            false => Err(mismatch("its spreads or ranks are none".to_owned())),
        }
    }

    /// Writes it into a model's folder.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), Error> {
        let [features, channels] = self.widths();
        let bank: Vec<u8> = self.bank.rows.iter().flat_map(|value| value.to_le_bytes()).collect();
        let tensors = [
            ("bank", Dtype::F16, vec![self.bank.rows.len() / features, features], bank),
            ("cholesky", Dtype::F32, vec![channels; 2], little_endian(&self.gaussian.cholesky)),
            ("mean", Dtype::F32, vec![channels], little_endian(&self.gaussian.mean)),
            ("standard", Dtype::F32, vec![2, 2], little_endian(self.standard.as_flattened())),
            ("validation", Dtype::F32, vec![self.validation.len()], little_endian(&self.validation)),
        ];
        let path = folder.join(FAMILIARITY);
        let damaged = |error: safetensors::SafeTensorError| Error::Mismatch {
            path: path.clone(),
            reason: error.to_string(),
        };
        let views = tensors.iter().map(|(name, dtype, shape, bytes)| {
            Ok((*name, TensorView::new(*dtype, shape.clone(), bytes).map_err(damaged)?))
        });
        let views = views.collect::<Result<Vec<_>, Error>>()?;
        let bytes = safetensors::serialize(views, None).map_err(damaged)?;
        Ok(write_atomic(&path, &bytes)?)
    }
}
