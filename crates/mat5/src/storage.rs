//! Type numbers of the format, and numbers from and to their storage types.
//!
//! A class (`mx…`) says what MATLAB computes with, a storage type (`mi…`) how the bytes lie in the
//! file. The two are independent: MATLAB stores a double array of small whole numbers as bytes.

use crate::NumericClass;

/// Array classes (table "MATLAB Array Types (Classes)" of the format description).
pub(crate) mod class {
    pub(crate) const CELL: u8 = 1;
    pub(crate) const STRUCT: u8 = 2;
    pub(crate) const OBJECT: u8 = 3;
    pub(crate) const CHAR: u8 = 4;
    pub(crate) const SPARSE: u8 = 5;
    pub(crate) const FUNCTION: u8 = 16;
    pub(crate) const OPAQUE: u8 = 17;
}

/// The bit of the array flags that announces imaginary parts.
pub(crate) const COMPLEX: u32 = 0x0800;

/// The bit that makes logicals of an array of bytes.
pub(crate) const LOGICAL: u32 = 0x0200;

/// Storage types (table "MAT-File Data Types" of the format description).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Storage {
    Int8 = 1,
    Uint8 = 2,
    Int16 = 3,
    Uint16 = 4,
    Int32 = 5,
    Uint32 = 6,
    Single = 7,
    Double = 9,
    Int64 = 12,
    Uint64 = 13,
    Matrix = 14,
    Compressed = 15,
    Utf8 = 16,
    Utf16 = 17,
    Utf32 = 18,
}

impl Storage {
    pub(crate) fn from_number(number: u32) -> Option<Self> {
        use Storage::*;
        [
            Int8, Uint8, Int16, Uint16, Int32, Uint32, Single, Double, Int64, Uint64, Matrix, Compressed,
            Utf8, Utf16, Utf32,
        ]
        .into_iter()
        .find(|storage| *storage as u32 == number)
    }

    /// Bytes of one stored number or code unit; `None` for what holds other elements.
    pub(crate) fn width(self) -> Option<usize> {
        match self {
            Self::Int8 | Self::Uint8 | Self::Utf8 => Some(1),
            Self::Int16 | Self::Uint16 | Self::Utf16 => Some(2),
            Self::Int32 | Self::Uint32 | Self::Single | Self::Utf32 => Some(4),
            Self::Double | Self::Int64 | Self::Uint64 => Some(8),
            Self::Matrix | Self::Compressed => None,
        }
    }
}

/// Byte order of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Endian {
    Little,
    Big,
}

impl Endian {
    pub(crate) fn u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        }
    }

    pub(crate) fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }

    pub(crate) fn u64(self, bytes: [u8; 8]) -> u64 {
        match self {
            Self::Little => u64::from_le_bytes(bytes),
            Self::Big => u64::from_be_bytes(bytes),
        }
    }
}

/// The number in `chunk`, which is as wide as the storage type says; `None` if it is not a number, or a whole one that
/// a double does not hold.
pub(crate) fn stored_number(storage: Storage, chunk: &[u8], endian: Endian) -> Option<f64> {
    let u16 = || Some(endian.u16(chunk.try_into().ok()?));
    let u32 = || Some(endian.u32(chunk.try_into().ok()?));
    let u64 = || Some(endian.u64(chunk.try_into().ok()?));
    Some(match storage {
        Storage::Int8 => (*chunk.first()? as i8).into(),
        Storage::Uint8 => (*chunk.first()?).into(),
        Storage::Int16 => (u16()? as i16).into(),
        Storage::Uint16 => u16()?.into(),
        Storage::Int32 => (u32()? as i32).into(),
        Storage::Uint32 => u32()?.into(),
        Storage::Int64 => exact(i128::from(u64()? as i64))?,
        Storage::Uint64 => exact(u64()?.into())?,
        Storage::Single => f32::from_bits(u32()?).into(),
        Storage::Double => f64::from_bits(u64()?),
        _ => return None,
    })
}

/// Doubles count up to 2⁵³ without a gap.
fn exact(whole: i128) -> Option<f64> {
    (whole.abs() <= 1 << 53).then_some(whole as f64)
}

/// The narrowest whole-number type that holds all of the numbers, or the widest that their class needs: storage type and
/// little-endian bytes.
pub(crate) fn encode(numbers: &[f64], class: NumericClass) -> (Storage, Vec<u8>) {
    let storage = match (narrowest(numbers), class) {
        (Storage::Double, NumericClass::Single) => Storage::Single,
        (Storage::Double, NumericClass::Int64) => Storage::Int64,
        (Storage::Double, NumericClass::Uint32) => Storage::Uint32,
        (Storage::Double, NumericClass::Uint64) => Storage::Uint64,
        (narrowest, _) => narrowest,
    };
    let bytes = |number: &f64| match storage {
        Storage::Double => number.to_le_bytes(),
        Storage::Single => u64::from((*number as f32).to_bits()).to_le_bytes(),
        _ => (*number as i64).to_le_bytes(),
    };
    let width = storage.width().unwrap_or(8);
    (storage, numbers.iter().flat_map(|number| bytes(number).into_iter().take(width)).collect())
}

fn narrowest(numbers: &[f64]) -> Storage {
    let (mut low, mut high) = (0.0_f64, 0.0_f64);
    for number in numbers {
        // Minus zero is left alone: a whole number would lose its sign.
        let negative_zero = *number == 0.0 && number.is_sign_negative();
        if !number.is_finite() || number.fract() != 0.0 || negative_zero {
            return Storage::Double;
        }
        low = low.min(*number);
        high = high.max(*number);
    }
    [
        (Storage::Uint8, 0.0, u8::MAX.into()),
        (Storage::Int8, i8::MIN.into(), i8::MAX.into()),
        (Storage::Uint16, 0.0, u16::MAX.into()),
        (Storage::Int16, i16::MIN.into(), i16::MAX.into()),
        (Storage::Int32, i32::MIN.into(), i32::MAX.into()),
    ]
    .into_iter()
    .find(|(_, least, most)| *least <= low && high <= *most)
    .map_or(Storage::Double, |(storage, ..)| storage)
}
