//! The sizes of a convolution, checked: which image pixels lie under which tap of the kernel, and which outputs an
//! image row has a part in.

use crate::Error;
use std::ops::Range;

/// The sizes of a convolution. All are at least 1, and the kernel fits into the padded image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Geometry {
    pub(crate) images: usize,
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
    pub(crate) kernel_height: usize,
    pub(crate) kernel_width: usize,
    pub(crate) stride: usize,
    pub(crate) padding: usize,
    pub(crate) out_height: usize,
    pub(crate) out_width: usize,
}

impl Geometry {
    pub(crate) fn new(x: &[usize], w: &[usize], stride: usize, padding: usize) -> Result<Self, Error> {
        const OPERATION: &str = "conv2d";
        let shape = |argument, expected: &str, found: &[usize]| Error::Shape {
            operation: OPERATION,
            argument,
            expected: expected.to_owned(),
            found: found.to_vec(),
        };
        let refuse = |message: String| Err(Error::Value { operation: OPERATION, message });
        let [images, height, width, inputs] = *x else {
            return Err(shape("the input", "[n, h, w, c_in]", x));
        };
        let [kernel_height, kernel_width, weight_inputs, outputs] = *w else {
            return Err(shape("the weight", "[kh, kw, c_in, c_out]", w));
        };
        if x.contains(&0) {
            return Err(shape("the input", "no size of zero", x));
        }
        if w.contains(&0) || weight_inputs != inputs {
            return Err(shape("the weight", &format!("[kh, kw, {inputs}, c_out] without zeros"), w));
        }
        if stride == 0 {
            return refuse("the stride must be at least 1".to_owned());
        }
        let out = |size: usize, kernel: usize| {
            let padded = padding.checked_mul(2).and_then(|both| both.checked_add(size))?;
            Some(padded.checked_sub(kernel)? / stride + 1)
        };
        let (Some(out_height), Some(out_width)) = (out(height, kernel_height), out(width, kernel_width))
        else {
            return refuse(format!(
                "a {kernel_height}x{kernel_width} kernel does not fit into a {height}x{width} image padded by {padding}"
            ));
        };
        if !fits_in_memory(images, [height, width].map(|size| size + 2 * padding), stride, w) {
            return refuse(format!(
                "an input {x:?}, padded by {padding}, and a weight {w:?} at stride {stride} are too large"
            ));
        }
        Ok(Self {
            images,
            height,
            width,
            inputs,
            outputs,
            kernel_height,
            kernel_width,
            stride,
            padding,
            out_height,
            out_width,
        })
    }

    /// Output pixels over the whole batch: rows of the column matrix.
    pub(crate) fn rows(&self) -> usize {
        self.images * self.rows_per_image()
    }

    pub(crate) fn rows_per_image(&self) -> usize {
        self.out_height * self.out_width
    }

    pub(crate) fn taps(&self) -> usize {
        self.kernel_height * self.kernel_width
    }

    /// Values under the kernel: columns of the column matrix.
    pub(crate) fn depth(&self) -> usize {
        self.taps() * self.inputs
    }

    /// At stride 1 the gradient of the input is a convolution of the gradient of the output; this is its geometry: the same
    /// kernel, rotated by half a turn and with its channels exchanged, and the complementary padding.
    pub(super) fn mirrored(&self) -> Option<Self> {
        if self.stride != 1 || self.kernel_height != self.kernel_width {
            return None;
        }
        let padding = (self.kernel_height - 1).checked_sub(self.padding)?;
        Some(Self {
            height: self.out_height,
            width: self.out_width,
            inputs: self.outputs,
            outputs: self.inputs,
            padding,
            out_height: self.height,
            out_width: self.width,
            ..*self
        })
    }

    /// Whether this is a 1×1 convolution whose input is the column matrix already.
    pub(crate) fn is_pointwise(&self) -> bool {
        self.taps() == 1 && self.stride == 1 && self.padding == 0
    }

    /// The part of the image under kernel row `ky` at an output pixel: the row of the image, or `None` if it
    /// is padding.
    #[inline]
    pub(super) fn image_row(&self, out_row: usize, ky: usize) -> Option<usize> {
        (out_row * self.stride + ky).checked_sub(self.padding).filter(|&row| row < self.height)
    }

    /// The output pixels, counted over the batch, whose windows the `rows` of images, counted likewise, lie under.
    pub(super) fn covering(&self, rows: Range<usize>) -> Range<usize> {
        // Of a row within its image, the first output row that reaches it, and the one after the last.
        let begin = |row: usize| {
            let beyond = (row + self.padding + 1).saturating_sub(self.kernel_height);
            beyond.div_ceil(self.stride).min(self.out_height)
        };
        let end = |row: usize| ((row + self.padding) / self.stride + 1).min(self.out_height);
        let (first, last) = (rows.start, rows.end - 1);
        let start = first / self.height * self.out_height + begin(first % self.height);
        let end = last / self.height * self.out_height + end(last % self.height);
        start * self.out_width..end.max(start) * self.out_width
    }

    /// The kernel columns that lie inside of the image at an output column, and the image column of the first
    /// of them; of none, a column that is at most the image's end.
    #[inline]
    pub(super) fn inside(&self, out_column: usize) -> (Range<usize>, usize) {
        let left = out_column * self.stride;
        let first = self.padding.saturating_sub(left).min(self.kernel_width);
        let end = (self.width + self.padding).saturating_sub(left).min(self.kernel_width).max(first);
        // A window may lie beyond the image altogether, where the padding is larger than the kernel.
        (first..end, (left + first).saturating_sub(self.padding).min(self.width))
    }
}

/// Whether none of the sizes that a convolution leads to, in whatever way it is computed, can overflow. All of them, in
/// bytes, are below the product of all that makes it large, with channels rounded up to whole blocks.
fn fits_in_memory(images: usize, padded: [usize; 2], stride: usize, w: &[usize]) -> bool {
    const BLOCK: usize = 64;
    let mut product = 16usize.checked_mul(images);
    let mut multiply = |size: Option<usize>| product = product.and_then(|product| product.checked_mul(size?));
    padded.iter().for_each(|size| multiply(size.checked_add(stride)));
    let (kernel, channels) = w.split_at(w.len().min(2));
    kernel.iter().for_each(|size| multiply(Some(*size)));
    channels.iter().for_each(|channels| multiply(channels.checked_add(BLOCK)));
    product.is_some_and(|product| product <= isize::MAX as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_cannot_be_convolved() {
        let new =
            |x: &[usize], w: &[usize], s, p| Geometry::new(x, w, s, p).map(|_| ()).unwrap_err().to_string();
        assert!(new(&[1, 5, 5], &[3, 3, 2, 4], 1, 0).contains("[n, h, w, c_in]"));
        assert!(new(&[1, 5, 5, 3], &[3, 3, 2, 4], 1, 0).contains("[kh, kw, 3, c_out]"));
        assert!(new(&[0, 5, 5, 2], &[3, 3, 2, 4], 1, 0).contains("zero"));
        assert!(new(&[1, 5, 5, 2], &[3, 3, 2, 4], 0, 0).contains("stride"));
        assert!(new(&[1, 2, 5, 2], &[3, 3, 2, 4], 1, 0).contains("does not fit"));
        assert!(new(&[1, 5, 5, 2], &[3, 3, 2, 4], 1, usize::MAX).contains("does not fit"));
        assert!(new(&[1, 5, 5, 2], &[3, 3, 2, 4], 1, 1 << 62).contains("too large"));
        assert!(new(&[1, 5, 5, 2], &[3, 3, 2, 4], 1 << 62, 1 << 61).contains("too large"));
        assert!(new(&[1, 5, 5, 2], &[3, 3, 2, 4], usize::MAX, 1).contains("too large"));
        assert!(new(&[1 << 40, 1 << 20, 5, 2], &[1, 1, 2, 4], 1, 0).contains("too large"));
    }
}
