//! Photos of any format, one way for everybody who decodes them: `ingest`, which checks them, `preprocess`, which makes
//! tensors of them, contact sheets and the report, which show them.
//!
//! **Reads** the bytes of a file: JPEG (baseline, progressive, grey, YCbCr, RGB, CMYK, YCCK), PNG (palette, 16 bits and
//! transparency too), WebP, BMP and GIF (its first picture), told by content and not by name. **Gives** red, green and
//! blue, as stored or upright by the EXIF orientation.
//!
//! A photo's width and height are known, and compared with a limit, before memory is taken for its pixels. Baseline
//! JPEG goes through [`marque_jpeg`], reduced if asked to; everything else, and what that finds damaged, through the
//! general decoders of `image` and `zune-jpeg`. A JPEG file that ends before its picture does is an error; one that
//! lacks the end mark alone is not.

mod decoder;
mod error;
mod photo;
mod recognise;

pub use decoder::{Decoder, Pixels};
pub use error::Error;
pub use marque_jpeg::Reduction;
pub use photo::{ANY_SIZE, Photo};
