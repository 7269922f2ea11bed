//! Writing: from variables to the bytes of a file.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use crate::storage::{self, Storage, class};
use crate::{Cell, Error, HEADER_BYTES, Numeric, Struct, Value, Variable};

/// Programs recognise a Level 5 file by the first 19 of these characters. No date, so that equal
/// variables give equal files.
const HEADER_TEXT: &[u8] = b"MATLAB 5.0 MAT-file, Platform: any, Created by: marque";

/// Longest name of a variable or field (`namelengthmax` of MATLAB).
const NAME_BYTES: usize = 63;

/// Deepest nesting written, as deep as is read by default.
const DEPTH: usize = 32;

/// The bytes of a file with these variables.
///
/// # Errors
/// [`Error::Unwritable`] for names that MATLAB would not take, dimensions that do not fit the
/// number of elements, [`Value::Unread`], and more than 4 GiB in a variable.
pub fn write(variables: &[Variable]) -> Result<Vec<u8>, Error> {
    let mut file = Vec::with_capacity(HEADER_BYTES);
    file.extend_from_slice(HEADER_TEXT);
    file.resize(116, b' ');
    file.extend_from_slice(&[0; 8]); // no subsystem data
    file.extend_from_slice(&0x0100_u16.to_le_bytes());
    file.extend_from_slice(b"IM");
    for variable in variables {
        write_variable(&mut file, variable)
            .map_err(|reason| Error::Unwritable { variable: variable.name.clone(), reason })?;
    }
    Ok(file)
}

/// Why a value cannot be written; [`write()`] adds the variable's name.
type Unwritable = String;

fn write_variable(file: &mut Vec<u8>, variable: &Variable) -> Result<(), Unwritable> {
    check_name("variable", &variable.name)?;
    let mut plain = Vec::new();
    write_array(&mut plain, &variable.name, &variable.value, 0)?;
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    let compressed =
        encoder.write_all(&plain).and_then(|()| encoder.finish()).map_err(|error| error.to_string())?;
    file.extend_from_slice(&(Storage::Compressed as u32).to_le_bytes());
    file.extend_from_slice(&length(compressed.len())?.to_le_bytes());
    file.extend_from_slice(&compressed); // the one element that is not padded
    Ok(())
}

fn check_name(what: &str, name: &str) -> Result<(), Unwritable> {
    let letter_first = name.starts_with(|c: char| c.is_ascii_alphabetic());
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if letter_first && plain && name.len() <= NAME_BYTES {
        Ok(())
    } else {
        Err(format!(
            "`{name}` is no {what} name (a letter, then letters, digits and `_`, \
             at most {NAME_BYTES})"
        ))
    }
}

fn length(bytes: usize) -> Result<u32, Unwritable> {
    u32::try_from(bytes).map_err(|_| format!("{bytes} bytes are more than an element can hold"))
}

fn write_element(out: &mut Vec<u8>, storage: Storage, data: &[u8]) -> Result<(), Unwritable> {
    let length = length(data.len())?;
    let number = storage as u32;
    if (1..=4).contains(&length) {
        out.extend_from_slice(&(length << 16 | number).to_le_bytes());
    } else {
        out.extend_from_slice(&number.to_le_bytes());
        out.extend_from_slice(&length.to_le_bytes());
    }
    out.extend_from_slice(data);
    // Tags are 8 bytes (small ones 4) and start on multiples of 8 within the variable.
    out.resize(out.len().next_multiple_of(8), 0);
    Ok(())
}

fn write_array(out: &mut Vec<u8>, name: &str, value: &Value, depth: usize) -> Result<(), Unwritable> {
    if depth > DEPTH {
        return Err(format!("arrays are nested more than {DEPTH} deep"));
    }
    out.extend_from_slice(&(Storage::Matrix as u32).to_le_bytes());
    let length_at = out.len();
    out.extend_from_slice(&[0; 4]);
    match value {
        Value::Numeric(numeric) => write_numeric(out, name, numeric)?,
        Value::Text(text) => write_text(out, name, text)?,
        Value::Cell(cell) => write_cell(out, name, cell, depth)?,
        Value::Struct(array) => write_struct(out, name, array, depth)?,
        Value::Unread { class } => return Err(format!("arrays of class {class} are not written")),
    }
    let length = length(out.len() - length_at - 4)?;
    out[length_at..length_at + 4].copy_from_slice(&length.to_le_bytes());
    Ok(())
}

/// Flags, dimensions and name: what every array starts with.
fn write_start(
    out: &mut Vec<u8>,
    flags: u32,
    dims: &[usize],
    count: usize,
    name: &str,
) -> Result<(), Unwritable> {
    let product = dims.iter().try_fold(1_usize, |n, d| n.checked_mul(*d));
    if dims.len() < 2 || product != Some(count) {
        return Err(format!("dimensions {dims:?} do not fit {count} elements"));
    }
    let mut lengths = Vec::with_capacity(dims.len() * 4);
    for dim in dims {
        let dim = i32::try_from(*dim).map_err(|_| format!("dimension {dim} is too large"))?;
        lengths.extend_from_slice(&dim.to_le_bytes());
    }
    let mut words = [0; 8];
    words[..4].copy_from_slice(&flags.to_le_bytes());
    write_element(out, Storage::Uint32, &words)?;
    write_element(out, Storage::Int32, &lengths)?;
    write_element(out, Storage::Int8, name.as_bytes())
}

fn write_numeric(out: &mut Vec<u8>, name: &str, numeric: &Numeric) -> Result<(), Unwritable> {
    let class = numeric.class;
    if let Some(number) = numeric.numbers.iter().find(|number| !class.holds(**number)) {
        return Err(format!("{number} is not of the class {}", class.name()));
    }
    write_start(out, class.flags(), &numeric.dims, numeric.numbers.len(), name)?;
    let (storage, bytes) = storage::encode(&numeric.numbers, class);
    write_element(out, storage, &bytes)
}

/// ASCII goes out as UTF-8, as in MATLAB's own files; other text as UTF-16, MATLAB's own unit, so
/// that dimensions and data agree for every reader.
fn write_text(out: &mut Vec<u8>, name: &str, text: &str) -> Result<(), Unwritable> {
    let units = text.encode_utf16().count();
    let dims = if units == 0 { [0, 0] } else { [1, units] };
    write_start(out, class::CHAR.into(), &dims, units, name)?;
    if text.is_ascii() {
        return write_element(out, Storage::Utf8, text.as_bytes());
    }
    let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    write_element(out, Storage::Utf16, &bytes)
}

fn write_cell(out: &mut Vec<u8>, name: &str, cell: &Cell, depth: usize) -> Result<(), Unwritable> {
    write_start(out, class::CELL.into(), &cell.dims, cell.items.len(), name)?;
    cell.items.iter().try_for_each(|item| write_array(out, "", item, depth + 1))
}

fn write_struct(out: &mut Vec<u8>, name: &str, array: &Struct, depth: usize) -> Result<(), Unwritable> {
    write_start(out, class::STRUCT.into(), &array.dims, array.rows.len(), name)?;
    for field in &array.fields {
        check_name("field", field)?;
    }
    // Names lie in slots of equal length, each closed by a zero byte.
    let slot = 1 + array.fields.iter().map(String::len).max().unwrap_or(0);
    let mut names = vec![0; slot * array.fields.len()];
    for (place, field) in names.chunks_exact_mut(slot).zip(&array.fields) {
        place[..field.len()].copy_from_slice(field.as_bytes());
    }
    write_element(out, Storage::Int32, &length(slot)?.to_le_bytes())?;
    write_element(out, Storage::Int8, &names)?;
    for row in &array.rows {
        if row.len() != array.fields.len() {
            return Err(format!("a row of {} values for {} fields", row.len(), array.fields.len()));
        }
        row.iter().try_for_each(|value| write_array(out, "", value, depth + 1))?;
    }
    Ok(())
}
