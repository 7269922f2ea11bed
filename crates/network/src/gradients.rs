//! Gradients of parameters.

use candle_core::{TensorId, Var};
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

    /// Takes in a gradient computed elsewhere.
    ///
    /// # Panics
    /// If it has not as many values as the variable.
    pub fn set(&mut self, var: &Var, values: &[f32]) {
        self.slot(var).copy_from_slice(values);
    }

    /// Forgets all gradients but keeps their memory.
    pub(crate) fn clear(&mut self) {
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
