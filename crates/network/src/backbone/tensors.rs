//! Shapes and buffers of activations.

use candle_core::Tensor;
use marque_kernels::nhwc::Element;

/// The shape of a tensor of rank 4.
pub(super) fn shape_of(images: &Tensor) -> [usize; 4] {
    let mut shape = [0; 4];
    shape.copy_from_slice(images.dims());
    shape
}

/// The number of values in a tensor of this shape.
pub(super) fn elements(shape: [usize; 4]) -> usize {
    shape.iter().product()
}

/// The first `len` values of a buffer that grows as needed.
pub(super) fn sized<E: Element>(buffer: &mut Vec<E>, len: usize) -> &mut [E] {
    if buffer.len() < len {
        buffer.resize(len, E::default());
    }
    &mut buffer[..len]
}

/// Rounds f32 to the type of the activations.
pub(super) fn narrow<E: Element>(from: &[f32], to: &mut [E]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to = E::narrow(*from));
}

/// Whether every value is finite.
pub(crate) fn is_finite<E: Element>(values: &[E]) -> bool {
    values.iter().all(|value| value.widen().is_finite())
}
