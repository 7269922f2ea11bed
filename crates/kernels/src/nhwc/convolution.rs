//! Two-dimensional convolution (cross-correlation, as everywhere in deep learning: the kernel is not flipped) and its
//! gradients by input and weight. There is no bias, no dilation and no groups.
//!
//! Which algorithm computes a convolution or one of its gradients follows from element type, instruction set and shape:
//!
//! | element type | pass, shape | algorithm |
//! |---|---|---|
//! | `f32` | 3×3 at stride 1, channels that fill vectors, tiles that save multiplications | Winograd, F(4×4, 3×3) |
//! | `f32` | everything else | GEMM over the column matrix (im2col) |
//! | `bf16` | all | GEMM of 32×32 blocks, by the best unit of the CPU ([`Bf16Unit`]) |

use super::bf16::{self, Bf16Unit};
use super::conv_input::ConvInput;
use super::epilogue::Epilogue;
use super::geometry::Geometry;
use super::im2col_gemm;
use super::winograd::{self, Layer};
use crate::Error;
use crate::element::{Element, ElementType};
use crate::simd::Level;

/// A convolution of checked shapes.
#[derive(Clone, Copy, Debug)]
pub struct Convolution {
    pub(crate) geometry: Geometry,
    /// The images that the forward pass's algorithm is chosen for.
    batch: usize,
}

impl Convolution {
    /// The convolution of `x` `[n, h, w, c_in]` with `weight` `[kh, kw, c_in, c_out]`, giving `[n, oh, ow, c_out]`
    /// where `oh = (h + 2 * padding - kh) / stride + 1`, rounded down, and `ow` likewise. Padding is with zeros.
    ///
    /// # Errors
    /// [`Error::Shape`] if a size is zero or the shapes do not match; [`Error::Value`] if the stride is zero, the kernel
    /// does not fit into the padded image, or the sizes are too large for memory.
    pub fn new(x: &[usize], weight: &[usize], stride: usize, padding: usize) -> Result<Self, Error> {
        let geometry = Geometry::new(x, weight, stride, padding)?;
        Ok(Self { geometry, batch: geometry.images })
    }

    /// The same, whose forward pass goes the way that is best for a batch of `images`: then no bit of an image's output depends
    /// on how many others there are.
    #[must_use]
    pub fn as_in_batch_of(self, images: usize) -> Self {
        Self { batch: images, ..self }
    }

    /// The shape of the output, `[n, oh, ow, c_out]`.
    pub fn output_shape(&self) -> [usize; 4] {
        let g = &self.geometry;
        [g.images, g.out_height, g.out_width, g.outputs]
    }

    /// The shape of the input, `[n, h, w, c_in]`.
    pub fn input_shape(&self) -> [usize; 4] {
        let g = &self.geometry;
        [g.images, g.height, g.width, g.inputs]
    }

    /// The shape of the weight, `[kh, kw, c_in, c_out]`.
    pub fn weight_shape(&self) -> [usize; 4] {
        let g = &self.geometry;
        [g.kernel_height, g.kernel_width, g.inputs, g.outputs]
    }

    /// The stride, in pixels.
    pub fn stride(&self) -> usize {
        self.geometry.stride
    }

    /// Floating point operations by the definition, a multiplication and an addition counted as two, whatever the
    /// algorithm; each gradient has as many.
    pub fn operations(&self) -> u64 {
        let g = &self.geometry;
        2 * (g.rows() * g.outputs * g.depth()) as u64
    }

    fn check(&self, x: usize, weight: usize, y: usize) {
        let g = &self.geometry;
        let (inputs, outputs) = (g.images * g.height * g.width * g.inputs, g.rows() * g.outputs);
        assert_eq!(x, inputs, "values of the input of {g:?}");
        assert_eq!(weight, g.depth() * g.outputs, "values of the weight of {g:?}");
        assert_eq!(y, outputs, "values of the output of {g:?}");
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

    fn check_norm<T>(&self, x: &ConvInput<'_, T>) {
        x.norm.into_iter().for_each(|norm| norm.check(self.geometry.inputs));
    }

    /// Writes the convolution of `x` with `weight`, finished by the epilogue, to `y`.
    pub fn forward<T: Element, E: Element>(
        &self,
        x: ConvInput<'_, T>,
        weight: &[f32],
        epilogue: Epilogue<'_, E>,
        y: &mut [E],
    ) {
        let (g, level) = (&self.geometry, Level::best());
        self.check(x.values.len(), weight.len(), y.len());
        self.check_epilogue(&epilogue, y.len());
        self.check_norm(&x);
        match E::TYPE {
            ElementType::F32(cast) => {
                let (epilogue, y) = (epilogue.cast(cast), (cast.slice_mut)(y));
                x.with_f32(|x| match Layer::of_batch(g, level, self.batch) {
                    Some(layer) => winograd::convolve(level, layer, x, weight, false, false, epilogue, y),
                    None => im2col_gemm::forward(level, g, x, weight, epilogue, y),
                });
            }
            ElementType::Bf16(cast) => {
                bf16::forward(Bf16Unit::best(), g, x, weight, epilogue.cast(cast), (cast.slice_mut)(y));
            }
        }
    }

    /// Writes the gradient of the input to `dx`, or adds it if `accumulate`, from the gradient `dy` of the output (without
    /// an epilogue).
    pub fn input_gradient<E: Element>(&self, weight: &[f32], dy: &[E], accumulate: bool, dx: &mut [E]) {
        let (g, level) = (&self.geometry, Level::best());
        self.check(dx.len(), weight.len(), dy.len());
        match E::TYPE {
            ElementType::F32(cast) => {
                let (dy, dx) = ((cast.slice)(dy), (cast.slice_mut)(dx));
                // At stride 1 it is a convolution of the output's gradient.
                match g.mirrored().and_then(|mirrored| Layer::of(&mirrored, level)) {
                    Some(layer) => {
                        let (dy, nothing) = (ConvInput::plain(dy), Epilogue::default());
                        winograd::convolve(level, layer, dy, weight, true, accumulate, nothing, dx);
                    }
                    None => im2col_gemm::input_gradient(level, g, weight, dy, accumulate, dx),
                }
            }
            ElementType::Bf16(cast) => {
                let (dy, dx) = ((cast.slice)(dy), (cast.slice_mut)(dx));
                bf16::input_gradient(Bf16Unit::best(), g, weight, dy, accumulate, dx);
            }
        }
    }

    /// Writes the gradient of the weight to `dw`, from the input `x` and the gradient `dy` of the output (without an
    /// epilogue).
    pub fn weight_gradient<T: Element, E: Element>(&self, x: ConvInput<'_, T>, dy: &[E], dw: &mut [f32]) {
        let (g, level) = (&self.geometry, Level::best());
        self.check(x.values.len(), dw.len(), dy.len());
        self.check_norm(&x);
        match E::TYPE {
            ElementType::F32(cast) => x.with_f32(|x| match Layer::of(g, level) {
                Some(layer) => winograd::weight_gradient(level, layer, x, (cast.slice)(dy), dw),
                None => im2col_gemm::weight_gradient(g, x, (cast.slice)(dy), dw),
            }),
            ElementType::Bf16(cast) => bf16::weight_gradient(Bf16Unit::best(), g, x, (cast.slice)(dy), dw),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nhwc::Normalisation;
    use half::bf16;

    /// What is read as `bf16` and what is read as the same numbers in `f32`, plain and normalised.
    #[test]
    fn convolutions_in_f32_read_bf16() {
        let convolution = Convolution::new(&[3, 30, 31, 40], &[3, 3, 40, 8], 2, 1).unwrap();
        let values = |len: usize, seed: usize| -> Vec<bf16> {
            (0..len).map(|index| Element::narrow(((index * 31 + seed) % 17) as f32 / 4.0 - 2.0)).collect()
        };
        let x = values(3 * 30 * 31 * 40, 1);
        let wide: Vec<f32> = x.iter().map(|x| x.widen()).collect();
        let weight: Vec<f32> = values(9 * 40 * 8, 2).iter().map(|w| w.widen()).collect();
        let dy: Vec<f32> = values(3 * 15 * 16 * 8, 3).iter().map(|dy| dy.widen()).collect();
        let moments = crate::nhwc::Moments { mean: vec![0.5; 40], variance: vec![2.0; 40] };
        let norm = Normalisation::new(&moments, &[1.5; 40], &[-0.25; 40], 1e-5);
        for norm in [None, Some(&norm)] {
            let (mut y, mut dw) =
                ([(); 2].map(|()| vec![f32::NAN; dy.len()]), [(); 2].map(|()| weight.clone()));
            let epilogue = Epilogue::default();
            convolution.forward(ConvInput { values: &x, norm }, &weight, epilogue, &mut y[0]);
            convolution.forward(ConvInput { values: &wide, norm }, &weight, epilogue, &mut y[1]);
            assert!(y[0].iter().all(|y| y.is_finite()) && y[0] == y[1], "{norm:?}");
            convolution.weight_gradient(ConvInput { values: &x, norm }, &dy, &mut dw[0]);
            convolution.weight_gradient(ConvInput { values: &wide, norm }, &dy, &mut dw[1]);
            assert!(dw[0] == dw[1] && dw[0] != weight, "{norm:?}");
        }
    }
}
