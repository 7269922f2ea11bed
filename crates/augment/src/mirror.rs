//! Horizontal flip, shift and conversion of pixels in one pass.

/// Mirrors rows of `width` pixels of three values each.
pub fn mirror<T>(pixels: &mut [T], width: usize) {
    pixels.chunks_exact_mut(3 * width.max(1)).for_each(|row| row.as_chunks_mut::<3>().0.reverse());
}

/// Writes a photo of `size × size` pixels, mirrored if asked for and shifted to the left and up by `[dx, dy]` pixels,
/// through `convert`, which makes three values of a pixel. Edge pixels are repeated where the photo was shifted away.
pub(crate) fn mirror_and_shift<T: Copy>(
    pixels: &[u8],
    size: usize,
    mirrored: bool,
    [dx, dy]: [isize; 2],
    out: &mut [T],
    convert: impl Fn([u8; 3]) -> [T; 3],
) {
    let from = |at: usize, offset: isize| (at as isize + offset).clamp(0, size as isize - 1) as usize;
    let columns: Vec<usize> =
        (0..size).map(|x| from(x, dx)).map(|x| 3 * if mirrored { size - 1 - x } else { x }).collect();
    for (y, row) in out.chunks_exact_mut(size * 3).enumerate() {
        let start = from(y, dy) * size * 3;
        let source = &pixels[start..start + size * 3];
        for (out, &column) in row.chunks_exact_mut(3).zip(&columns) {
            if let Some(&[r, g, b]) = source.get(column..column + 3) {
                out.copy_from_slice(&convert([r, g, b]));
            }
        }
    }
}
