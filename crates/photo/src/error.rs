use crate::recognise::READ;

/// Why a photo is not decoded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is nothing in the file.
    #[error("the file is empty")]
    Empty,
    /// It is of a format that is known, and not read.
    #[error("it is {0}, which is not read: save it as JPEG or PNG")]
    Unread(&'static str),
    /// It is a JPEG file of a kind that is not read: there is nothing wrong with it.
    #[error("it is a JPEG file {0}, which is not read: save it as an ordinary (baseline) JPEG or as PNG")]
    UnreadJpeg(&'static str),
    /// It is of no format that photos have.
    #[error("it is no photo: its content is not {READ}")]
    NoPhoto,
    /// It has more pixels than it may.
    #[error("it has {width} × {height} pixels, more than dataset.max_pixels = {max_pixels}")]
    TooLarge {
        /// Width in pixels, as its header has it.
        width: usize,
        /// Height in pixels.
        height: usize,
        /// Pixels that are allowed.
        max_pixels: u64,
    },
    /// There is not as much memory as its pixels take.
    #[error("there is not enough memory to decode it")]
    Memory,
    /// It is a JPEG file without its end.
    #[error("the JPEG data end before the picture does")]
    CutShort,
    /// It is a JPEG file that is damaged.
    #[error("the JPEG data are damaged ({0}): save the photo again, or replace it")]
    DamagedJpeg(String),
    /// Its decoder has panicked: it is damaged in a way that the decoder does not look for.
    #[error("its data are damaged ({0}): save the photo again, or replace it")]
    Damaged(String),
    /// It is damaged.
    #[error(transparent)]
    Image(#[from] image::ImageError),
    /// It cannot be resized: it has no pixels, say.
    #[error("it cannot be resized: {0}")]
    Resize(String),
}
