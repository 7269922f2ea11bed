//! Photos of any format, one way for everybody who decodes them: `ingest`, which checks them, `preprocess`, which makes
//! tensors of them, contact sheets and the report, which show them.
//!
//! **Reads** the bytes of a file: JPEG (baseline, progressive, arithmetic; grey, YCbCr, RGB, CMYK, YCCK), PNG (palette,
//! 16 bits and transparency too), WebP, BMP and GIF (its first picture), told by content and not by name. **Gives** red,
//! green and blue at full size, as stored or upright by the EXIF orientation ([`Decoder`]), or the square that the network
//! sees ([`prepare`], [`Preparer`]): cropped, resized, upright.
//!
//! A photo's width and height are known, and compared with a limit, before memory is taken for its pixels
//! ([`Photo::read`]), and what all threads take together stays within a [`Budget`]: a photo that would exceed it waits.
//! JPEG is decoded by libjpeg-turbo, so that pixels are those that Pillow, torchvision and OpenCV see; the other formats
//! by `image`. A JPEG file that ends before its picture does is an error; one that lacks the end mark alone is not, unless
//! it is arithmetically coded, which leaves no other way to tell.

mod budget;
mod decoder;
mod error;
mod exif;
mod libjpeg;
mod orientation;
mod photo;
mod pixels;
mod prepare;
mod raster;
mod recognise;
mod region;
mod resize;

pub use budget::Budget;
pub use decoder::Decoder;
pub use error::Error;
pub use photo::{ANY_SIZE, Photo};
pub use pixels::Pixels;
pub use prepare::{Prepared, Preparer, prepare};
pub use recognise::is_photo;
