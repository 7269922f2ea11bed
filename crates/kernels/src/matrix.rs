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

/// Writes the product of `a` and `b` over `result`, row after row.
pub(crate) fn set_product(result: &mut [f32], a: Matrix<'_>, b: Matrix<'_>) {
    check(result.len(), &a, &b);
    if a.columns == 0 {
        return result.fill(0.0);
    }
    // SAFETY: `check` holds, and the result's values are initialised.
    unsafe { multiply(result.as_mut_ptr(), false, a, b) }
}

/// Adds the product of `a` and `b` to `result`, row after row.
pub(crate) fn add_product(result: &mut [f32], a: Matrix<'_>, b: Matrix<'_>) {
    check(result.len(), &a, &b);
    // SAFETY: `check` holds, and the result's values are initialised.
    unsafe { multiply(result.as_mut_ptr(), true, a, b) }
}

fn check(len: usize, a: &Matrix<'_>, b: &Matrix<'_>) {
    assert_eq!(a.columns, b.rows, "inner sizes of a matrix product");
    assert_eq!(len, a.rows * b.columns, "size of a matrix product");
}

/// # Safety
/// `result` points to `a.rows * b.columns` writable values (initialised ones if `accumulate`), and `a.columns
/// == b.rows`. The constructors of [`Matrix`] see to it that its strides stay inside of its slice.
unsafe fn multiply(result: *mut f32, accumulate: bool, a: Matrix<'_>, b: Matrix<'_>) {
    // Slices hold at most isize::MAX bytes, so strides fit.
    let stride = |s: usize| s as isize;
    // SAFETY: passed on from the caller. `Parallelism::None`: threads are this crate's callers' business.
    unsafe {
        gemm::gemm(
            a.rows,
            b.columns,
            a.columns,
            result,
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
