//! The gradients of all parameters, in buffers that are reused from step to step.

use crate::Result;
use crate::parameters::Parameter;
use candle_core::{Tensor, TensorId, Var};
use marque_kernels::read;
use std::collections::HashMap;

/// The gradients of one step, in memory that the next step uses again.
#[derive(Debug, Default)]
pub struct Gradients {
    slots: HashMap<TensorId, Slot>,
}

#[derive(Debug)]
struct Slot {
    values: Vec<f32>,
    /// Whether the last backward pass wrote it.
    written: bool,
}

impl Gradients {
    /// No gradients.
    pub fn new() -> Self {
        Self::default()
    }

    /// The gradient of a variable, in the variable's own order of values; `None` if the last backward pass had
    /// none for it.
    pub fn get(&self, var: &Var) -> Option<&[f32]> {
        self.slots.get(&var.id()).filter(|slot| slot.written).map(|slot| slot.values.as_slice())
    }

    /// Sets the gradient of a variable that the network's backward pass does not write: a learned weight of a loss, say.
    ///
    /// # Panics
    /// If there are not as many values as the variable has.
    pub fn set(&mut self, var: &Var, values: &[f32]) {
        self.slot(var).copy_from_slice(values);
    }

    /// Adds other gradients, parameter by parameter, to these.
    pub fn add(&mut self, parameters: &[Parameter], other: &Self) {
        for parameter in parameters {
            let Some(values) = other.get(&parameter.var) else { continue };
            let known = self.get(&parameter.var).is_some();
            let sums = self.slot(&parameter.var);
            if known {
                sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
            } else {
                sums.copy_from_slice(values);
            }
        }
    }

    /// Multiplies the gradients of some parameters by a factor.
    pub fn scale(&mut self, parameters: &[Parameter], factor: f32) {
        for parameter in parameters {
            let slot = self.slots.get_mut(&parameter.var.id()).filter(|slot| slot.written);
            slot.into_iter().flat_map(|slot| &mut slot.values).for_each(|value| *value *= factor);
        }
    }

    /// Takes in one gradient.
    pub(crate) fn copy(&mut self, var: &Var, gradient: &Tensor) -> Result<()> {
        let gradient = gradient.contiguous()?;
        self.slot(var).copy_from_slice(&read("backward", "a gradient", &gradient)?);
        Ok(())
    }

    /// Forgets all gradients but keeps their memory.
    pub fn clear(&mut self) {
        self.slots.values_mut().for_each(|slot| slot.written = false);
    }

    /// Where to write the gradient of a variable; the content is unspecified.
    pub(crate) fn slot(&mut self, var: &Var) -> &mut [f32] {
        let slot = self
            .slots
            .entry(var.id())
            .or_insert_with(|| Slot { values: vec![0.0; var.elem_count()], written: true });
        slot.written = true;
        &mut slot.values
    }
}
