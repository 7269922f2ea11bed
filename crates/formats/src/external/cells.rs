//! Cells of any type as text, by one rule: a null, an empty text and a NaN, which pandas writes for what is missing, are
//! not known; every other value is its text, or an error that says why it has none.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, Float16Type,
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, Time32MillisecondType,
    Time32SecondType, Time64MicrosecondType, Time64NanosecondType, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, TimeUnit};
use marque_contracts::schema::normalised;

use crate::CellValue;

/// The id by which `datasets` marks a label that is not known.
const NOT_KNOWN: i128 = -1;

/// The text or list of a cell, `None` if it is not known, or why it has none: "has inf, …".
pub(super) type Cell = Result<Option<CellValue>, String>;

/// The same for a single value.
type Text = Result<Option<String>, String>;

/// Whether columns of a type can be read as text.
pub(super) fn is_text(data_type: &DataType) -> bool {
    use DataType::{
        Boolean, Date32, Date64, Dictionary, Int8, Int16, Int32, Int64, LargeUtf8, Null, Time32, Time64,
        Timestamp, UInt8, UInt16, UInt32, UInt64, Utf8, Utf8View,
    };
    match data_type {
        Utf8 | LargeUtf8 | Utf8View | Boolean | Null => true,
        Date32 | Date64 | Timestamp(..) | Time32(_) | Time64(_) => true,
        Int8 | Int16 | Int32 | Int64 | UInt8 | UInt16 | UInt32 | UInt64 => true,
        data_type if has_decimals(data_type) => true,
        Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

/// Whether columns of a type can be read as lists of text. Lists of numbers with decimals are boxes and vectors, not
/// labels, unless they are ids of classes.
pub(super) fn is_list(data_type: &DataType, has_class_names: bool) -> bool {
    match data_type {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            is_text(item.data_type()) && (has_class_names || !has_decimals(item.data_type()))
        }
        _ => false,
    }
}

fn has_decimals(data_type: &DataType) -> bool {
    use DataType::{Decimal32, Decimal64, Decimal128, Decimal256, Float16, Float32, Float64};
    matches!(
        data_type,
        Float16 | Float32 | Float64 | Decimal32(..) | Decimal64(..) | Decimal128(..) | Decimal256(..)
    )
}

/// The cells of a column: numbers in decimals, whole ones without a point, class ids by their `names`. A list of nothing
/// but nulls is unknown, an empty one is not.
pub(super) fn cells(array: &ArrayRef, names: Option<&[String]>) -> Vec<Cell> {
    let Some(lists) = lists(array) else {
        return texts(array, names).into_iter().map(|text| Ok(text?.map(CellValue::Text))).collect();
    };
    let list = |items: Option<ArrayRef>| {
        let Some(items) = items else { return Ok(None) };
        let known = texts(&items, names).into_iter().filter_map(Result::transpose);
        let known = known.collect::<Result<Vec<_>, _>>()?;
        Ok((items.is_empty() || !known.is_empty()).then_some(CellValue::List(known)))
    };
    lists.into_iter().map(list).collect()
}

/// The texts of an array; unknown where it holds something else.
fn texts(array: &ArrayRef, names: Option<&[String]>) -> Vec<Text> {
    macro_rules! whole {
        ($kind:ty) => {
            rows(array, |row| Scalar::Whole(i128::from(array.as_primitive::<$kind>().value(row))), names)
        };
    }
    // Numbers are shown as what they are: a float as f64 would show digits that it does not have.
    macro_rules! float {
        ($kind:ty) => {
            rows(
                array,
                |row| {
                    let number = array.as_primitive::<$kind>().value(row);
                    Scalar::float(f64::from(number), &number)
                },
                names,
            )
        };
    }
    macro_rules! decimal {
        ($kind:ty) => {
            rows(array, |row| Scalar::decimal(array.as_primitive::<$kind>().value_as_string(row)), names)
        };
    }
    // As ISO 8601 has it; a moment with a time zone is in UTC.
    macro_rules! moment {
        ($kind:ty, $value:ident, $zone:expr) => {
            rows(
                array,
                |row| {
                    let moment = array.as_primitive::<$kind>().$value(row);
                    Scalar::Moment(moment.map(|moment| format!("{moment}{}", $zone)))
                },
                names,
            )
        };
    }
    match array.data_type() {
        DataType::Utf8 => rows(array, |row| Scalar::text(array.as_string::<i32>().value(row)), names),
        DataType::LargeUtf8 => rows(array, |row| Scalar::text(array.as_string::<i64>().value(row)), names),
        DataType::Utf8View => rows(array, |row| Scalar::text(array.as_string_view().value(row)), names),
        DataType::Boolean => rows(array, |row| Scalar::Flag(array.as_boolean().value(row)), names),
        DataType::Int8 => whole!(Int8Type),
        DataType::Int16 => whole!(Int16Type),
        DataType::Int32 => whole!(Int32Type),
        DataType::Int64 => whole!(Int64Type),
        DataType::UInt8 => whole!(UInt8Type),
        DataType::UInt16 => whole!(UInt16Type),
        DataType::UInt32 => whole!(UInt32Type),
        DataType::UInt64 => whole!(UInt64Type),
        DataType::Float16 => float!(Float16Type),
        DataType::Float32 => float!(Float32Type),
        DataType::Float64 => float!(Float64Type),
        DataType::Decimal32(..) => decimal!(Decimal32Type),
        DataType::Decimal64(..) => decimal!(Decimal64Type),
        DataType::Decimal128(..) => decimal!(Decimal128Type),
        DataType::Decimal256(..) => decimal!(Decimal256Type),
        DataType::Date32 => moment!(Date32Type, value_as_date, ""),
        DataType::Date64 => moment!(Date64Type, value_as_date, ""),
        DataType::Time32(TimeUnit::Second) => moment!(Time32SecondType, value_as_time, ""),
        DataType::Time32(_) => moment!(Time32MillisecondType, value_as_time, ""),
        DataType::Time64(TimeUnit::Microsecond) => moment!(Time64MicrosecondType, value_as_time, ""),
        DataType::Time64(_) => moment!(Time64NanosecondType, value_as_time, ""),
        DataType::Timestamp(unit, zone) => {
            let zone = if zone.is_some() { "Z" } else { "" };
            match unit {
                TimeUnit::Second => moment!(TimestampSecondType, value_as_datetime, zone),
                TimeUnit::Millisecond => moment!(TimestampMillisecondType, value_as_datetime, zone),
                TimeUnit::Microsecond => moment!(TimestampMicrosecondType, value_as_datetime, zone),
                TimeUnit::Nanosecond => moment!(TimestampNanosecondType, value_as_datetime, zone),
            }
        }
        DataType::Dictionary(_, _) => {
            let dictionary = array.as_any_dictionary();
            let values = texts(dictionary.values(), names);
            let keys = if values.is_empty() { Vec::new() } else { dictionary.normalized_keys() };
            let value = |row: usize| values.get(*keys.get(row)?).cloned();
            let cell = |row| if array.is_null(row) { None } else { value(row) };
            (0..array.len()).map(|row| cell(row).unwrap_or(Ok(None))).collect()
        }
        _ => vec![Ok(None); array.len()],
    }
}

/// The cells of an array whose values are single ones.
fn rows(array: &ArrayRef, value: impl Fn(usize) -> Scalar, names: Option<&[String]>) -> Vec<Text> {
    let cell = |row| if array.is_null(row) { Ok(None) } else { value(row).cell(names) };
    (0..array.len()).map(cell).collect()
}

/// The items of an array of lists; `None` if it holds something else.
fn lists(array: &ArrayRef) -> Option<Vec<Option<ArrayRef>>> {
    match array.data_type() {
        DataType::List(_) => Some(array.as_list::<i32>().iter().collect()),
        DataType::LargeList(_) => Some(array.as_list::<i64>().iter().collect()),
        DataType::FixedSizeList(..) => Some(array.as_fixed_size_list().iter().collect()),
        _ => None,
    }
}

/// A value that is there.
enum Scalar {
    /// Without spaces around it.
    Text(String),
    Flag(bool),
    Whole(i128),
    /// A number with decimals, or beyond all whole ones, as it is shown.
    Number(String),
    /// A number that stands for no value.
    NotANumber,
    /// A date, a time or both; `None` for one beyond all calendars.
    Moment(Option<String>),
}

impl Scalar {
    fn text(text: &str) -> Self {
        Self::Text(text.trim().to_owned())
    }

    /// A number and how its own type shows it.
    fn float(number: f64, shown: &impl ToString) -> Self {
        // Whole numbers of this size convert without loss, those beyond are shown in full.
        if number.fract() == 0.0 && number.abs() < 1e30 {
            Self::Whole(number as i128)
        } else if number.is_nan() {
            Self::NotANumber
        } else {
            Self::Number(shown.to_string())
        }
    }

    fn decimal(shown: String) -> Self {
        let shorter = match shown.contains('.') {
            true => shown.trim_end_matches('0').trim_end_matches('.'),
            false => &shown,
        };
        shorter.parse().map_or_else(|_| Self::Number(shorter.to_owned()), Self::Whole)
    }

    /// The value as text; as the name of a class, if it is of a column of class labels.
    fn cell(self, names: Option<&[String]>) -> Text {
        match (self, names) {
            (Self::NotANumber, _) => Ok(None),
            (Self::Text(text), _) if text.is_empty() => Ok(None),
            (Self::Number(number), _) if number.ends_with("inf") => {
                Err(format!("has {number}, which is no label: leave the cell empty if it is not known"))
            }
            (Self::Whole(id), Some(names)) => name_of(id, names),
            (Self::Flag(flag), Some(names)) => name_of(flag.into(), names),
            (Self::Text(text), Some(names)) => {
                match (names.iter().find(|name| normalised(name) == normalised(&text)), text.parse()) {
                    (Some(name), _) => Ok(Some(name.clone())),
                    (None, Ok(id)) => name_of(id, names),
                    (None, Err(_)) => Err(format!("has {text:?}, which is none of the names of its classes")),
                }
            }
            (Self::Number(text) | Self::Moment(Some(text)), Some(_)) => {
                Err(format!("has {text}, which is no id of a class"))
            }
            (Self::Text(text) | Self::Number(text) | Self::Moment(Some(text)), None) => Ok(Some(text)),
            (Self::Moment(None), _) => Err("has a moment beyond all calendars".to_owned()),
            (Self::Flag(flag), None) => Ok(Some(flag.to_string())),
            (Self::Whole(number), None) => Ok(Some(number.to_string())),
        }
    }
}

/// The name of a class by its id.
fn name_of(id: i128, names: &[String]) -> Text {
    let name = usize::try_from(id).ok().and_then(|id| names.get(id));
    match name {
        _ if id == NOT_KNOWN => Ok(None),
        Some(name) => Ok(Some(name.clone()).filter(|name| !name.is_empty())),
        None => {
            Err(format!("has the class {id}, but names from 0 to {} only", names.len().saturating_sub(1)))
        }
    }
}
