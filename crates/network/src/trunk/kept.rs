//! Memory that passes hand on to each other.

use std::sync::Mutex;

/// Buffers kept between passes. Whoever computes takes them and puts them back; who comes meanwhile, on another
/// thread, makes new ones.
#[derive(Debug, Default)]
pub(crate) struct Kept<T>(Mutex<T>);

impl<T: Default> Kept<T> {
    pub(crate) fn take(&self) -> T {
        self.0.lock().map(|mut kept| std::mem::take(&mut *kept)).unwrap_or_default()
    }

    pub(crate) fn put(&self, buffers: T) {
        if let Ok(mut kept) = self.0.lock() {
            *kept = buffers;
        }
    }
}
