//! Affine maps by bilinear interpolation, with Pillow's arithmetic (`src/libImaging/Geometry.c`).

use crate::Canvas;

/// Where each pixel of the result comes from: `x' = a·x + b·y + c` and `y' = d·x + e·y + f`, for the centres of
/// pixels, in pixels from the top left corner.
pub(crate) type Matrix = [f64; 6];

/// Rotation about the centre of a photo, in degrees, counter-clockwise.
pub(crate) fn rotation(degrees: f64, size: usize) -> Matrix {
    let (sin, cos) = (-degrees.to_radians()).sin_cos();
    let centre = size as f64 / 2.0;
    let about = |a: f64, b: f64| centre - a * centre - b * centre;
    [cos, sin, about(cos, sin), -sin, cos, about(-sin, cos)]
}

/// Maps a photo; what comes from outside is `fill`.
pub(crate) fn transform(canvas: &mut Canvas, matrix: Matrix, fill: [u8; 3]) {
    let size = canvas.size;
    canvas.rewrite(|from, to| {
        for (y, row) in to.chunks_exact_mut(size * 3).enumerate() {
            transform_row(from, size, matrix, y, row, fill);
        }
    });
}

fn transform_row(from: &[u8], size: usize, matrix: Matrix, y: usize, row: &mut [u8], fill: [u8; 3]) {
    let [a, b, c, d, e, f] = matrix;
    let middle = y as f64 + 0.5;
    let (start_x, start_y) = (b * middle + c, e * middle + f);
    let limit = size as f64;
    for (x, pixel) in row.chunks_exact_mut(3).enumerate() {
        let middle = x as f64 + 0.5;
        let (from_x, from_y) = (a * middle + start_x, d * middle + start_y);
        let inside = from_x >= 0.0 && from_x < limit && from_y >= 0.0 && from_y < limit;
        let value = if inside { sample(from, size, from_x - 0.5, from_y - 0.5) } else { fill };
        pixel.copy_from_slice(&value);
    }
}

/// Interpolates between the four pixels around a point, given by the distance to the centre of the first one.
/// Beyond the outermost centres the edge goes on.
#[inline]
fn sample(from: &[u8], size: usize, x: f64, y: f64) -> [u8; 3] {
    // Points lie above −0.5: a truncation after adding one is the floor.
    let (left, top) = ((x + 1.0) as usize, (y + 1.0) as usize);
    let (dx, dy) = ((x + 1.0 - left as f64) as f32, (y + 1.0 - top as f64) as f32);
    let last = size - 1;
    let columns = [left.saturating_sub(1) * 3, left.min(last) * 3];
    let rows = [top.saturating_sub(1) * size * 3, top.min(last) * size * 3];
    let at = |row: usize, column: usize| -> [f32; 3] {
        match from.get(row + column..row + column + 3) {
            Some(&[r, g, b]) => [f32::from(r), f32::from(g), f32::from(b)],
            _ => [0.0; 3],
        }
    };
    let corners =
        [at(rows[0], columns[0]), at(rows[0], columns[1]), at(rows[1], columns[0]), at(rows[1], columns[1])];
    std::array::from_fn(|c| {
        let above = corners[0][c] + (corners[1][c] - corners[0][c]) * dx;
        let below = corners[2][c] + (corners[3][c] - corners[2][c]) * dx;
        (above + (below - above) * dy) as u8
    })
}
