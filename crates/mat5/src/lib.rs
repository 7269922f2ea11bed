//! MATLAB Level 5 MAT-files, read and written without MATLAB.
//!
//! The format is the one described in MathWorks, *MAT-File Format* (the "Level 5 MAT-File Format"
//! chapter): a 128-byte header, then one data element per variable, usually zlib-compressed.
//! The published Stanford Cars annotations are such files.
//!
//! **Reads** numeric and logical arrays of every class and storage type as doubles, rows of characters, cell
//! and struct arrays, of either byte order, with any header text. Sparse arrays, arrays of complex numbers, objects, function
//! handles and several rows of characters are recognised and passed over as [`Value::Unread`]. 64-bit integers
//! that a double does not hold exactly are refused, and so are the HDF5-based version 7.3 and the
//! older version 4.
//!
//! **Writes** the same values, little-endian and compressed, numbers in their class and in the narrowest
//! storage type as MATLAB does. Equal variables give equal bytes.
//!
//! Files are not trusted: a reader never panics, and what it allocates stays within [`Limits`].
//!
//! ```
//! use marque_mat5::{Struct, Value, Variable, read, write};
//!
//! let mut annotations = Struct::new(["bbox_x1", "class", "fname"]);
//! annotations.push([39.0.into(), 14.0.into(), "00001.jpg".into()])?;
//! let bytes = write(&[Variable::new("annotations", Value::Struct(annotations))])?;
//!
//! let variables = read(&bytes)?;
//! let Value::Struct(annotations) = &variables[0].value else { panic!("not a struct") };
//! assert_eq!(annotations.get(0, "class").and_then(Value::as_f64), Some(14.0));
//! # Ok::<(), marque_mat5::Error>(())
//! ```

mod characters;
mod element;
mod error;
mod limits;
mod numeric_class;
mod read;
mod storage;
mod value;
mod write;

pub use error::{Error, Position};
pub use limits::Limits;
pub use numeric_class::NumericClass;
pub use read::{read, read_file, read_with};
pub use value::{Cell, Numeric, Struct, Value, Variable};
pub use write::write;

/// Bytes before the first data element.
const HEADER_BYTES: usize = 128;
