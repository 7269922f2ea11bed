//! Changing a variable's values where they are.

use std::sync::Mutex;

use candle_core::{CpuStorage, InplaceOp1, Layout, Var, bail};

/// Calls `change` with the values of a variable.
///
/// # Errors
/// If they are not f32 in one piece in the memory of the CPU.
pub(crate) fn change(var: &Var, change: impl FnOnce(&mut [f32])) -> candle_core::Result<()> {
    var.as_tensor().inplace_op1(&Change(Mutex::new(Some(change))))
}

/// Candle hands out the storage behind a shared reference to the operation, hence the mutex; nobody contends for it.
struct Change<F>(Mutex<Option<F>>);

impl<F: FnOnce(&mut [f32])> InplaceOp1 for Change<F> {
    fn name(&self) -> &'static str {
        "change"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> candle_core::Result<()> {
        let (CpuStorage::F32(values), Some((start, end))) = (storage, layout.contiguous_offsets()) else {
            bail!("a variable must hold contiguous f32 values");
        };
        let change = self.0.lock().ok().and_then(|mut change| change.take());
        if let Some(change) = change {
            change(&mut values[start..end]);
        }
        Ok(())
    }
}
