//! Photos to answer about, and why there is no answer about one.

use std::path::PathBuf;

use marque_contracts::schema::Crop;

/// A photo to answer about.
#[derive(Clone, PartialEq, Debug)]
pub struct PhotoInput {
    /// What it is called in the answers.
    pub name: String,
    /// Where it is, or its bytes.
    pub file: PhotoFile,
    /// The box of the car in the upright photo, if it is known.
    pub crop: Option<Crop>,
}

/// Where a photo is.
#[derive(Clone, PartialEq, Debug)]
pub enum PhotoFile {
    /// In a file.
    Path(PathBuf),
    /// In memory.
    Bytes(Vec<u8>),
}

/// Why there is no answer about a photo.
#[derive(Debug, thiserror::Error)]
pub enum PhotoError {
    /// Its file cannot be read.
    #[error("it cannot be read")]
    Read(#[from] std::io::Error),
    /// It cannot be decoded, or is larger than allowed.
    #[error(transparent)]
    Photo(#[from] marque_photo::Error),
    /// The box that was given is not in it.
    #[error("the box {}, {}, {}, {} lies outside of the photo, which has {width} × {height} pixels", crop.x1, crop.y1, crop.x2, crop.y2)]
    Box {
        /// The box.
        crop: Crop,
        /// The upright photo's width.
        width: usize,
        /// The upright photo's height.
        height: usize,
    },
}
