//! The photo that operations change in place.

use crate::Error;
use crate::options::check_size;

/// A square photo that operations change in place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Canvas {
    pub(crate) size: usize,
    /// `size × size × 3` bytes.
    pub(crate) pixels: Vec<u8>,
    /// What operations that look at neighbours write to, before the two are swapped.
    pub(crate) spare: Vec<u8>,
}

impl Canvas {
    /// A photo of `size × size` pixels, RGB, row by row.
    ///
    /// # Errors
    /// If the size is too small or too large, or `pixels` has another length.
    pub fn new(size: usize, pixels: Vec<u8>) -> Result<Self, Error> {
        check_size("size", size)?;
        Error::check("the pixels", pixels.len(), size * size * 3)?;
        Ok(Self { size, pixels, spare: Vec::new() })
    }

    /// The pixels as they are now.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// Takes the photo to what `change` writes, given the pixels and a buffer of the same length.
    pub(crate) fn rewrite(&mut self, change: impl FnOnce(&[u8], &mut [u8])) {
        self.spare.resize(self.pixels.len(), 0);
        change(&self.pixels, &mut self.spare);
        std::mem::swap(&mut self.pixels, &mut self.spare);
    }
}
