//! candle tensors as slices, and the checks before that.

use crate::Error;
use candle_core::{CpuStorage, DType, Result, Storage, Tensor};
use std::ops::{Deref, Range};

/// The values of a contiguous `f32` tensor in main memory, locked for reading as long as the result lives.
///
/// # Errors
/// [`Error::Storage`] for another type or device, [`Error::Value`] if the tensor is not contiguous.
pub fn read<'a>(
    operation: &'static str,
    argument: &'static str,
    tensor: &'a Tensor,
) -> Result<impl Deref<Target = [f32]> + 'a> {
    let (found, location) = (tensor.dtype(), tensor.device().location());
    if found != DType::F32 || !tensor.device().is_cpu() {
        return Err(Error::Storage { operation, argument, expected: "F32", found, location }.into());
    }
    let (storage, layout) = tensor.storage_and_layout();
    let Some((start, end)) = layout.contiguous_offsets() else {
        let message = format!("{argument} must be contiguous, found strides {:?}", layout.stride());
        return Err(Error::Value { operation, message }.into());
    };
    Ok(Locked { storage, range: start..end })
}

struct Locked<G> {
    storage: G,
    range: Range<usize>,
}

impl<G: Deref<Target = Storage>> Deref for Locked<G> {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match &*self.storage {
            Storage::Cpu(CpuStorage::F32(values)) => &values[self.range.clone()],
            _ => unreachable!("`read` checked the type and the device"),
        }
    }
}

pub(crate) fn wrong_shape(
    operation: &'static str,
    argument: &'static str,
    tensor: &Tensor,
    expected: impl Into<String>,
) -> candle_core::Error {
    Error::Shape { operation, argument, expected: expected.into(), found: tensor.dims().to_vec() }.into()
}
