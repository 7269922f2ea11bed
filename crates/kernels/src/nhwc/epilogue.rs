//! The epilogue of a convolution: what is fused with it, on outputs that are still in the cache.

use crate::element::{Cast, keep_nan_max};

/// What is fused with a convolution, done to its output before that leaves the cache: `relu(y * scale + shift + add)`,
/// each part if asked for.
#[derive(Clone, Copy, Debug)]
pub struct Epilogue<'a, E> {
    /// Scale and shift, `[c_out]` each: a batch normalisation by running statistics, folded.
    pub affine: Option<(&'a [f32], &'a [f32])>,
    /// A residual shortcut, shaped like the output.
    pub add: Option<&'a [E]>,
    /// Whether a ReLU follows.
    pub relu: bool,
}

impl<E> Default for Epilogue<'_, E> {
    /// The output as it is.
    fn default() -> Self {
        Self { affine: None, add: None, relu: false }
    }
}

impl<'a, E> Epilogue<'a, E> {
    /// The same, where the element type has another name.
    pub(super) fn cast<To>(self, cast: Cast<E, To>) -> Epilogue<'a, To> {
        Epilogue { affine: self.affine, add: self.add.map(cast.slice), relu: self.relu }
    }
}

impl Epilogue<'_, f32> {
    /// Finishes `y`, whose first value is number `start` of the whole output and belongs to the first channel. Inlined, so
    /// that it is compiled for the vectors of the function around it.
    #[inline(always)]
    pub(super) fn apply(&self, start: usize, y: &mut [f32]) {
        if let Some((scale, shift)) = self.affine {
            for row in y.chunks_exact_mut(scale.len()) {
                for ((y, scale), shift) in row.iter_mut().zip(scale).zip(shift) {
                    *y = *y * scale + shift;
                }
            }
        }
        if let Some(add) = self.add {
            for (y, add) in y.iter_mut().zip(&add[start..]) {
                *y += add;
            }
        }
        if self.relu {
            for y in y {
                *y = keep_nan_max(*y, 0.0);
            }
        }
    }
}
