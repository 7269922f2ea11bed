//! Memory for decoding, shared by all threads.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::Error;

/// Bytes of its memory that a decoder keeps from photo to photo, beside the budget.
pub(crate) const KEPT: usize = 4 << 20;

/// So many bytes for all threads that decode photos at a time: who needs more than is left waits for the others.
#[derive(Debug)]
pub struct Budget {
    bytes: u64,
    left: Mutex<u64>,
    returned: Condvar,
}

/// What a photo has of a [`Budget`], until it is dropped.
pub(crate) struct Share<'a> {
    budget: &'a Budget,
    bytes: u64,
}

impl Budget {
    /// So many bytes.
    pub fn new(bytes: u64) -> Self {
        Self { bytes, left: Mutex::new(bytes), returned: Condvar::new() }
    }

    /// No limit: for one photo at a time, whose size is known.
    pub fn unlimited() -> Self {
        Self::new(u64::MAX)
    }

    /// Waits until so many bytes are left, and takes them. Whoever holds a share must not wait for other threads.
    ///
    /// # Errors
    /// If that is more than there is in all.
    pub(crate) fn take(&self, bytes: u64) -> Result<Share<'_>, Error> {
        if bytes > self.bytes {
            return Err(Error::TooMuchMemory { bytes, most: self.bytes });
        }
        let too_little = |left: &mut u64| *left < bytes;
        let mut left =
            self.returned.wait_while(self.left(), too_little).unwrap_or_else(PoisonError::into_inner);
        *left -= bytes;
        Ok(Share { budget: self, bytes })
    }

    /// A number has no half-done state, whatever thread has panicked.
    fn left(&self) -> MutexGuard<'_, u64> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        *self.budget.left() += self.bytes;
        self.budget.returned.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn all_threads_together_never_have_more() {
        let budget = Budget::new(10);
        let (taken, most) = (AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for bytes in [1, 4, 6, 10, 3, 9, 0, 5] {
                let (budget, taken, most) = (&budget, &taken, &most);
                scope.spawn(move || {
                    for _ in 0..200 {
                        let share = budget.take(bytes).unwrap();
                        most.fetch_max(taken.fetch_add(bytes, Ordering::SeqCst) + bytes, Ordering::SeqCst);
                        std::thread::yield_now();
                        taken.fetch_sub(bytes, Ordering::SeqCst);
                        drop(share);
                    }
                });
            }
        });
        assert!(most.into_inner() <= 10);
        assert_eq!(*budget.left(), 10);
    }

    #[test]
    fn more_than_there_is_in_all_is_refused_at_once() {
        let budget = Budget::new(10);
        let held = budget.take(10).unwrap();
        assert!(matches!(budget.take(11), Err(Error::TooMuchMemory { bytes: 11, most: 10 })));
        drop(held);
        assert!(budget.take(10).is_ok());
    }
}
