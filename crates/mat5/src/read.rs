//! Reading: from the bytes of a file to variables.

use std::io::Read;
use std::path::Path;

use flate2::read::ZlibDecoder;
use fs_err::File;

use crate::characters::characters;
use crate::element::{Bytes, Element};
use crate::limits::{Allowance, Limits};
use crate::storage::{self, Endian, Storage, class, stored_number};
use crate::{Cell, Error, HEADER_BYTES, Numeric, NumericClass, Position, Struct, Value, Variable};

/// Reads all variables of a file's bytes within the default [`Limits`].
///
/// # Errors
/// Every error names the byte offset and what was expected there.
pub fn read(bytes: &[u8]) -> Result<Vec<Variable>, Error> {
    read_with(bytes, Limits::default())
}

/// Reads all variables of a file's bytes.
///
/// # Errors
/// As [`read`]; [`Error::TooLarge`] and [`Error::TooDeep`] for what is beyond `limits`.
pub fn read_with(bytes: &[u8], limits: Limits) -> Result<Vec<Variable>, Error> {
    let mut reader = Reader { limits, memory: Allowance::new(limits) };
    let mut elements = Bytes { bytes, at: HEADER_BYTES, inside: None, endian: read_header(bytes)? };
    let mut variables = Vec::new();
    while !elements.rest().is_empty() {
        variables.push(reader.variable(&mut elements)?);
    }
    Ok(variables)
}

/// Reads all variables of a file within the default [`Limits`]. The file itself may not be larger than their memory.
///
/// # Errors
/// As [`read`], wrapped in [`Error::File`] to name the file; [`Error::Io`] if it cannot be read.
pub fn read_file(path: impl AsRef<Path>) -> Result<Vec<Variable>, Error> {
    let limits = Limits::default();
    let path = path.as_ref();
    let mut bytes = Vec::new();
    File::open(path)?.take(limits.memory as u64 + 1).read_to_end(&mut bytes)?;
    let variables = if bytes.len() > limits.memory {
        Err(Error::TooLarge {
            at: Position { file: limits.memory, decompressed: None },
            limit: limits.memory,
        })
    } else {
        read_with(&bytes, limits)
    };
    variables.map_err(|source| Error::File { path: path.to_owned(), source: Box::new(source) })
}

fn read_header(bytes: &[u8]) -> Result<Endian, Error> {
    let not = |found: &str| Err(Error::NotMat5 { found: found.to_owned() });
    let Some(header) = bytes.first_chunk::<HEADER_BYTES>() else {
        return not(&format!("{} bytes are too few for the header of {HEADER_BYTES}", bytes.len()));
    };
    let endian = match &header[126..] {
        b"IM" => Endian::Little,
        b"MI" => Endian::Big,
        _ => return not("the byte order mark `IM` or `MI` is missing at byte 126"),
    };
    match endian.u16([header[124], header[125]]) {
        0x0100 => Ok(endian),
        0x0200 => not("this is version 7.3 (HDF5); save it again in MATLAB with `-v7`"),
        other => not(&format!("version {other:#06x} instead of 0x0100 at byte 124")),
    }
}

struct Reader {
    limits: Limits,
    memory: Allowance,
}

impl Reader {
    fn variable(&mut self, elements: &mut Bytes<'_>) -> Result<Variable, Error> {
        let start = *elements;
        let element = elements.element()?;
        match element.storage {
            Storage::Matrix => self.array(element.data, 0),
            Storage::Compressed => {
                let decompressed = self.decompress(start.position(), element.data.rest())?;
                let mut inner =
                    Bytes { bytes: &decompressed, at: 0, inside: Some(start.at), endian: start.endian };
                let array = inner.element_of(Storage::Matrix, "a variable's array")?;
                self.array(array, 0)
            }
            other => start.malformed("a variable (array or compressed)", format!("{other:?} data")),
        }
    }

    fn decompress(&mut self, at: Position, compressed: &[u8]) -> Result<Vec<u8>, Error> {
        let mut decoder = ZlibDecoder::new(compressed);
        let mut decompressed = Vec::new();
        let mut chunk = vec![0; 64 << 10];
        loop {
            match decoder.read(&mut chunk) {
                Ok(0) => return Ok(decompressed),
                Ok(read) => {
                    self.memory.charge(at, read)?;
                    decompressed.extend_from_slice(&chunk[..read]);
                }
                Err(source) => return Err(Error::Damaged { at, source }),
            }
        }
    }

    /// Reads an array's sub-elements: flags, dimensions, name, and what the class asks for.
    fn array(&mut self, mut data: Bytes<'_>, depth: usize) -> Result<Variable, Error> {
        self.memory.charge(data.position(), size_of::<Variable>())?;
        if depth > self.limits.depth {
            return Err(Error::TooDeep { at: data.position(), limit: self.limits.depth });
        }
        if data.rest().is_empty() {
            // An array without content stands for MATLAB's `[]`.
            return Ok(Variable::new("", empty()));
        }
        let flags = data.element_of(Storage::Uint32, "array flags")?;
        let Some(flags) = flags.word(0) else {
            return flags.malformed("8 bytes of array flags", format!("{}", flags.rest().len()));
        };
        let class = (flags & 0xff) as u8;
        if class == class::OPAQUE {
            // Has no dimensions; the name follows at once.
            let name = self.name(&mut data)?;
            return Ok(Variable::new(name, Value::Unread { class }));
        }
        let dims = self.dims(&mut data)?;
        let name = self.name(&mut data)?;
        let value = match class {
            class::CELL => self.cell(&mut data, dims, depth)?,
            class::STRUCT => self.structs(&mut data, dims, depth)?,
            class::CHAR if dims[0] > 1 && element_count(&dims) > 0 => Value::Unread { class },
            class::CHAR => self.text(&mut data, &dims)?,
            class::OBJECT | class::SPARSE | class::FUNCTION => Value::Unread { class },
            other => match NumericClass::of_flags(flags) {
                Some(_) if flags & storage::COMPLEX != 0 => Value::Unread { class },
                Some(class) => self.numeric(&mut data, class, dims)?,
                None => return data.malformed("an array class of the format", format!("number {other}")),
            },
        };
        Ok(Variable { name, value })
    }

    fn dims(&mut self, data: &mut Bytes<'_>) -> Result<Vec<usize>, Error> {
        let element = data.element_of(Storage::Int32, "an array's dimensions")?;
        let count = element.rest().len() / 4;
        if count < 2 {
            return element.malformed("at least two dimensions", format!("{count}"));
        }
        self.memory.charge(element.position(), count * size_of::<usize>())?;
        let mut dims = Vec::with_capacity(count);
        let (words, _) = element.rest().as_chunks::<4>();
        for word in words {
            let length = element.endian.u32(*word) as i32;
            match usize::try_from(length) {
                Ok(length) => dims.push(length),
                Err(_) => return element.malformed("a dimension of 0 or more", length.to_string()),
            }
        }
        // With a dimension of 0 there are no elements, whatever the others say.
        let product = dims.iter().try_fold(1_usize, |n, d| n.checked_mul(*d));
        if product.is_none() && !dims.contains(&0) {
            return element.malformed("dimensions that can be multiplied", format!("{dims:?}"));
        }
        Ok(dims)
    }

    fn name(&mut self, data: &mut Bytes<'_>) -> Result<String, Error> {
        let element = data.element_of(Storage::Int8, "an array's name")?;
        self.memory.charge(element.position(), element.rest().len())?;
        match str::from_utf8(element.rest()) {
            Ok(name) => Ok(name.to_owned()),
            Err(error) => element.malformed("a name in UTF-8", error.to_string()),
        }
    }

    fn cell(&mut self, data: &mut Bytes<'_>, dims: Vec<usize>, depth: usize) -> Result<Value, Error> {
        let count = element_count(&dims);
        let items = self.arrays(data, count, depth)?;
        Ok(Value::Cell(Cell { dims, items }))
    }

    fn structs(&mut self, data: &mut Bytes<'_>, dims: Vec<usize>, depth: usize) -> Result<Value, Error> {
        let fields = self.fields(data)?;
        let count = element_count(&dims);
        let needed = count.saturating_mul(fields.len());
        self.check_arrays_fit(data, needed)?;
        self.memory.charge(data.position(), count.saturating_mul(size_of::<Vec<Value>>()))?;
        let mut rows = Vec::with_capacity(count);
        for _ in 0..count {
            rows.push(self.arrays(data, fields.len(), depth)?);
        }
        Ok(Value::Struct(Struct { dims, fields, rows }))
    }

    fn fields(&mut self, data: &mut Bytes<'_>) -> Result<Vec<String>, Error> {
        let width = data.element_of(Storage::Int32, "the length of field names")?;
        let names = data.element_of(Storage::Int8, "field names")?;
        if names.rest().is_empty() {
            return Ok(Vec::new());
        }
        let width = match width.word(0) {
            Some(n) if n > 0 && names.rest().len().is_multiple_of(n as usize) => n as usize,
            other => {
                let found = other.map_or("nothing".to_owned(), |n| n.to_string());
                return width.malformed(
                    format!("a length that divides the {} bytes of names", names.rest().len()),
                    found,
                );
            }
        };
        let per_name = width + size_of::<String>();
        let count = names.rest().len() / width;
        self.memory.charge(names.position(), count.saturating_mul(per_name))?;
        names
            .rest()
            .chunks_exact(width)
            .map(|name| {
                let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
                match str::from_utf8(name) {
                    Ok(name) => Ok(name.to_owned()),
                    Err(error) => names.malformed("field names in UTF-8", error.to_string()),
                }
            })
            .collect()
    }

    /// Reads `count` arrays that lie one after the other.
    fn arrays(&mut self, data: &mut Bytes<'_>, count: usize, depth: usize) -> Result<Vec<Value>, Error> {
        self.check_arrays_fit(data, count)?;
        self.memory.charge(data.position(), count.saturating_mul(size_of::<Value>()))?;
        let mut arrays = Vec::with_capacity(count);
        for _ in 0..count {
            let array = data.element_of(Storage::Matrix, "an array")?;
            arrays.push(self.array(array, depth + 1)?.value);
        }
        Ok(arrays)
    }

    fn check_arrays_fit(&self, data: &Bytes<'_>, count: usize) -> Result<(), Error> {
        const TAG_BYTES: usize = 8;
        let most = data.rest().len() / TAG_BYTES;
        if count > most {
            return data.malformed(format!("{count} arrays"), format!("room for at most {most}"));
        }
        Ok(())
    }

    fn numeric(
        &mut self,
        data: &mut Bytes<'_>,
        class: NumericClass,
        dims: Vec<usize>,
    ) -> Result<Value, Error> {
        let count = element_count(&dims);
        let Element { storage, data } = data.element()?;
        let width = match storage {
            Storage::Utf8 | Storage::Utf16 | Storage::Utf32 => None,
            _ => storage.width(),
        };
        let Some(width) = width else {
            return data.malformed("numbers", format!("{storage:?} data"));
        };
        let stored = data.rest().len() / width;
        if stored != count {
            return data.malformed(format!("{count} numbers, as the dimensions say"), format!("{stored}"));
        }
        self.memory.charge(data.position(), count.saturating_mul(size_of::<f64>()))?;
        let mut numbers = Vec::with_capacity(count);
        for chunk in data.rest().chunks_exact(width) {
            match stored_number(storage, chunk, data.endian) {
                Some(number) => numbers.push(number),
                None => {
                    let what = "whole numbers beyond 2⁵³";
                    return Err(Error::Unsupported { at: data.position(), what });
                }
            }
        }
        Ok(Value::Numeric(Numeric { class, dims, numbers }))
    }

    fn text(&mut self, data: &mut Bytes<'_>, dims: &[usize]) -> Result<Value, Error> {
        let Element { storage, data } = data.element()?;
        // The widest decoding is a byte to a `char`, then UTF-8 of at most as much.
        self.memory.charge(data.position(), data.rest().len().saturating_mul(2 * size_of::<char>()))?;
        let chars = characters(storage, &data)?;
        let count = element_count(dims);
        // MATLAB counts 16-bit units, other writers count characters.
        let units: usize = chars.iter().map(|c| c.len_utf16()).sum();
        if count != units && count != chars.len() {
            return data
                .malformed(format!("{count} characters, as the dimensions say"), format!("{}", chars.len()));
        }
        Ok(Value::Text(chars.into_iter().collect()))
    }
}

/// Product of the dimensions, which [`Reader::dims`] has found to exist.
fn element_count(dims: &[usize]) -> usize {
    if dims.contains(&0) { 0 } else { dims.iter().product() }
}

fn empty() -> Value {
    Value::Numeric(Numeric { class: NumericClass::Double, dims: vec![0, 0], numbers: Vec::new() })
}
