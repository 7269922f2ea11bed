//! The number types that activations are stored in. They know no algorithm.

use half::bf16;

/// A number type that activations are stored in: `f32`, or [`bf16`], which takes half of the memory and is what the
/// matrix units of newer CPUs multiply. Weights, batch statistics and accumulators are `f32` with either.
pub trait Element: Copy + Default + Send + Sync + std::fmt::Debug + 'static {
    /// Which of the types this is.
    const TYPE: ElementType<Self>;

    /// The same number as `f32`, exactly.
    fn widen(self) -> f32;

    /// The nearest number of this type; ties go to the even one. NaN stays NaN.
    fn narrow(value: f32) -> Self;
}

/// Which number type `E` is, with casts to that type: by matching on it, code that is generic over the element type
/// calls what is there for one type alone.
#[derive(Clone, Copy, Debug)]
pub enum ElementType<E: 'static> {
    /// `E` is `f32`.
    F32(Cast<E, f32>),
    /// `E` is `bf16`.
    Bf16(Cast<E, bf16>),
}

/// Casts between two names of one type.
#[derive(Clone, Copy, Debug)]
pub struct Cast<E: 'static, To: 'static> {
    /// Casts a slice.
    pub slice: fn(&[E]) -> &[To],
    /// Casts a mutable slice.
    pub slice_mut: fn(&mut [E]) -> &mut [To],
}

impl Element for f32 {
    const TYPE: ElementType<Self> =
        ElementType::F32(Cast { slice: |values| values, slice_mut: |values| values });

    #[inline(always)]
    fn widen(self) -> f32 {
        self
    }

    #[inline(always)]
    fn narrow(value: f32) -> Self {
        value
    }
}

impl Element for bf16 {
    const TYPE: ElementType<Self> =
        ElementType::Bf16(Cast { slice: |values| values, slice_mut: |values| values });

    #[inline(always)]
    fn widen(self) -> f32 {
        f32::from_bits(u32::from(self.to_bits()) << 16)
    }

    #[inline(always)]
    fn narrow(value: f32) -> Self {
        Self::from_bits(narrow_bits(value) as u16)
    }
}

/// The bits of the nearest `bf16`, in the lower half. Without branches, so that loops of it become vectors.
#[inline(always)]
pub(crate) fn narrow_bits(value: f32) -> u32 {
    let bits = value.to_bits();
    let nearest = bits.wrapping_add(0x7fff + ((bits >> 16) & 1)) >> 16;
    let quiet = (bits >> 16) | 0x40;
    if value.is_nan() { quiet } else { nearest }
}

/// `max(x, floor)`, but NaN stays NaN, so that a diverged network shows.
#[inline(always)]
pub(crate) fn keep_nan_max(x: f32, floor: f32) -> f32 {
    if x < floor { floor } else { x }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn narrows_as_half_does() {
        let mut bits = 1u32;
        for _ in 0..100_000 {
            bits = bits.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let value = f32::from_bits(bits);
            let (found, expected) = (<bf16 as Element>::narrow(value), bf16::from_f32(value));
            assert!(found == expected || found.is_nan() && expected.is_nan(), "{value:e}");
            assert!(Element::widen(found) == expected.to_f32() || value.is_nan());
        }
    }
}
