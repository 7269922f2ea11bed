//! Results that are written once and never zeroed first.
//!
//! A fresh activation tensor of a training step is tens of megabytes; clearing it before overwriting it costs
//! as much as the elementwise operations themselves. The functions here keep that sound: who fills a piece of
//! a result has to hand the same piece back as initialised values, which only this module and the matrix
//! product can make of it.

use rayon::prelude::*;
use std::mem::MaybeUninit;
use std::ops::Range;

/// One value of a result that may not have been written yet.
pub(crate) type Slot = MaybeUninit<f32>;

/// Builds a result of `rows` rows of `width` values, `chunk` rows at a time in parallel. `fill` is given the
/// rows and their piece of the result, and returns that piece, written.
pub(crate) fn by_rows<F>(rows: usize, width: usize, chunk: usize, fill: F) -> Vec<f32>
where
    F: for<'a> Fn(Range<usize>, &'a mut [Slot]) -> &'a mut [f32] + Sync,
{
    let len = rows * width;
    let mut result: Vec<f32> = Vec::with_capacity(len);
    result.spare_capacity_mut()[..len].par_chunks_mut(chunk * width).enumerate().for_each(
        |(index, piece)| {
            let start = index * chunk;
            let range = start..start + piece.len() / width;
            let expected = (piece.as_ptr().cast(), piece.len());
            let written = fill(range, piece);
            assert_eq!(
                (written.as_ptr(), written.len()),
                expected,
                "a piece of a result was not handed back"
            );
        },
    );
    // SAFETY: the pieces cover the first `len` slots, and each was handed back as initialised values.
    unsafe { result.set_len(len) };
    result
}

/// Fills `slots` row by row, each row by `fill`, which is given its index and returns it, written.
pub(crate) fn each_row<F>(slots: &mut [Slot], width: usize, mut fill: F) -> &mut [f32]
where
    F: for<'a> FnMut(usize, &'a mut [Slot]) -> &'a mut [f32],
{
    assert_eq!(slots.len() % width, 0, "whole rows");
    for (index, row) in slots.chunks_exact_mut(width).enumerate() {
        let expected = (row.as_ptr().cast(), row.len());
        let written = fill(index, row);
        assert_eq!((written.as_ptr(), written.len()), expected, "a row of a result was not handed back");
    }
    // SAFETY: the rows cover the slots, and each was handed back as initialised values.
    unsafe { slots.assume_init_mut() }
}

/// Writes one value to each slot; there must be at least as many values.
#[inline(always)]
pub(crate) fn written(slots: &mut [Slot], values: impl ExactSizeIterator<Item = f32>) -> &mut [f32] {
    assert!(values.len() >= slots.len(), "a value for each slot");
    let mut filled = 0;
    for (slot, value) in slots.iter_mut().zip(values) {
        slot.write(value);
        filled += 1;
    }
    // An iterator may lie about its length.
    assert_eq!(filled, slots.len(), "a value for each slot");
    // SAFETY: as many slots were written, from the first on, as there are.
    unsafe { slots.assume_init_mut() }
}

/// Clears the slots.
pub(crate) fn zeroed(slots: &mut [Slot]) -> &mut [f32] {
    written(slots, std::iter::repeat_n(0.0, slots.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_written_where_they_belong() {
        let result = by_rows(7, 2, 3, |rows, piece| {
            each_row(piece, 2, |row, slots| written(slots, [(rows.start + row) as f32, 0.5].into_iter()))
        });
        assert_eq!(result, [0.0, 0.5, 1.0, 0.5, 2.0, 0.5, 3.0, 0.5, 4.0, 0.5, 5.0, 0.5, 6.0, 0.5]);
    }

    #[test]
    #[should_panic(expected = "a value for each slot")]
    fn a_short_iterator_is_noticed() {
        by_rows(1, 3, 1, |_, piece| written(piece, [1.0, 2.0].into_iter()));
    }
}
