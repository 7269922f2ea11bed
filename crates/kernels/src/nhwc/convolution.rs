//! Two-dimensional convolution and its gradients.

use super::element::{Element, Source};
use super::im2col::Geometry;
use super::winograd::Layer;
use crate::Error;
use crate::simd::Level;

/// A convolution of known shapes, ready to be computed.
#[derive(Clone, Copy, Debug)]
pub struct Convolution {
    pub(super) geometry: Geometry,
    pub(super) level: Level,
    /// How to compute it by Winograd's algorithm, where that pays.
    pub(super) winograd: Option<Layer>,
}

/// What is done to an output before it leaves the cache: `max(y * scale + shift + add, 0)`, each part if asked for.
#[derive(Clone, Copy, Debug)]
pub struct Epilogue<'a, E> {
    /// Scale and shift, one value per output channel each: a batch normalisation by known statistics.
    pub affine: Option<(&'a [f32], &'a [f32])>,
    /// As many values as the output has.
    pub add: Option<&'a [E]>,
    /// Whether negative values become zero.
    pub relu: bool,
}

impl<E> Default for Epilogue<'_, E> {
    /// Nothing.
    fn default() -> Self {
        Self { affine: None, add: None, relu: false }
    }
}

impl Convolution {
    /// The convolution of `x` `[n, h, w, c_in]` with `weight` `[kh, kw, c_in, c_out]`, giving `[n, oh, ow, c_out]`
    /// where `oh = (h + 2 * padding - kh) / stride + 1`, rounded down, and `ow` likewise. Zeros are padded.
    ///
    /// # Errors
    /// [`Error::Shape`] or [`Error::Value`] if these do not make a convolution.
    pub fn new(x: &[usize], weight: &[usize], stride: usize, padding: usize) -> Result<Self, Error> {
        let geometry = Geometry::new(x, weight, stride, padding)?;
        let level = Level::best();
        Ok(Self { geometry, level, winograd: Layer::of(&geometry, level) })
    }

    /// `[n, oh, ow, c_out]`.
    pub fn output_shape(&self) -> [usize; 4] {
        let g = &self.geometry;
        [g.images, g.out_height, g.out_width, g.outputs]
    }

    /// `[n, h, w, c_in]`.
    pub fn input_shape(&self) -> [usize; 4] {
        let g = &self.geometry;
        [g.images, g.height, g.width, g.inputs]
    }

    /// `[kh, kw, c_in, c_out]`.
    pub fn weight_shape(&self) -> [usize; 4] {
        let g = &self.geometry;
        [g.kernel_height, g.kernel_width, g.inputs, g.outputs]
    }

    /// Pixels from one window to the next.
    pub fn stride(&self) -> usize {
        self.geometry.stride
    }

    /// Multiplications and additions of the definition, counted one by one; each gradient has as many.
    pub fn operations(&self) -> u64 {
        let g = &self.geometry;
        2 * (g.rows() * g.outputs * g.depth()) as u64
    }

    fn check(&self, x: Option<usize>, weight: Option<usize>, y: Option<usize>) {
        let g = &self.geometry;
        let sizes = [g.images * g.height * g.width * g.inputs, g.depth() * g.outputs, g.rows() * g.outputs];
        for (what, (found, size)) in
            ["the input", "the weight", "the output"].iter().zip([x, weight, y].into_iter().zip(sizes))
        {
            assert!(found.is_none_or(|found| found == size), "{what} of {g:?} has {found:?} values");
        }
    }

    fn check_epilogue<E>(&self, epilogue: &Epilogue<'_, E>, y: usize) {
        let outputs = self.geometry.outputs;
        if let Some((scale, shift)) = epilogue.affine {
            let found = [scale.len(), shift.len()];
            assert!(found == [outputs; 2], "scale and shift of {outputs} channels have {found:?} values");
        }
        let add = epilogue.add.map_or(y, <[E]>::len);
        assert!(add == y, "what is added to {y} outputs has {add} values");
    }

    fn check_norm<T>(&self, x: &Source<'_, T>) {
        x.norm.into_iter().for_each(|norm| norm.check(self.geometry.inputs));
    }

    /// Writes the convolution of `x` with `weight` to `y`.
    pub fn forward<T: Element, E: Element>(
        &self,
        x: Source<'_, T>,
        weight: &[f32],
        epilogue: Epilogue<'_, E>,
        y: &mut [E],
    ) {
        self.check(Some(x.values.len()), Some(weight.len()), Some(y.len()));
        self.check_epilogue(&epilogue, y.len());
        self.check_norm(&x);
        E::forward(self, x, weight, epilogue, y);
    }

    /// Writes the gradient of the input to `dx`, or adds it if `accumulate`, from the gradient `dy` of the output.
    pub fn input_gradient<E: Element>(&self, weight: &[f32], dy: &[E], accumulate: bool, dx: &mut [E]) {
        self.check(Some(dx.len()), Some(weight.len()), Some(dy.len()));
        E::input_gradient(self, weight, dy, accumulate, dx);
    }

    /// Writes the gradient of the weight to `dw`, from the input and the gradient `dy` of the output.
    pub fn weight_gradient<T: Element, E: Element>(&self, x: Source<'_, T>, dy: &[E], dw: &mut [f32]) {
        self.check(Some(x.values.len()), Some(dw.len()), Some(dy.len()));
        self.check_norm(&x);
        E::weight_gradient(self, x, dy, dw);
    }
}

/// `max(x, floor)`, but NaN stays NaN, so that a diverged network shows.
#[inline(always)]
pub(crate) fn keep_nan_max(x: f32, floor: f32) -> f32 {
    if x < floor { floor } else { x }
}
