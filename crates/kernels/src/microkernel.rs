//! The microkernel of a matrix product (GEMM) in `f32`: a tile of accumulators held in registers, and the loops around it
//! (Goto and van de Geijn, 2008).
//!
//! `C (+)= A B` with `C` `[m, n]`, where `n` is a multiple of the panel width (two vectors). `A` may have any
//! strides: its values are broadcast one by one. `B` is packed into panels, whose rows lie a fixed distance apart.

use crate::scratch::LINE;
use crate::simd::Simd;

/// Rows of `B` worked on at a time: a panel of so many stays in the first-level cache.
const DEPTH: usize = 256;
/// Padding, in values, between matrices or panels that are read or written in parallel: at distances of a power of two
/// their rows would all compete for the same few sets of the cache.
pub(crate) const APART: usize = LINE;

/// The left factor: value `(i, p)` is at `i * row_stride + p * column_stride`.
#[derive(Clone, Copy)]
pub(crate) struct Left<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) row_stride: usize,
    pub(crate) column_stride: usize,
    /// Whether the values come from beyond the near caches, so that it pays to prefetch the next rows while these are
    /// multiplied. Columns must be contiguous.
    pub(crate) afar: bool,
}

/// The right factor: column `j` of row `p` is at `j / panel * panel_stride + p * row_stride + j % panel`.
#[derive(Clone, Copy)]
pub(crate) struct Right<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) row_stride: usize,
    pub(crate) panel_stride: usize,
}

/// The sizes of a product: `[m, k]` times `[k, n]`.
#[derive(Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) m: usize,
    pub(crate) n: usize,
    pub(crate) k: usize,
}

/// Writes, or adds if `accumulate`, the product to `c`, whose rows are `row_stride` apart: zeros where `k` is 0.
#[inline(always)]
pub(crate) fn product<S: Simd>(
    simd: S,
    sizes: Sizes,
    a: Left<'_>,
    b: Right<'_>,
    c: &mut [f32],
    row_stride: usize,
    accumulate: bool,
) {
    let Sizes { m, n, k } = sizes;
    let panel = 2 * S::LANES;
    if m == 0 || n == 0 {
        return;
    }
    if k == 0 {
        if !accumulate {
            c.chunks_mut(row_stride).take(m).for_each(|row| row[..n].fill(0.0));
        }
        return;
    }
    debug_assert!(!a.afar || a.column_stride == 1, "rows to ask for");
    assert_eq!(n % panel, 0, "whole panels");
    assert!((m - 1) * a.row_stride + (k - 1) * a.column_stride < a.values.len(), "the left factor");
    assert!((n / panel - 1) * b.panel_stride + (k - 1) * b.row_stride + panel <= b.values.len(), "the right");
    assert!((m - 1) * row_stride + n <= c.len(), "the product");
    for start in (0..k).step_by(DEPTH) {
        let depth = (k - start).min(DEPTH);
        for j in 0..n / panel {
            let mut i = 0;
            while i < m {
                let rows = (m - i).min(S::ROWS);
                // The other panels find the rows where the first has fetched them to.
                let next = (a.afar && j == 0 && i + rows < m)
                    .then(|| a.values.as_ptr().wrapping_add((i + rows) * a.row_stride + start));
                // SAFETY: by the assertions, all rows `i..i + rows`, all of the panel's columns and depths
                // `start..start + depth` lie inside of the three slices.
                unsafe {
                    let strip = Strip {
                        a: a.values.as_ptr().add(i * a.row_stride + start * a.column_stride),
                        a_row: a.row_stride,
                        a_column: a.column_stride,
                        b: b.values.as_ptr().add(j * b.panel_stride + start * b.row_stride),
                        b_row: b.row_stride,
                        c: c.as_mut_ptr().add(i * row_stride + j * panel),
                        c_row: row_stride,
                        depth,
                        next,
                    };
                    strip.multiply(simd, rows, accumulate || start > 0);
                }
                i += rows;
            }
        }
    }
}

/// A few rows of one panel.
struct Strip {
    a: *const f32,
    a_row: usize,
    a_column: usize,
    b: *const f32,
    b_row: usize,
    c: *mut f32,
    c_row: usize,
    depth: usize,
    /// Where the rows begin that are multiplied after these.
    next: Option<*const f32>,
}

impl Strip {
    /// # Safety
    /// The pointers and strides stay inside of their matrices for `rows` rows, at most `S::ROWS`.
    #[inline(always)]
    unsafe fn multiply<S: Simd>(&self, simd: S, rows: usize, accumulate: bool) {
        // SAFETY: passed on from the caller.
        unsafe {
            if rows == S::ROWS {
                return match S::ROWS {
                    12 => self.rows::<S, 12>(simd, accumulate),
                    6 => self.rows::<S, 6>(simd, accumulate),
                    _ => self.rows::<S, 4>(simd, accumulate),
                };
            }
            match rows {
                1 => self.rows::<S, 1>(simd, accumulate),
                2 => self.rows::<S, 2>(simd, accumulate),
                3 => self.rows::<S, 3>(simd, accumulate),
                4 => self.rows::<S, 4>(simd, accumulate),
                5 => self.rows::<S, 5>(simd, accumulate),
                6 => self.rows::<S, 6>(simd, accumulate),
                7 => self.rows::<S, 7>(simd, accumulate),
                8 => self.rows::<S, 8>(simd, accumulate),
                9 => self.rows::<S, 9>(simd, accumulate),
                10 => self.rows::<S, 10>(simd, accumulate),
                _ => self.rows::<S, 11>(simd, accumulate),
            }
        }
    }

    /// # Safety
    /// As [`multiply`](Self::multiply), for `R` rows.
    #[inline(always)]
    unsafe fn rows<S: Simd, const R: usize>(&self, simd: S, accumulate: bool) {
        let mut sums = [[simd.splat(0.0); 2]; R];
        // SAFETY: passed on from the caller; every offset is a row below `R` or a depth below `depth`.
        unsafe {
            if accumulate {
                for (row, sums) in sums.iter_mut().enumerate() {
                    let c = self.c.add(row * self.c_row);
                    *sums = [simd.load(c), simd.load(c.add(S::LANES))];
                }
            }
            let (mut a, mut b) = (self.a, self.b);
            let mut done = 0;
            if let Some(next) = self.next.filter(|_| R == S::ROWS) {
                while done + LINE <= self.depth {
                    for row in 0..R {
                        simd.prefetch(next.wrapping_add(row * self.a_row + done));
                    }
                    self.add_products(simd, LINE, &mut a, &mut b, &mut sums);
                    done += LINE;
                }
            }
            self.add_products(simd, self.depth - done, &mut a, &mut b, &mut sums);
            for (row, sums) in sums.iter().enumerate() {
                let c = self.c.add(row * self.c_row);
                simd.store(c, sums[0]);
                simd.store(c.add(S::LANES), sums[1]);
            }
        }
    }

    /// Adds the products of `depth` columns of the left factor with as many rows of the right one, and goes on to those
    /// that follow.
    ///
    /// # Safety
    /// The pointers stay inside of their matrices for as many and `R` rows.
    #[inline(always)]
    unsafe fn add_products<S: Simd, const R: usize>(
        &self,
        simd: S,
        depth: usize,
        a: &mut *const f32,
        b: &mut *const f32,
        sums: &mut [[S::V; 2]; R],
    ) {
        for _ in 0..depth {
            // SAFETY: passed on from the caller.
            unsafe {
                let right = [simd.load(*b), simd.load(b.add(S::LANES))];
                for (row, sums) in sums.iter_mut().enumerate() {
                    let left = simd.splat(*a.add(row * self.a_row));
                    sums[0] = simd.mul_add(left, right[0], sums[0]);
                    sums[1] = simd.mul_add(left, right[1], sums[1]);
                }
            }
            *a = a.wrapping_add(self.a_column);
            *b = b.wrapping_add(self.b_row);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::{Level, Work};

    struct Product<'a> {
        sizes: Sizes,
        a: Left<'a>,
        b: Right<'a>,
        c: &'a mut [f32],
        row_stride: usize,
        accumulate: bool,
    }

    impl Work for Product<'_> {
        type Output = ();

        #[inline(always)]
        fn run<S: Simd>(self, simd: S) {
            product(simd, self.sizes, self.a, self.b, self.c, self.row_stride, self.accumulate);
        }
    }

    /// Small whole numbers, so that sums are exact in any order.
    fn numbers(len: usize, seed: usize) -> Vec<f32> {
        (0..len).map(|i| ((i * 31 + seed * 17) % 11) as f32 - 5.0).collect()
    }

    #[test]
    fn agrees_with_its_definition_for_any_number_of_rows_and_strides() {
        for level in Level::supported() {
            let panel = level.panel();
            // Miri takes a second for what a processor does in a millisecond.
            for m in 1..=if cfg!(miri) { 7 } else { 26 } {
                // Beyond one block of depth for some, nothing for others.
                let (n, k) = (2 * panel, [300, 7, 7, 0, 7][m % 5]);
                let (a, b) = (numbers(m * k, 1), numbers(k * n, 2));
                let row_stride = n + 3;
                for (transposed, accumulate) in [(false, false), (true, true)] {
                    let mut c = numbers(m * row_stride, 3);
                    let before = c.clone();
                    let (a_row, a_column) = if transposed { (1, m) } else { (k, 1) };
                    level.run(Product {
                        sizes: Sizes { m, n, k },
                        a: Left { values: &a, row_stride: a_row, column_stride: a_column, afar: !transposed },
                        b: Right { values: &b, row_stride: n, panel_stride: panel },
                        c: &mut c,
                        row_stride,
                        accumulate,
                    });
                    for (at, (found, before)) in c.iter().zip(before).enumerate() {
                        let (i, j) = (at / row_stride, at % row_stride);
                        let sum: f32 =
                            (0..k).map(|p| a[i * a_row + p * a_column] * b[p * n + j.min(n - 1)]).sum();
                        let expected = match j < n {
                            true if accumulate => before + sum,
                            true => sum,
                            false => before,
                        };
                        assert_eq!(*found, expected, "{level:?}, {m} rows, ({i}, {j})");
                    }
                }
            }
        }
    }
}
