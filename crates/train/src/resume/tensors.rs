//! Safetensors files of named lists of f32.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use marque_contracts::durable::write_atomic;
use marque_network::little_endian;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::Error;

/// Writes lists by name, and flushes them to disk.
pub(super) fn write<'a>(
    path: &Path,
    named: impl IntoIterator<Item = (String, &'a [f32])>,
) -> Result<(), Error> {
    let bytes: Vec<_> = named.into_iter().map(|(name, values)| (name, little_endian(values))).collect();
    let mut views = Vec::with_capacity(bytes.len());
    for (name, bytes) in &bytes {
        let view =
            TensorView::new(Dtype::F32, vec![bytes.len() / 4], bytes).map_err(candle_core::Error::from)?;
        views.push((name.as_str(), view));
    }
    let file =
        safetensors::serialize(views, None::<HashMap<String, String>>).map_err(candle_core::Error::from)?;
    Ok(write_atomic(path, &file)?)
}

/// Reads all lists.
pub(super) fn read(path: &Path) -> Result<BTreeMap<String, Vec<f32>>, Error> {
    let bytes = fs_err::read(path)?;
    let tensors = SafeTensors::deserialize(&bytes).map_err(|e| Error::state(path, e.to_string()))?;
    let mut named = BTreeMap::new();
    for (name, view) in tensors.iter() {
        let values = view.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
        named.insert(name.to_owned(), values.collect());
    }
    Ok(named)
}
