//! The input of a convolution, and its prologue: a normalisation that is computed while the input is packed.

use super::batch_norm::{Normalisation, normalise};
use crate::element::{Element, ElementType};
use crate::scratch::Scratch;
use rayon::prelude::*;
use std::ops::Deref;

/// The input of a convolution: values, or what a normalisation and ReLU make of them, computed as they are packed (a
/// prologue), so that no normalised copy goes through memory.
#[derive(Clone, Copy, Debug)]
pub struct ConvInput<'a, T> {
    /// The values, `[n, h, w, c]`.
    pub values: &'a [T],
    /// The prologue: a normalisation, with ReLU after it.
    pub norm: Option<&'a Normalisation>,
}

impl<'a, T> ConvInput<'a, T> {
    /// The values, without a prologue.
    pub fn plain(values: &'a [T]) -> Self {
        Self { values, norm: None }
    }

    /// `relu(norm(values))`.
    pub fn normalised(values: &'a [T], norm: &'a Normalisation) -> Self {
        Self { values, norm: Some(norm) }
    }
}

impl<'a, T: Element> ConvInput<'a, T> {
    /// Passes on an `f32` input as it is; of a `bf16` one everything is widened, and normalised, first.
    pub(super) fn with_f32(self, read: impl FnOnce(ConvInput<'_, f32>)) {
        match T::TYPE {
            ElementType::F32(cast) => read(ConvInput { values: (cast.slice)(self.values), norm: self.norm }),
            ElementType::Bf16(_) => read(ConvInput::plain(&self.all_as_f32())),
        }
    }

    /// The whole input after its prologue, as `f32`.
    pub(super) fn all_as_f32(self) -> Widened<'a> {
        if let (None, ElementType::F32(cast)) = (self.norm, T::TYPE) {
            return Widened::Borrowed((cast.slice)(self.values));
        }
        const PIECE: usize = 1 << 15;
        let mut all = Scratch::new(self.values.len());
        match self.norm {
            Some(norm) => normalise(self.values, norm, true, &mut all),
            None => all.par_chunks_mut(PIECE).zip(self.values.par_chunks(PIECE)).for_each(|(to, from)| {
                to.iter_mut().zip(from).for_each(|(to, from)| *to = from.widen());
            }),
        }
        Widened::Computed(all)
    }
}

/// Values as `f32`: borrowed where they are `f32` already.
pub(super) enum Widened<'a> {
    Borrowed(&'a [f32]),
    Computed(Scratch),
}

impl Deref for Widened<'_> {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match self {
            Self::Borrowed(values) => values,
            Self::Computed(values) => values,
        }
    }
}
