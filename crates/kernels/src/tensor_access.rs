//! candle tensors as slices, and the checks before that.

use crate::Error;
use candle_core::{CpuStorage, DType, Device, DeviceLocation, Layout, Result, Shape, Storage, Tensor};
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
    require_f32(operation, argument, tensor)?;
    let (storage, layout) = tensor.storage_and_layout();
    let (start, end) =
        layout.contiguous_offsets().ok_or_else(|| not_contiguous(operation, argument, layout))?;
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

/// A tensor from values that an operation computed.
pub(crate) fn tensor(values: Vec<f32>, shape: impl Into<Shape>) -> Result<Tensor> {
    Tensor::from_vec(values, shape.into(), &Device::Cpu)
}

/// Refuses everything but `f32` in main memory.
pub(crate) fn require_f32(operation: &'static str, argument: &'static str, tensor: &Tensor) -> Result<()> {
    if tensor.dtype() == DType::F32 && tensor.device().is_cpu() {
        Ok(())
    } else {
        Err(wrong_storage(operation, argument, tensor.dtype(), tensor.device().location()))
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

fn wrong_storage(
    operation: &'static str,
    argument: &'static str,
    found: DType,
    location: DeviceLocation,
) -> candle_core::Error {
    Error::Storage { operation, argument, expected: "F32", found, location }.into()
}

fn not_contiguous(operation: &'static str, argument: &'static str, layout: &Layout) -> candle_core::Error {
    let message = format!("{argument} must be contiguous, found strides {:?}", layout.stride());
    Error::Value { operation, message }.into()
}
