//! Slices cut into consecutive pieces, of which each task gets its own to write to.

/// Cuts a slice into pieces of these lengths, one after the other. What is left is dropped.
///
/// # Panics
/// If there are fewer values.
pub(crate) fn cut<T>(mut values: &mut [T], lengths: impl IntoIterator<Item = usize>) -> Vec<&mut [T]> {
    let next = |length| {
        let (piece, rest) = std::mem::take(&mut values).split_at_mut(length);
        values = rest;
        piece
    };
    lengths.into_iter().map(next).collect()
}
