//! Writing weights files.

use std::collections::HashMap;
use std::path::Path;

use candle_core::Var;
use marque_kernels::read;
use safetensors::tensor::{Dtype, TensorView};

use crate::file_layout::to_file;
use crate::head::HeadConfig;
use crate::network::Network;
use crate::{Result, names};

/// A variable's values as a file holds them: convolutions as `[c_out, c_in, kh, kw]`, all else as it is.
fn file_values(var: &Var) -> candle_core::Result<Vec<f32>> {
    let values = read("saving", "a variable", var)?;
    Ok(match *var.dims() {
        [kh, kw, inputs, outputs] => to_file(&values, [kh, kw, inputs, outputs]),
        _ => values.to_vec(),
    })
}

/// The shape that a variable has in a file.
pub(crate) fn file_shape(var: &Var) -> Vec<usize> {
    match *var.dims() {
        [kh, kw, inputs, outputs] => vec![outputs, inputs, kh, kw],
        ref dims => dims.to_vec(),
    }
}

impl Network {
    /// Writes parameters and running statistics as safetensors in torchvision's names and layout, f32, sorted
    /// by name: the same bytes for the same values.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) if the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        self.save_with(|_| true, path)
    }

    /// The same without the heads for which `keep` is false: a model of [`crate::NetworkConfig::with_heads`].
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) if the file cannot be written.
    pub fn save_with(&self, keep: impl Fn(&HeadConfig) -> bool, path: &Path) -> Result<()> {
        let fine = self.config().with_heads(&keep).hierarchy.map(|hierarchy| hierarchy.head.name);
        let is_left_out = |head: &&HeadConfig| !keep(head) && fine.as_ref() != Some(&head.name);
        let left_out: Vec<String> = (self.config().heads.iter().filter(is_left_out))
            .flat_map(|head| ["weight", "bias"].map(|kind| names::head(&head.name, kind)))
            .collect();
        let mut tensors = Vec::new();
        for (name, var) in self.named_variables().filter(|(name, _)| left_out.iter().all(|left| left != name))
        {
            tensors.push((name, file_shape(var), little_endian(&file_values(var)?)));
        }
        Ok(fs_err::write(path, serialize(&tensors)?)?)
    }

    /// Parameters and running statistics with their names.
    pub(crate) fn named_variables(&self) -> impl Iterator<Item = (&str, &Var)> {
        let parameters = self.parameters().iter().map(|parameter| (parameter.name.as_str(), &parameter.var));
        parameters.chain(self.buffers().iter().map(|buffer| (buffer.name.as_str(), &buffer.var)))
    }
}

/// The bytes of values as files hold them.
pub fn little_endian(values: &[f32]) -> Vec<u8> {
    // In place, and not one after the other into a vector that grows: that takes twenty times as long.
    let mut bytes = vec![0; 4 * values.len()];
    bytes
        .as_chunks_mut::<4>()
        .0
        .iter_mut()
        .zip(values)
        .for_each(|(bytes, value)| *bytes = value.to_le_bytes());
    bytes
}

/// A safetensors file of f32 tensors: name, shape and little-endian bytes of each.
fn serialize(tensors: &[(&str, Vec<usize>, Vec<u8>)]) -> candle_core::Result<Vec<u8>> {
    let mut views = Vec::with_capacity(tensors.len());
    for (name, shape, bytes) in tensors {
        views.push((*name, TensorView::new(Dtype::F32, shape.clone(), bytes)?));
    }
    // The one key that Python's loaders look for. More than one would come out in random order.
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    Ok(safetensors::serialize(views, Some(metadata))?)
}
