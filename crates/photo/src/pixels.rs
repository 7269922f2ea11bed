//! Decoded pixels.

/// A decoded photo as it is stored, in the decoder's memory.
#[derive(Clone, Copy)]
pub struct Pixels<'a> {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// `height × width × 3` levels, rows from the top: red, green, blue.
    pub rgb: &'a [u8],
}
