//! A decoder for the JPEG files that cameras and photo programs write: baseline (and extended sequential) Huffman
//! coding, 8 bits, grey or YCbCr, chroma at full or half resolution, one scan. Everything else (progressive,
//! arithmetic, CMYK, …) is [`Error::Unsupported`], for a general decoder to take over.
//!
//! **Reads** the bytes of a file. **Gives** [`Pixels`]: four bytes a pixel, red, green, blue, 255, at full size or
//! reduced by 2, 4 or 8 ([`Reduction`]), where each pixel is the mean of those that it stands for.
//!
//! It exists because decoding is most of the time that photos take on their way to a network: see
//! `bench/against_pillow.sh`. Values are those of libjpeg and libjpeg-turbo to the bit: the accurate integer
//! inverse cosine transform, "fancy" chroma upsampling, the same rounding. Sources are ITU-T T.81 (1992) for the
//! format, JFIF 1.02 and ITU-T T.871 for colours, libjpeg's `jidctint.c`, `jidctred.c` and `jdsample.c` for the
//! arithmetic.
//!
//! Damaged files are errors, and so are those that end before their picture does; the mark at the end may be missing. No
//! input makes it panic or read memory that is not its own.

mod bits;
mod colour;
mod decoder;
mod error;
mod header;
mod huffman;
mod idct;
mod lanes;
mod scan;
mod segments;
mod whole;

pub use decoder::{Decoder, Pixels, Reduction};
pub use error::Error;
pub use header::Header;
pub use segments::{exif_orientation, is_plain_cmyk};
pub use whole::is_cut_short;
