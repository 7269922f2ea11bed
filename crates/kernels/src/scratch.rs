//! Scratch buffers: working memory that each thread keeps from call to call.

use half::bf16;
use std::cell::RefCell;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

/// Values in a cache line.
pub(crate) const LINE: usize = 16;

thread_local! {
    static BUFFERS: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) };
}

/// What a scratch buffer may hold.
///
/// # Safety
/// Implementing types are at most as large and as aligned as `f32`, a multiple of them fills one, and any bits are a
/// value.
pub(crate) unsafe trait Plain: Copy {}

// SAFETY: four bytes and two, without invalid patterns.
unsafe impl Plain for f32 {}
unsafe impl Plain for u32 {}
unsafe impl Plain for bf16 {}

/// Values of unspecified content that start at a cache line; the memory goes back to the thread when dropped.
///
/// A guard rather than a function that takes a closure: vector code in a closure would be compiled without the
/// vector instructions of the function around it.
pub(crate) struct Scratch<T: Plain = f32> {
    buffer: Vec<f32>,
    start: usize,
    len: usize,
    of: PhantomData<T>,
}

impl<T: Plain> Scratch<T> {
    /// `len` values.
    pub(crate) fn new(len: usize) -> Self {
        let buffer = take(len.div_ceil(size_of::<f32>() / size_of::<T>()) + LINE);
        let start = buffer.as_ptr().align_offset(LINE * size_of::<f32>()).min(LINE);
        let mut scratch = Self { buffer, start, len, of: PhantomData };
        if cfg!(any(test, debug_assertions)) {
            // What is read before it is written shall show: NaN, as f32 and as bf16.
            scratch.buffer.fill(f32::from_bits(0x7fc0_7fc0));
        }
        scratch
    }
}

impl<T: Plain> Deref for Scratch<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: `new` took as many bytes from `start` on as `len` values have; by `Plain` they are aligned, and
        // values.
        unsafe { std::slice::from_raw_parts(self.buffer[self.start..].as_ptr().cast(), self.len) }
    }
}

impl<T: Plain> DerefMut for Scratch<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as in `deref`; any value written is one of `f32` too.
        unsafe { std::slice::from_raw_parts_mut(self.buffer[self.start..].as_mut_ptr().cast(), self.len) }
    }
}

impl<T: Plain> Drop for Scratch<T> {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.buffer);
        // A thread that is ending has no use for it.
        let _ = BUFFERS.try_with(|buffers| buffers.borrow_mut().push(buffer));
    }
}

/// Pairs as the numbers that they are made of, the first in the lower half.
pub(crate) fn as_halves(pairs: &mut [u32]) -> &mut [bf16] {
    const { assert!(cfg!(target_endian = "little"), "the lower half comes first") };
    // SAFETY: a pair has the size of two numbers and more than their alignment, and any bits are numbers.
    unsafe { std::slice::from_raw_parts_mut(pairs.as_mut_ptr().cast(), 2 * pairs.len()) }
}

/// The smallest idle buffer that is large enough, or else the largest, grown.
fn take(len: usize) -> Vec<f32> {
    BUFFERS.with_borrow_mut(|buffers| {
        buffers.sort_by_key(Vec::len);
        let index = buffers.iter().position(|buffer| buffer.len() >= len);
        let mut buffer = match index {
            Some(index) => buffers.remove(index),
            None => buffers.pop().unwrap_or_default(),
        };
        if buffer.len() < len {
            // Cleared first: the old values are not worth copying.
            buffer.clear();
            buffer.resize(len, 0.0);
        }
        buffer
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_apart_and_aligned() {
        let mut outer: Scratch = Scratch::new(100);
        outer.fill(1.0);
        let mut inner = Scratch::<bf16>::new(51);
        assert_eq!((inner.len(), inner.as_ptr().align_offset(64)), (51, 0));
        inner.fill(bf16::ONE);
        assert!(outer.iter().all(|&value| value == 1.0));
    }
}
