//! Limits on what reading costs, so that a small file cannot claim a lot of memory.

use crate::{Error, Position};

/// Limits on the memory and the nesting of what is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes for decompressed data and for the values built from it, over the whole file.
    pub memory: usize,
    /// Levels of cells and structs inside one another.
    pub depth: usize,
}

impl Default for Limits {
    /// 256 MiB, about ten times what the full Stanford Cars annotations take; 32 levels.
    fn default() -> Self {
        Self { memory: 256 << 20, depth: 32 }
    }
}

/// The memory that is left of [`Limits::memory`].
pub(crate) struct Allowance {
    limit: usize,
    left: usize,
}

impl Allowance {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limit: limits.memory, left: limits.memory }
    }

    /// Takes `bytes` off, before they are allocated.
    pub(crate) fn charge(&mut self, at: Position, bytes: usize) -> Result<(), Error> {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(Error::TooLarge { at, limit: self.limit }),
        }
    }
}
