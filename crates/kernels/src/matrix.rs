//! Matrix products of any shape and strides by the `gemm` crate: its only caller, and the only place where raw pointers
//! for it are made.

/// A matrix that borrows its values, with any strides.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// `rows` rows of `columns` values that follow one another.
    pub(crate) fn new(values: &'a [f32], rows: usize, columns: usize) -> Self {
        Self::strided(values, rows, columns, columns)
    }

    /// `rows` rows of `columns` values, each row `row_stride` after the one before.
    pub(crate) fn strided(values: &'a [f32], rows: usize, columns: usize, row_stride: usize) -> Self {
        let end = if rows == 0 || columns == 0 { 0 } else { (rows - 1) * row_stride + columns };
        assert!(end <= values.len(), "a {rows}x{columns} matrix needs {end} values, found {}", values.len());
        Self { values, rows, columns, row_stride, column_stride: 1 }
    }

    /// Rows and columns.
    pub(crate) fn shape(&self) -> (usize, usize) {
        (self.rows, self.columns)
    }

    /// Writes `count` columns from `first` on to `to`, row after row.
    ///
    /// # Panics
    /// If there are fewer, or `to` is not as long as they are.
    pub(crate) fn copy_columns(&self, first: usize, count: usize, to: &mut [f32]) {
        assert!(first + count <= self.columns && to.len() == self.rows * count, "columns of a matrix");
        if self.column_stride == 1 {
            for (row, to) in to.chunks_exact_mut(count).enumerate() {
                let start = row * self.row_stride + first;
                to.copy_from_slice(&self.values[start..start + count]);
            }
            return;
        }
        for (row, to) in to.chunks_exact_mut(count).enumerate() {
            for (column, to) in to.iter_mut().enumerate() {
                *to = self.values[row * self.row_stride + (first + column) * self.column_stride];
            }
        }
    }

    pub(crate) fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }
}

/// Writes, or adds if `accumulate`, the product of `a` and `b` to `result`, row after row.
pub(crate) fn product(accumulate: bool, result: &mut [f32], a: Matrix<'_>, b: Matrix<'_>) {
    assert_eq!(a.columns, b.rows, "inner sizes of a matrix product");
    assert_eq!(result.len(), a.rows * b.columns, "size of a matrix product");
    if a.columns == 0 && !accumulate {
        return result.fill(0.0);
    }
    // Slices hold at most isize::MAX bytes, so strides fit.
    let stride = |s: usize| s as isize;
    // SAFETY: by the assertions the result has `a.rows * b.columns` values. The constructors of [`Matrix`] see to it that
    // its strides stay inside of its slice. `Parallelism::None`: threads are the business of this crate's callers.
    unsafe {
        gemm::gemm(
            a.rows,
            b.columns,
            a.columns,
            result.as_mut_ptr(),
            1,
            stride(b.columns),
            accumulate,
            a.values.as_ptr(),
            stride(a.column_stride),
            stride(a.row_stride),
            b.values.as_ptr(),
            stride(b.column_stride),
            stride(b.row_stride),
            1.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}
