//! Working memory that each thread keeps from call to call.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

/// Values in a cache line.
const LINE: usize = 16;

thread_local! {
    static BUFFERS: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) };
}

/// Values of unspecified content that start at a cache line; the memory goes back to the thread when dropped.
///
/// A guard rather than a function that takes a closure: vector code in a closure would be compiled without the
/// vector instructions of the function around it.
pub(crate) struct Scratch {
    buffer: Vec<f32>,
    start: usize,
    len: usize,
}

impl Scratch {
    /// `len` values.
    pub(crate) fn new(len: usize) -> Self {
        let buffer = take(len + LINE);
        let start = buffer.as_ptr().align_offset(LINE * size_of::<f32>()).min(LINE);
        Self { buffer, start, len }
    }
}

impl Deref for Scratch {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.buffer[self.start..self.start + self.len]
    }
}

impl DerefMut for Scratch {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.buffer[self.start..self.start + self.len]
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.buffer);
        // A thread that is ending has no use for it.
        let _ = BUFFERS.try_with(|buffers| buffers.borrow_mut().push(buffer));
    }
}

/// The smallest kept buffer that is large enough, or else the largest, grown.
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
        let mut outer = Scratch::new(100);
        outer.fill(1.0);
        let mut inner = Scratch::new(50);
        assert_eq!((inner.len(), inner.as_ptr().align_offset(64)), (50, 0));
        inner.fill(2.0);
        assert!(outer.iter().all(|&value| value == 1.0));
    }
}
