//! Maximum pooling, global average pooling, and their gradients.

use crate::Error;
use crate::element::Element;
use crate::simd::{Level, Simd, Work};
use rayon::prelude::*;
use std::ops::Range;

const MAX: &str = "max_pool2d";

/// Maximum pooling of known shapes.
///
/// As in PyTorch: padding counts as minus infinity, NaN wins, and the gradient goes to the first of equal maxima
/// in reading order.
#[derive(Clone, Copy, Debug)]
pub struct MaxPool {
    images: usize,
    height: usize,
    width: usize,
    channels: usize,
    kernel: usize,
    stride: usize,
    padding: usize,
    out_height: usize,
    out_width: usize,
}

impl MaxPool {
    /// Over `kernel` by `kernel` windows of `[n, h, w, c]`, giving `[n, oh, ow, c]` where `oh = (h + 2 * padding -
    /// kernel) / stride + 1`, rounded down, and `ow` likewise.
    ///
    /// # Errors
    /// [`Error::Shape`] if a size is zero or all of them together are too large; [`Error::Value`] if the kernel is zero
    /// or above 15, the stride is zero, the padding is more than half of the kernel (windows of nothing but padding
    /// would result), or the kernel does not fit.
    pub fn new(
        [images, height, width, channels]: [usize; 4],
        kernel: usize,
        stride: usize,
        padding: usize,
    ) -> Result<Self, Error> {
        let refuse = |message: String| Err(Error::Value { operation: MAX, message });
        let shape = [images, height, width, channels];
        // Of the output in `f32`, which has at most twice the input's rows and columns.
        let bytes = shape.iter().try_fold(16usize, |bytes, &size| bytes.checked_mul(size));
        if shape.contains(&0) || bytes.is_none_or(|bytes| bytes > isize::MAX as usize) {
            return Err(Error::Shape {
                operation: MAX,
                argument: "the input",
                expected: "[n, h, w, c] without zeros, of a size that fits into memory".to_owned(),
                found: shape.to_vec(),
            });
        }
        if kernel == 0 || stride == 0 {
            return refuse(format!("kernel and stride must be at least 1, found {kernel} and {stride}"));
        }
        if padding > kernel / 2 {
            return refuse(format!(
                "the padding must be at most half of the kernel, found {padding} and {kernel}"
            ));
        }
        let size = height.min(width).saturating_add(2 * padding);
        if kernel > size {
            return refuse(format!(
                "a {kernel}x{kernel} window does not fit a {height}x{width} image padded by {padding}"
            ));
        }
        if kernel > 15 {
            return refuse(format!("the kernel must be at most 15, found {kernel}"));
        }
        let out = |size: usize| (size + 2 * padding - kernel) / stride + 1;
        let (out_height, out_width) = (out(height), out(width));
        Ok(Self { images, height, width, channels, kernel, stride, padding, out_height, out_width })
    }

    /// `[n, oh, ow, c]`.
    pub fn output_shape(&self) -> [usize; 4] {
        [self.images, self.out_height, self.out_width, self.channels]
    }

    /// The image rows (or columns) under the window at `out`.
    fn window(&self, out: usize, size: usize) -> Range<usize> {
        let start = out * self.stride;
        start.saturating_sub(self.padding)..(start + self.kernel).saturating_sub(self.padding).min(size)
    }

    /// The output rows (or columns) whose window holds image row (or column) `at`.
    fn covering(&self, at: usize, out_size: usize) -> Range<usize> {
        let at = at + self.padding;
        let first = (at + 1).saturating_sub(self.kernel).div_ceil(self.stride);
        first..(at / self.stride + 1).min(out_size).max(first)
    }

    /// The number within its window of an image pixel under the window at `(oy, ox)`.
    fn number(&self, (iy, ix): (usize, usize), (oy, ox): (usize, usize)) -> u8 {
        let row = iy + self.padding - oy * self.stride;
        let column = ix + self.padding - ox * self.stride;
        (row * self.kernel + column) as u8
    }

    /// Writes the maxima of `x` `[n, h, w, c]` to `y` `[n, oh, ow, c]`, and the index within its window of each (its argmax),
    /// row by row of the window, to `chosen`.
    pub fn forward<E: Element>(&self, x: &[E], y: &mut [E], chosen: &mut [u8]) {
        let row = self.out_width * self.channels;
        let len = self.images * self.out_height * row;
        assert!(y.len() == len && chosen.len() == len, "as many outputs as the shape says");
        assert_eq!(x.len(), self.images * self.height * self.width * self.channels, "as many inputs");
        let level = Level::best();
        y.par_chunks_mut(row)
            .zip(chosen.par_chunks_mut(row))
            .enumerate()
            .for_each(|(out_row, (y, chosen))| level.run(Row { pool: self, x, out_row, y, chosen }));
    }

    /// Writes the gradient of the input to `dx`, from the gradient `dy` of the output and the indices that
    /// [`forward`](Self::forward) chose. Gathered: each input pixel looks at the windows it lies in, so
    /// that pixels are independent.
    pub fn backward<E: Element>(&self, chosen: &[u8], dy: &[E], dx: &mut [E]) {
        let c = self.channels;
        assert_eq!(dx.len(), self.images * self.height * self.width * c, "as many gradients as inputs");
        let len = self.output_shape().iter().product::<usize>();
        assert!(dy.len() == len && chosen.len() == len, "as many gradients and choices as outputs");
        let level = Level::best();
        dx.par_chunks_mut(self.width * c)
            .enumerate()
            .for_each(|(row, dx)| level.run(GradientRow { pool: self, chosen, dy, row, dx }));
    }
}

/// Gathers the gradient of one row of input pixels.
struct GradientRow<'a, E> {
    pool: &'a MaxPool,
    chosen: &'a [u8],
    dy: &'a [E],
    row: usize,
    dx: &'a mut [E],
}

impl<E: Element> Work for GradientRow<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let c = self.pool.channels;
        for ix in 0..self.pool.width {
            let dx = &mut self.dx[ix * c..][..c];
            let mut channel = 0;
            while channel + CHUNK <= c {
                gather::<E, CHUNK>(self.pool, self.chosen, self.dy, (self.row, ix), channel, dx);
                channel += CHUNK;
            }
            while channel < c {
                gather::<E, 1>(self.pool, self.chosen, self.dy, (self.row, ix), channel, dx);
                channel += 1;
            }
        }
    }
}

/// Channels whose values stay in registers while windows are gone through.
const CHUNK: usize = 32;

/// The gradient of `N` channels of one input pixel, whose row is counted through the batch.
#[inline(always)]
fn gather<E: Element, const N: usize>(
    pool: &MaxPool,
    chosen: &[u8],
    dy: &[E],
    (row, ix): (usize, usize),
    channel: usize,
    dx: &mut [E],
) {
    let (image, iy) = (row / pool.height, row % pool.height);
    let mut sums = [0f32; N];
    for oy in pool.covering(iy, pool.out_height) {
        for ox in pool.covering(ix, pool.out_width) {
            // As wide as the values, so that both go through vectors together.
            let number = u32::from(pool.number((iy, ix), (oy, ox)));
            let from = ((image * pool.out_height + oy) * pool.out_width + ox) * pool.channels + channel;
            let (chosen, dy) = (&chosen[from..][..N], &dy[from..][..N]);
            for lane in 0..N {
                let passes = u32::from(chosen[lane]) == number;
                sums[lane] += if passes { dy[lane].widen() } else { 0.0 };
            }
        }
    }
    let dx = &mut dx[channel..][..N];
    for lane in 0..N {
        dx[lane] = E::narrow(sums[lane]);
    }
}

/// Pools one row of output pixels.
struct Row<'a, E> {
    pool: &'a MaxPool,
    x: &'a [E],
    out_row: usize,
    y: &'a mut [E],
    chosen: &'a mut [u8],
}

impl<E: Element> Work for Row<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Self { pool, x, out_row, y, chosen } = self;
        let c = pool.channels;
        let image = &x[out_row / pool.out_height * pool.height * pool.width * c..];
        let oy = out_row % pool.out_height;
        for (ox, (y, chosen)) in y.chunks_exact_mut(c).zip(chosen.chunks_exact_mut(c)).enumerate() {
            let mut channel = 0;
            while channel + CHUNK <= c {
                maximum::<E, CHUNK>(pool, image, (oy, ox), channel, y, chosen);
                channel += CHUNK;
            }
            while channel < c {
                maximum::<E, 1>(pool, image, (oy, ox), channel, y, chosen);
                channel += 1;
            }
        }
    }
}

/// The maxima of `N` channels of one window, and which value of the window each is.
#[inline(always)]
fn maximum<E: Element, const N: usize>(
    pool: &MaxPool,
    image: &[E],
    (oy, ox): (usize, usize),
    channel: usize,
    y: &mut [E],
    chosen: &mut [u8],
) {
    let (rows, columns) = (pool.window(oy, pool.height), pool.window(ox, pool.width));
    let mut best = [f32::NEG_INFINITY; N];
    // As wide as the values, so that both go through vectors together.
    let mut numbers = [u32::from(pool.number((rows.start, columns.start), (oy, ox))); N];
    for iy in rows {
        for ix in columns.clone() {
            let number = u32::from(pool.number((iy, ix), (oy, ox)));
            let values = &image[(iy * pool.width + ix) * pool.channels + channel..][..N];
            for lane in 0..N {
                let value = values[lane].widen();
                // Without a branch: greater, or NaN.
                let better = (value > best[lane]) | value.is_nan();
                best[lane] = if better { value } else { best[lane] };
                numbers[lane] = if better { number } else { numbers[lane] };
            }
        }
    }
    let (y, chosen) = (&mut y[channel..][..N], &mut chosen[channel..][..N]);
    for lane in 0..N {
        y[lane] = E::narrow(best[lane]);
        chosen[lane] = numbers[lane] as u8;
    }
}

/// Writes the mean over all `pixels` of each image, `[n, pixels, c]` to `[n, c]`. Summed in `f64`.
pub fn global_average_pool<E: Element>(x: &[E], pixels: usize, channels: usize, y: &mut [f32]) {
    assert_eq!(x.len(), y.len() * pixels, "as many inputs as pixels");
    assert!(y.len().is_multiple_of(channels), "whole rows");
    y.par_chunks_mut(channels).zip(x.par_chunks(pixels * channels)).for_each(|(y, x)| {
        let mut sums = vec![0f64; channels];
        for pixel in x.chunks_exact(channels) {
            for (sum, &value) in sums.iter_mut().zip(pixel) {
                *sum += f64::from(value.widen());
            }
        }
        for (y, sum) in y.iter_mut().zip(sums) {
            *y = (sum / pixels as f64) as f32;
        }
    });
}

/// Writes the gradient of [`global_average_pool`]'s input to `dx`, from the gradient `dy` of its output.
pub fn global_average_pool_gradient<E: Element>(dy: &[f32], pixels: usize, channels: usize, dx: &mut [E]) {
    assert_eq!(dx.len(), dy.len() * pixels, "as many gradients as pixels");
    assert!(dy.len().is_multiple_of(channels), "whole rows");
    let share = 1.0 / pixels as f32;
    dx.par_chunks_mut(pixels * channels).zip(dy.par_chunks(channels)).for_each(|(dx, dy)| {
        for dx in dx.chunks_exact_mut(channels) {
            for (dx, dy) in dx.iter_mut().zip(dy) {
                *dx = E::narrow(dy * share);
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of every level, from buffers of NaN: windows of few values over and again, and channels in whole
    /// chunks and beyond them.
    fn check<E: Element>() {
        let [height, width, channels] = [9, 8, 37];
        let x: Vec<E> = (0..2 * height * width * channels)
            .map(|index| E::narrow((index * 7919 % 1021 % 13) as f32 - 6.0))
            .collect();
        for (kernel, stride, padding) in [(3, 2, 1), (2, 2, 0), (3, 1, 1), (2, 3, 1)] {
            let pool = MaxPool::new([2, height, width, channels], kernel, stride, padding).unwrap();
            let [_, out_height, out_width, _] = pool.output_shape();
            let len = 2 * out_height * out_width * channels;
            let dy: Vec<E> = (0..len).map(|index| E::narrow((index % 7) as f32 + 1.0)).collect();
            for level in Level::supported() {
                let (mut y, mut chosen) = (vec![E::narrow(f32::NAN); len], vec![u8::MAX; len]);
                level.with(|| pool.forward(&x, &mut y, &mut chosen));
                let mut dx = vec![E::narrow(f32::NAN); x.len()];
                level.with(|| pool.backward(&chosen, &dy, &mut dx));
                let mut expected = vec![0.0; x.len()];
                for (at, dy) in dy.iter().enumerate() {
                    let (pixel, c) = (at / channels, at % channels);
                    let (row, ox) = (pixel / out_width, pixel % out_width);
                    let (image, oy) = (row / out_height, row % out_height);
                    let places = pool.window(oy, height).flat_map(|iy| {
                        pool.window(ox, width)
                            .map(move |ix| ((image * height + iy) * width + ix) * channels + c)
                    });
                    // The first of the largest.
                    let largest =
                        places.reduce(|a, b| if x[b].widen() > x[a].widen() { b } else { a }).unwrap();
                    assert_eq!(y[at].widen(), x[largest].widen(), "{level:?}, {pool:?}, {at}");
                    expected[largest] += dy.widen();
                }
                let found: Vec<f32> = dx.iter().map(|dx| dx.widen()).collect();
                assert!(found == expected, "{level:?}, {pool:?}: another gradient");
            }
        }
    }

    #[test]
    fn every_level_pools_alike() {
        check::<f32>();
        check::<half::bf16>();
    }

    #[test]
    fn means_are_written_throughout() {
        let x: Vec<f32> = (0..3 * 5 * 7).map(|index| index as f32).collect();
        let mut y = vec![f32::NAN; 3 * 7];
        global_average_pool(&x, 5, 7, &mut y);
        // Of the third of five pixels.
        assert!(y.iter().enumerate().all(|(at, y)| *y == x[at / 7 * 35 + 14 + at % 7]));
        let mut dx = vec![f32::NAN; x.len()];
        global_average_pool_gradient(&y, 5, 7, &mut dx);
        assert!(dx.iter().enumerate().all(|(at, dx)| *dx == y[at / 35 * 7 + at % 7] * (1.0 / 5.0)));
    }

    #[test]
    fn refuses_what_cannot_be_pooled() {
        let new = |shape, kernel, stride| MaxPool::new(shape, kernel, stride, 1).unwrap_err().to_string();
        for axis in 0..4 {
            let mut shape = [2, 5, 5, 3];
            shape[axis] = 0;
            assert!(new(shape, 3, 2).contains("without zeros"));
        }
        assert!(new([1 << 30, 1 << 20, 5, 1 << 10], 3, 2).contains("fits into memory"));
        assert!(new([2, 5, 5, 3], 17, 2).contains("does not fit"));
        assert!(new([2, 5, 5, 3], 3, 0).contains("at least 1"));
    }
}
