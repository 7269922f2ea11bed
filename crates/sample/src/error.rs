//! What can go wrong while the data set is drawn and written.

/// Why the data set could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file system refused; the message names the file.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// An annotation file could not be written.
    #[error("cannot write the annotations {name}: {source}")]
    Annotations {
        /// Name of the file.
        name: &'static str,
        /// What the MATLAB writer said.
        source: marque_mat5::Error,
    },
    /// A photo could not be encoded.
    #[error("cannot encode a photo as JPEG: {0}")]
    Encode(jpeg_encoder::EncodingError),
    /// Photos of this size cannot be drawn.
    #[error(
        "cannot draw on {width} x {height} pixels; photos must be between 64 and 4096 pixels wide and high"
    )]
    Canvas {
        /// Asked width in pixels.
        width: u32,
        /// Asked height in pixels.
        height: u32,
    },
    /// The car does not show on a photo of this size.
    #[error("no part of the car shows on a photo of {width} x {height} pixels; ask for larger photos")]
    OutOfSight {
        /// Asked width in pixels.
        width: u32,
        /// Asked height in pixels.
        height: u32,
    },
    /// A class outside the catalogue was asked for.
    #[error("there is no class {class}; classes are counted from 0 to {}", classes - 1)]
    NoSuchClass {
        /// The number asked for.
        class: usize,
        /// How many classes there are.
        classes: usize,
    },
    /// More photos were asked for than the five-digit file names can count.
    #[error(
        "cannot draw {photos} photos in one split; file names have five digits, so ask for at most 99999"
    )]
    TooMany {
        /// How many were asked for.
        photos: u32,
    },
}
