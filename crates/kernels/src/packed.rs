//! A matrix product (GEMM) whose right factor is packed once, into panels, and then multiplied with piece by piece of
//! the left.

use crate::matrix::Matrix;
use crate::microkernel::{APART, Left, Right, Sizes, product};
use crate::scratch::Scratch;
use crate::simd::{Level, Simd, Work};
use rayon::prelude::*;

/// A right factor packed into panels of columns, row after row, as the microkernel reads it.
pub(crate) struct PackedMatrix {
    level: Level,
    panels: Scratch,
    rows: usize,
    columns: usize,
}

impl PackedMatrix {
    /// Packs a matrix, on all threads; `None` if its columns do not fill whole panels.
    pub(crate) fn new(level: Level, matrix: Matrix<'_>) -> Option<Self> {
        let (rows, columns) = matrix.shape();
        let panel = level.panel();
        if rows == 0 || columns == 0 || !columns.is_multiple_of(panel) {
            return None;
        }
        let size = rows * panel + APART;
        let mut panels = Scratch::new(columns / panel * size);
        panels.par_chunks_mut(size).enumerate().for_each(|(index, panel_values)| {
            matrix.copy_columns(index * panel, panel, &mut panel_values[..rows * panel]);
        });
        Some(Self { level, panels, rows, columns })
    }

    /// Writes, or adds if `accumulate`, the product of `left`, row after row, with this matrix to `result`.
    ///
    /// # Panics
    /// If the sizes do not fit.
    pub(crate) fn multiply(&self, left: &[f32], accumulate: bool, result: &mut [f32]) {
        assert_eq!(left.len() / self.rows, result.len() / self.columns, "rows of a matrix product");
        assert_eq!(left.len() % self.rows + result.len() % self.columns, 0, "whole rows of a matrix product");
        self.level.run(Multiply { packed: self, left, accumulate, result });
    }
}

struct Multiply<'a> {
    packed: &'a PackedMatrix,
    left: &'a [f32],
    accumulate: bool,
    result: &'a mut [f32],
}

impl Work for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let PackedMatrix { panels, rows: k, columns: n, .. } = self.packed;
        let (k, n, panel) = (*k, *n, 2 * S::LANES);
        let sizes = Sizes { m: self.left.len() / k, n, k };
        let left = Left { values: self.left, row_stride: k, column_stride: 1, afar: false };
        let right = Right { values: panels, row_stride: panel, panel_stride: k * panel + APART };
        product(simd, sizes, left, right, self.result, n, self.accumulate);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_definition_at_every_level() {
        for level in Level::supported() {
            let (m, k, n) = (13, 300, 2 * level.panel());
            let numbers = |len: usize, seed: usize| -> Vec<f32> {
                (0..len).map(|i| ((i * 31 + seed * 17) % 11) as f32 - 5.0).collect()
            };
            let (left, right) = (numbers(m * k, 1), numbers(k * n, 2));
            for transposed in [false, true] {
                let matrix = match transposed {
                    false => Matrix::new(&right, k, n),
                    true => Matrix::new(&right, n, k).transposed(),
                };
                let packed = PackedMatrix::new(level, matrix).unwrap();
                let mut result = vec![f32::NAN; m * n];
                packed.multiply(&left, false, &mut result);
                packed.multiply(&left, true, &mut result);
                for (at, found) in result.iter().enumerate() {
                    let (i, j) = (at / n, at % n);
                    let value = |p: usize| if transposed { right[j * k + p] } else { right[p * n + j] };
                    let sum: f32 = (0..k).map(|p| left[i * k + p] * value(p)).sum();
                    assert_eq!(*found, 2.0 * sum, "{level:?} ({i}, {j})");
                }
            }
            assert!(PackedMatrix::new(level, Matrix::new(&right, k, n - 1)).is_none());
        }
    }
}
