//! Type numbers of the format, and numbers between their storage type and their class.
//!
//! A class (`mx…`) says what MATLAB computes with, a storage type (`mi…`) how the bytes lie in the
//! file. The two are independent: MATLAB stores a double array of small whole numbers as bytes.

use crate::Numbers;

/// Array classes (table "MATLAB Array Types (Classes)" of the format description).
pub(crate) mod class {
    pub(crate) const CELL: u8 = 1;
    pub(crate) const STRUCT: u8 = 2;
    pub(crate) const OBJECT: u8 = 3;
    pub(crate) const CHAR: u8 = 4;
    pub(crate) const SPARSE: u8 = 5;
    pub(crate) const DOUBLE: u8 = 6;
    pub(crate) const SINGLE: u8 = 7;
    pub(crate) const INT8: u8 = 8;
    pub(crate) const UINT8: u8 = 9;
    pub(crate) const INT16: u8 = 10;
    pub(crate) const UINT16: u8 = 11;
    pub(crate) const INT32: u8 = 12;
    pub(crate) const UINT32: u8 = 13;
    pub(crate) const INT64: u8 = 14;
    pub(crate) const UINT64: u8 = 15;
    pub(crate) const FUNCTION: u8 = 16;
    pub(crate) const OPAQUE: u8 = 17;
}

/// Bits of the array flags.
pub(crate) const COMPLEX: u32 = 0x0800;
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

/// A stored number before it takes on its array's class.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stored {
    Whole(i128),
    Float(f64),
}

/// The numbers lying in `bytes`. Empty for storage types that hold no numbers.
pub(crate) fn stored_numbers(
    storage: Storage,
    bytes: &[u8],
    endian: Endian,
) -> impl Iterator<Item = Stored> + '_ {
    let width = storage.width().unwrap_or(bytes.len().max(1));
    bytes.chunks_exact(width).filter_map(move |chunk| stored_number(storage, chunk, endian))
}

fn stored_number(storage: Storage, chunk: &[u8], endian: Endian) -> Option<Stored> {
    // `try_into` fails only for a chunk of another width, which `chunks_exact` does not hand out.
    let u16 = || Some(endian.u16(chunk.try_into().ok()?));
    let u32 = || Some(endian.u32(chunk.try_into().ok()?));
    let u64 = || Some(endian.u64(chunk.try_into().ok()?));
    Some(match storage {
        Storage::Int8 => Stored::Whole((*chunk.first()? as i8).into()),
        Storage::Uint8 => Stored::Whole((*chunk.first()?).into()),
        Storage::Int16 => Stored::Whole((u16()? as i16).into()),
        Storage::Uint16 => Stored::Whole(u16()?.into()),
        Storage::Int32 => Stored::Whole((u32()? as i32).into()),
        Storage::Uint32 => Stored::Whole(u32()?.into()),
        Storage::Int64 => Stored::Whole((u64()? as i64).into()),
        Storage::Uint64 => Stored::Whole(u64()?.into()),
        Storage::Single => Stored::Float(f32::from_bits(u32()?).into()),
        Storage::Double => Stored::Float(f64::from_bits(u64()?)),
        _ => return None,
    })
}

/// A number of some class, made from how it was stored.
pub(crate) trait Number: Sized {
    /// `None` if the class cannot hold it.
    fn from_stored(stored: Stored) -> Option<Self>;
}

macro_rules! whole_number {
    ($($number:ty)*) => {$(
        impl Number for $number {
            fn from_stored(stored: Stored) -> Option<Self> {
                match stored {
                    Stored::Whole(whole) => whole.try_into().ok(),
                    Stored::Float(float) => {
                        // Saturating, so the comparison below also refuses what is out of range.
                        let whole = float as i128;
                        (whole as f64 == float).then(|| whole.try_into().ok()).flatten()
                    }
                }
            }
        }
    )*};
}
whole_number!(i8 u8 i16 u16 i32 u32 i64 u64);

impl Number for f64 {
    fn from_stored(stored: Stored) -> Option<Self> {
        Some(match stored {
            Stored::Whole(whole) => whole as f64,
            Stored::Float(float) => float,
        })
    }
}

impl Number for f32 {
    fn from_stored(stored: Stored) -> Option<Self> {
        f64::from_stored(stored).map(|number| number as f32)
    }
}

/// Class, storage type and little-endian bytes of an array's numbers as the writer stores them.
pub(crate) fn encode(numbers: &Numbers) -> (u8, Storage, Vec<u8>) {
    fn bytes<T: Copy, const N: usize>(numbers: &[T], to: impl Fn(T) -> [u8; N]) -> Vec<u8> {
        numbers.iter().flat_map(|number| to(*number)).collect()
    }
    match numbers {
        Numbers::F64(n) => {
            let (storage, bytes) = narrow(n).unwrap_or_else(|| (Storage::Double, bytes(n, f64::to_le_bytes)));
            (class::DOUBLE, storage, bytes)
        }
        Numbers::F32(n) => {
            let (storage, bytes) = narrow(n).unwrap_or_else(|| (Storage::Single, bytes(n, f32::to_le_bytes)));
            (class::SINGLE, storage, bytes)
        }
        Numbers::I8(n) => (class::INT8, Storage::Int8, bytes(n, i8::to_le_bytes)),
        Numbers::U8(n) => (class::UINT8, Storage::Uint8, n.clone()),
        Numbers::I16(n) => (class::INT16, Storage::Int16, bytes(n, i16::to_le_bytes)),
        Numbers::U16(n) => (class::UINT16, Storage::Uint16, bytes(n, u16::to_le_bytes)),
        Numbers::I32(n) => (class::INT32, Storage::Int32, bytes(n, i32::to_le_bytes)),
        Numbers::U32(n) => (class::UINT32, Storage::Uint32, bytes(n, u32::to_le_bytes)),
        Numbers::I64(n) => (class::INT64, Storage::Int64, bytes(n, i64::to_le_bytes)),
        Numbers::U64(n) => (class::UINT64, Storage::Uint64, bytes(n, u64::to_le_bytes)),
    }
}

/// Floating-point numbers in the narrowest whole-number type that holds them all, if one does.
fn narrow<T: Copy + Into<f64>>(numbers: &[T]) -> Option<(Storage, Vec<u8>)> {
    let (mut low, mut high) = (0.0_f64, 0.0_f64);
    for number in numbers.iter().map(|n| (*n).into()) {
        // Minus zero is left alone: a whole number would lose its sign.
        let negative_zero = number == 0.0 && number.is_sign_negative();
        if !number.is_finite() || number.fract() != 0.0 || negative_zero {
            return None;
        }
        low = low.min(number);
        high = high.max(number);
    }
    let storage = [
        (Storage::Uint8, 0.0, u8::MAX.into()),
        (Storage::Int8, i8::MIN.into(), i8::MAX.into()),
        (Storage::Uint16, 0.0, u16::MAX.into()),
        (Storage::Int16, i16::MIN.into(), i16::MAX.into()),
        (Storage::Int32, i32::MIN.into(), i32::MAX.into()),
    ]
    .into_iter()
    .find(|(_, least, most)| *least <= low && high <= *most)
    .map(|(storage, ..)| storage)?;

    let width = storage.width()?;
    let bytes = numbers
        .iter()
        .flat_map(|n| {
            let whole = (*n).into() as i64;
            whole.to_le_bytes().into_iter().take(width)
        })
        .collect();
    // Four bytes of a single save nothing over four of an int32.
    (width < size_of::<T>()).then_some((storage, bytes))
}
