//! im2col, the copy that turns a convolution into a matrix product, and col2im, its transpose.
//!
//! Row `r` of the column matrix belongs to output pixel `r`, counted over (image, output row, output column);
//! it holds the `kernel height * kernel width * input channels` values under the kernel, in the order of the
//! HWIO weights. In NHWC the values under one kernel row are contiguous in the image, so each is one copy.

use super::geometry::Geometry;
use std::ops::Range;

/// The output pixels of `rows` as (image, output row, output column).
fn pixels(g: Geometry, rows: Range<usize>) -> impl Iterator<Item = (usize, usize, usize)> {
    let start = rows.start;
    let (mut image, within) = (start / g.rows_per_image(), start % g.rows_per_image());
    let (mut y, mut x) = (within / g.out_width, within % g.out_width);
    rows.map(move |_| {
        let pixel = (image, y, x);
        x += 1;
        if x == g.out_width {
            (x, y) = (0, y + 1);
            if y == g.out_height {
                (y, image) = (0, image + 1);
            }
        }
        pixel
    })
}

/// Writes the `rows` of the column matrix of `x` to `columns`.
pub(crate) fn im2col(g: &Geometry, x: &[f32], rows: Range<usize>, columns: &mut [f32]) {
    let c = g.inputs;
    let kernel_row = g.kernel_width * c;
    for ((image, oy, ox), column) in pixels(*g, rows).zip(columns.chunks_exact_mut(g.depth())) {
        let (inside, left) = g.inside(ox);
        for (ky, part) in column.chunks_exact_mut(kernel_row).enumerate() {
            let Some(iy) = g.image_row(oy, ky) else {
                part.fill(0.0);
                continue;
            };
            let from = ((image * g.height + iy) * g.width + left) * c;
            part[..inside.start * c].fill(0.0);
            part[inside.end * c..].fill(0.0);
            part[inside.start * c..inside.end * c].copy_from_slice(&x[from..from + inside.len() * c]);
        }
    }
}

/// Writes the part of the column matrix that belongs to one tap of the kernel and to `channels` of the input.
pub(crate) fn im2col_tap(
    g: &Geometry,
    x: &[f32],
    tap: usize,
    channels: Range<usize>,
    rows: Range<usize>,
    columns: &mut [f32],
) {
    let (ky, kx) = (tap / g.kernel_width, tap % g.kernel_width);
    for ((image, oy, ox), column) in pixels(*g, rows).zip(columns.chunks_exact_mut(channels.len())) {
        let iy = g.image_row(oy, ky);
        let ix = (ox * g.stride + kx).checked_sub(g.padding).filter(|&ix| ix < g.width);
        let (Some(iy), Some(ix)) = (iy, ix) else {
            column.fill(0.0);
            continue;
        };
        let pixel = ((image * g.height + iy) * g.width + ix) * g.inputs;
        column.copy_from_slice(&x[pixel + channels.start..pixel + channels.end]);
    }
}

/// Adds `rows` of a column matrix back to where [`im2col`] took them from, to those rows of images that `dx` has. It
/// starts with image row `first`, counted through the batch.
pub(crate) fn col2im(g: &Geometry, columns: &[f32], rows: Range<usize>, first: usize, dx: &mut [f32]) {
    let c = g.inputs;
    let kernel_row = g.kernel_width * c;
    let count = dx.len() / (g.width * c);
    for ((image, oy, ox), column) in pixels(*g, rows).zip(columns.chunks_exact(g.depth())) {
        let (inside, left) = g.inside(ox);
        for (ky, part) in column.chunks_exact(kernel_row).enumerate() {
            let Some(iy) = g.image_row(oy, ky) else { continue };
            let row = (image * g.height + iy).checked_sub(first).filter(|&row| row < count);
            let Some(row) = row else { continue };
            let to = (row * g.width + left) * c;
            let to = &mut dx[to..to + inside.len() * c];
            for (sum, value) in to.iter_mut().zip(&part[inside.start * c..inside.end * c]) {
                *sum += value;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tap_is_a_slice_of_the_columns() {
        let g = Geometry::new(&[2, 5, 4, 3], &[3, 2, 3, 7], 2, 1).unwrap();
        let x: Vec<f32> = (1..=2 * 5 * 4 * 3).map(|i| i as f32).collect();
        let mut columns = vec![f32::NAN; g.rows() * g.depth()];
        im2col(&g, &x, 0..g.rows(), &mut columns);
        for tap in 0..g.taps() {
            let mut part = vec![f32::NAN; 5 * 2];
            im2col_tap(&g, &x, tap, 1..3, 3..8, &mut part);
            for (row, part) in (3..8).zip(part.chunks(2)) {
                assert_eq!(part, &columns[row * g.depth() + tap * 3 + 1..][..2]);
            }
        }
    }
}
