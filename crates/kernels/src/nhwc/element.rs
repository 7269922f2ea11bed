//! The numbers that activations are kept in.

use super::bf16;
use super::convolution::{Convolution, Epilogue};
use super::normalise::{Norm, normalise};
use super::single;
use crate::scratch::Scratch;
use rayon::prelude::*;
use std::ops::Deref;

/// A number that activations are kept in: `f32`, or `bf16`, which takes half of the memory and is what the matrix
/// units of newer CPUs multiply. Weights, statistics and sums are `f32` all the same.
pub trait Element: Engine + Copy + Default + Send + Sync + std::fmt::Debug + 'static {
    /// The same number.
    fn widen(self) -> f32;

    /// The nearest number, of two equally near ones the even one. NaN stays NaN.
    fn narrow(value: f32) -> Self;

    /// The values, if they are `f32`.
    fn as_f32(values: &[Self]) -> Option<&[f32]>;

    /// The values, if they are `bf16`.
    fn as_bf16(values: &[Self]) -> Option<&[half::bf16]>;
}

impl Element for f32 {
    #[inline(always)]
    fn widen(self) -> f32 {
        self
    }

    #[inline(always)]
    fn narrow(value: f32) -> Self {
        value
    }

    fn as_f32(values: &[Self]) -> Option<&[f32]> {
        Some(values)
    }

    fn as_bf16(_: &[Self]) -> Option<&[half::bf16]> {
        None
    }
}

impl Element for half::bf16 {
    #[inline(always)]
    fn widen(self) -> f32 {
        f32::from_bits(u32::from(self.to_bits()) << 16)
    }

    #[inline(always)]
    fn narrow(value: f32) -> Self {
        Self::from_bits(narrow_bits(value) as u16)
    }

    fn as_f32(_: &[Self]) -> Option<&[f32]> {
        None
    }

    fn as_bf16(values: &[Self]) -> Option<&[half::bf16]> {
        Some(values)
    }
}

/// The bits of the nearest `bf16`, in the lower half. Without branches, so that loops of it become vectors.
#[inline(always)]
pub(super) fn narrow_bits(value: f32) -> u32 {
    let bits = value.to_bits();
    let nearest = bits.wrapping_add(0x7fff + ((bits >> 16) & 1)) >> 16;
    let quiet = (bits >> 16) | 0x40;
    if value.is_nan() { quiet } else { nearest }
}

/// What a convolution reads: values, or what a normalisation makes of them, computed on the way.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a, T> {
    /// `[n, h, w, c]`.
    pub values: &'a [T],
    /// What the values are normalised by, with ReLU after it.
    pub norm: Option<&'a Norm>,
}

impl<'a, T> Source<'a, T> {
    /// The values themselves.
    pub fn plain(values: &'a [T]) -> Self {
        Self { values, norm: None }
    }

    /// `max(normalised values, 0)`.
    pub fn normalised(values: &'a [T], norm: &'a Norm) -> Self {
        Self { values, norm: Some(norm) }
    }
}

impl<'a, T: Element> Source<'a, T> {
    /// Passes on what is `f32` as it is; of anything else all is computed first.
    fn with_f32(self, read: impl FnOnce(Source<'_, f32>)) {
        match T::as_f32(self.values) {
            Some(values) => read(Source { values, norm: self.norm }),
            None => read(Source::plain(&self.all_as_f32())),
        }
    }

    /// All of it, computed, as `f32`.
    pub(super) fn all_as_f32(self) -> Widened<'a> {
        if let (None, Some(values)) = (self.norm, T::as_f32(self.values)) {
            return Widened::Borrowed(values);
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

/// Values as `f32`.
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

/// How convolutions are computed whose activations are kept in a kind of number. For this crate alone.
#[doc(hidden)]
pub trait Engine: Sized {
    fn forward<T: Element>(
        convolution: &Convolution,
        x: Source<'_, T>,
        weight: &[f32],
        epilogue: Epilogue<'_, Self>,
        y: &mut [Self],
    );

    fn input_gradient(
        convolution: &Convolution,
        weight: &[f32],
        dy: &[Self],
        accumulate: bool,
        dx: &mut [Self],
    );

    fn weight_gradient<T: Element>(convolution: &Convolution, x: Source<'_, T>, dy: &[Self], dw: &mut [f32]);
}

impl Engine for f32 {
    fn forward<T: Element>(
        convolution: &Convolution,
        x: Source<'_, T>,
        weight: &[f32],
        epilogue: Epilogue<'_, Self>,
        y: &mut [Self],
    ) {
        x.with_f32(|x| single::forward(convolution, x, weight, epilogue, y));
    }

    fn input_gradient(
        convolution: &Convolution,
        weight: &[f32],
        dy: &[Self],
        accumulate: bool,
        dx: &mut [Self],
    ) {
        single::input_gradient(convolution, weight, dy, accumulate, dx);
    }

    fn weight_gradient<T: Element>(convolution: &Convolution, x: Source<'_, T>, dy: &[Self], dw: &mut [f32]) {
        x.with_f32(|x| single::weight_gradient(convolution, x, dy, dw));
    }
}

impl Engine for half::bf16 {
    fn forward<T: Element>(
        convolution: &Convolution,
        x: Source<'_, T>,
        weight: &[f32],
        epilogue: Epilogue<'_, Self>,
        y: &mut [Self],
    ) {
        bf16::forward(&convolution.geometry, x, weight, epilogue, y);
    }

    fn input_gradient(
        convolution: &Convolution,
        weight: &[f32],
        dy: &[Self],
        accumulate: bool,
        dx: &mut [Self],
    ) {
        bf16::input_gradient(&convolution.geometry, weight, dy, accumulate, dx);
    }

    fn weight_gradient<T: Element>(convolution: &Convolution, x: Source<'_, T>, dy: &[Self], dw: &mut [f32]) {
        bf16::weight_gradient(&convolution.geometry, x, dy, dw);
    }
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
            let (found, expected) = (<half::bf16 as Element>::narrow(value), half::bf16::from_f32(value));
            assert!(found == expected || found.is_nan() && expected.is_nan(), "{value:e}");
            assert!(Element::widen(found) == expected.to_f32() || value.is_nan());
        }
    }

    /// What is read as `bf16` and what is read as the same numbers in `f32`, plain and normalised.
    #[test]
    fn convolutions_in_f32_read_bf16() {
        let convolution = Convolution::new(&[3, 30, 31, 40], &[3, 3, 40, 8], 2, 1).unwrap();
        let values = |len: usize, seed: usize| -> Vec<half::bf16> {
            (0..len).map(|index| Element::narrow(((index * 31 + seed) % 17) as f32 / 4.0 - 2.0)).collect()
        };
        let x = values(3 * 30 * 31 * 40, 1);
        let wide: Vec<f32> = x.iter().map(|x| x.widen()).collect();
        let weight: Vec<f32> = values(9 * 40 * 8, 2).iter().map(|w| w.widen()).collect();
        let dy: Vec<f32> = values(3 * 15 * 16 * 8, 3).iter().map(|dy| dy.widen()).collect();
        let moments = crate::nhwc::Moments { mean: vec![0.5; 40], variance: vec![2.0; 40] };
        let norm = Norm::new(&moments, &[1.5; 40], &[-0.25; 40], 1e-5);
        for norm in [None, Some(&norm)] {
            let (mut y, mut dw) =
                ([(); 2].map(|()| vec![f32::NAN; dy.len()]), [(); 2].map(|()| weight.clone()));
            let epilogue = Epilogue::default();
            convolution.forward(Source { values: &x, norm }, &weight, epilogue, &mut y[0]);
            convolution.forward(Source { values: &wide, norm }, &weight, epilogue, &mut y[1]);
            assert!(y[0].iter().all(|y| y.is_finite()) && y[0] == y[1], "{norm:?}");
            convolution.weight_gradient(Source { values: &x, norm }, &dy, &mut dw[0]);
            convolution.weight_gradient(Source { values: &wide, norm }, &dy, &mut dw[1]);
            assert!(dw[0] == dw[1] && dw[0] != weight, "{norm:?}");
        }
    }
}
