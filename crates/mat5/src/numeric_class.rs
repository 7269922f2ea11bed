//! What MATLAB computes with.

use crate::storage::LOGICAL;

/// The class of an array of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NumericClass {
    /// 64-bit floating-point numbers.
    #[default]
    Double,
    /// 32-bit floating-point numbers.
    Single,
    /// Integers of 8 bits.
    Int8,
    /// Integers of 8 bits, 0 or more.
    Uint8,
    /// Integers of 16 bits.
    Int16,
    /// Integers of 16 bits, 0 or more.
    Uint16,
    /// Integers of 32 bits.
    Int32,
    /// Integers of 32 bits, 0 or more.
    Uint32,
    /// Integers of 64 bits.
    Int64,
    /// Integers of 64 bits, 0 or more.
    Uint64,
    /// True (1) and false (0).
    Logical,
}

impl NumericClass {
    /// In the order of their numbers in the format, from 6 on.
    const NUMBERED: [Self; 10] = [
        Self::Double,
        Self::Single,
        Self::Int8,
        Self::Uint8,
        Self::Int16,
        Self::Uint16,
        Self::Int32,
        Self::Uint32,
        Self::Int64,
        Self::Uint64,
    ];

    const FIRST: u8 = 6;

    /// MATLAB's name of it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Double => "double",
            Self::Single => "single",
            Self::Int8 => "int8",
            Self::Uint8 => "uint8",
            Self::Int16 => "int16",
            Self::Uint16 => "uint16",
            Self::Int32 => "int32",
            Self::Uint32 => "uint32",
            Self::Int64 => "int64",
            Self::Uint64 => "uint64",
            Self::Logical => "logical",
        }
    }

    /// The class of an array with these flags; `None` if it is not of numbers.
    pub(crate) fn of_flags(flags: u32) -> Option<Self> {
        let place = (flags as u8).checked_sub(Self::FIRST)?;
        let class = Self::NUMBERED.get(usize::from(place)).copied()?;
        Some(if flags & LOGICAL == 0 { class } else { Self::Logical })
    }

    /// The flags of an array of this class.
    pub(crate) fn flags(self) -> u32 {
        let (class, flags) = match self {
            Self::Logical => (Self::Uint8, LOGICAL),
            class => (class, 0),
        };
        let place = Self::NUMBERED.iter().position(|numbered| *numbered == class).unwrap_or_default();
        flags | (u32::from(Self::FIRST) + place as u32)
    }

    /// Whether a number is one of this class.
    pub(crate) fn holds(self, number: f64) -> bool {
        let whole = |least: f64, most: f64| number.fract() == 0.0 && (least..=most).contains(&number);
        // Doubles count up to 2⁵³ without a gap, and more is not read.
        let exact = (1_u64 << 53) as f64;
        match self {
            Self::Double => true,
            Self::Single => f64::from(number as f32) == number || number.is_nan(),
            Self::Int8 => whole(i8::MIN.into(), i8::MAX.into()),
            Self::Uint8 => whole(0.0, u8::MAX.into()),
            Self::Int16 => whole(i16::MIN.into(), i16::MAX.into()),
            Self::Uint16 => whole(0.0, u16::MAX.into()),
            Self::Int32 => whole(i32::MIN.into(), i32::MAX.into()),
            Self::Uint32 => whole(0.0, u32::MAX.into()),
            Self::Int64 => whole(-exact, exact),
            Self::Uint64 => whole(0.0, exact),
            Self::Logical => whole(0.0, 1.0),
        }
    }
}
