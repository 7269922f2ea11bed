//! Buffers that one pass hands on to the next.

use std::sync::Mutex;

/// Holds buffers between passes. A pass takes them and puts them back; a pass that runs meanwhile on another thread gets
/// new ones.
#[derive(Debug, Default)]
pub(crate) struct BufferPool<T>(Mutex<T>);

impl<T: Default> BufferPool<T> {
    pub(crate) fn take(&self) -> T {
        self.0.lock().map(|mut held| std::mem::take(&mut *held)).unwrap_or_default()
    }

    pub(crate) fn put(&self, buffers: T) {
        if let Ok(mut held) = self.0.lock() {
            *held = buffers;
        }
    }
}
