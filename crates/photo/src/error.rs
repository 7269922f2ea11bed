use image::{ImageError, ImageFormat};

use crate::recognise::READ;

/// Why a photo is not decoded. Messages say what the file is and what to do; what a decoder said in its own words is the
/// cause behind them.
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
    /// It is a file of another format, of a kind that is not read: there is nothing wrong with it.
    #[error("it is a {format} file of a kind that is not read: save it as JPEG or as an ordinary PNG")]
    UnreadKind {
        /// Name of the format.
        format: &'static str,
        /// What the decoder said.
        #[source]
        cause: ImageError,
    },
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
    /// Decoding it takes more memory than there is for all photos.
    #[error("decoding it takes {bytes} bytes, more than dataset.max_decode_bytes = {most}")]
    TooMuchMemory {
        /// Bytes that it takes.
        bytes: u64,
        /// Bytes that are allowed.
        most: u64,
    },
    /// There is not as much memory as its pixels take.
    #[error("there is not enough memory to decode it")]
    Memory,
    /// What is in it takes more memory than its pixels explain.
    #[error("the {0} file unpacks to more than its picture needs: save the photo again, or replace it")]
    Excess(&'static str),
    /// It is a file of this format without its end.
    #[error("the {0} data end before the picture does: copy or save the photo again, or replace it")]
    CutShort(&'static str),
    /// It is damaged.
    #[error("the {format} data are damaged: save the photo again, or replace it")]
    Damaged {
        /// Name of the format.
        format: &'static str,
        /// What the decoder said.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It cannot be resized: it has no pixels, say.
    #[error("it cannot be resized: {0}")]
    Resize(String),
}

impl Error {
    /// What a decoder of `image` said of a file.
    pub(crate) fn of_image(format: ImageFormat, error: ImageError) -> Self {
        let format = name(format);
        match error {
            ImageError::Unsupported(_) => Self::UnreadKind { format, cause: error },
            ImageError::Limits(_) => Self::Excess(format),
            ImageError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                Self::CutShort(format)
            }
            other => Self::Damaged { format, cause: other.into() },
        }
    }

    /// A decoder has panicked on a file: it is damaged in a way that the decoder does not look for.
    pub(crate) fn of_panic(format: ImageFormat, panic: String) -> Self {
        Self::Damaged { format: name(format), cause: panic.into() }
    }
}

/// As people write it.
fn name(format: ImageFormat) -> &'static str {
    match format {
        ImageFormat::Jpeg => "JPEG",
        ImageFormat::Png => "PNG",
        ImageFormat::WebP => "WebP",
        ImageFormat::Bmp => "BMP",
        ImageFormat::Gif => "GIF",
        _ => "picture",
    }
}
