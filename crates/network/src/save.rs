//! Writing weights files.

use std::collections::HashMap;
use std::path::Path;

use candle_core::{Tensor, Var};
use safetensors::tensor::{Dtype, TensorView};

use crate::head::HeadConfig;
use crate::network::Network;
use crate::{Result, names};

/// The tensor as a file holds it: convolutions as `[c_out, c_in, kh, kw]`, all else as it is.
pub(crate) fn to_file_layout(var: &Var) -> candle_core::Result<Tensor> {
    let tensor = var.as_detached_tensor();
    if tensor.rank() == 4 { tensor.permute((3, 2, 0, 1))?.contiguous() } else { tensor.contiguous() }
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
            let values = to_file_layout(var)?.flatten_all()?.to_vec1::<f32>()?;
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            tensors.push((name, file_shape(var), bytes));
        }
        Ok(fs_err::write(path, serialize(&tensors)?)?)
    }

    /// Parameters and running statistics with their names.
    pub(crate) fn named_variables(&self) -> impl Iterator<Item = (&str, &Var)> {
        let parameters = self.parameters().iter().map(|parameter| (parameter.name.as_str(), &parameter.var));
        parameters.chain(self.buffers().iter().map(|buffer| (buffer.name.as_str(), &buffer.var)))
    }
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
