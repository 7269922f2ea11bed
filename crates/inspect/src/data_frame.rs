//! Tables as data frames of Polars, and data frames as answers.

use std::path::Path;

use marque_formats::{Column, Table};
use polars::prelude::{AnyValue, DataFrame, DataType, NamedFrom, PlSmallStr, PolarsResult, Series};

use crate::{Answer, Error, Value};

/// Reads a Parquet table.
pub(crate) fn read(path: &Path) -> Result<DataFrame, Error> {
    to_polars(&Table::read(path)?)
}

/// The table as a data frame.
pub(crate) fn to_polars(table: &Table) -> Result<DataFrame, Error> {
    let series = |(name, column): &(String, Column)| -> PolarsResult<_> {
        let name = name.as_str().into();
        let series = match column {
            Column::Text(values) => Series::new(name, values),
            Column::Integer(values) => Series::new(name, values),
            Column::Number(values) => Series::new(name, values),
            Column::Flag(values) => Series::new(name, values),
            Column::TextList(values) => {
                list_series(name, values, DataType::String, |list| Series::new(PlSmallStr::EMPTY, list))?
            }
            Column::IntegerList(values) => {
                list_series(name, values, DataType::Int64, |list| Series::new(PlSmallStr::EMPTY, list))?
            }
            Column::NumberList(values) => {
                list_series(name, values, DataType::Float64, |list| Series::new(PlSmallStr::EMPTY, list))?
            }
        };
        Ok(series.into())
    };
    let columns = table.columns().iter().map(series).collect::<PolarsResult<_>>();
    let frame = columns.and_then(|columns| DataFrame::new(table.rows(), columns));
    frame.map_err(|error| Error::of_polars("query", &error, &[]))
}

/// A column of lists, of the type given even if all are null.
fn list_series<T>(
    name: PlSmallStr,
    values: &[Option<Vec<T>>],
    inside: DataType,
    list: impl Fn(&[T]) -> Series,
) -> PolarsResult<Series> {
    let value = |value: &Option<Vec<T>>| value.as_deref().map_or(AnyValue::Null, |v| AnyValue::List(list(v)));
    let values: Vec<_> = values.iter().map(value).collect();
    Series::from_any_values_and_dtype(name, &values, &DataType::List(Box::new(inside)), true)
}

/// The data frame as an answer; types without a [`Value`] of their own as text.
pub(crate) fn to_answer(frame: &DataFrame) -> PolarsResult<Answer> {
    let columns: Vec<String> = frame.columns().iter().map(|column| column.name().to_string()).collect();
    let row = |i: usize| frame.columns().iter().map(|column| Ok(to_value(column.get(i)?))).collect();
    let rows = (0..frame.height()).map(row).collect::<PolarsResult<_>>()?;
    Ok(Answer { columns, rows })
}

fn to_value(value: AnyValue<'_>) -> Value {
    match value {
        AnyValue::Null => Value::Null,
        AnyValue::Boolean(flag) => Value::Flag(flag),
        AnyValue::String(text) => Value::Text(text.to_owned()),
        AnyValue::StringOwned(text) => Value::Text(text.to_string()),
        AnyValue::Float32(number) => Value::Number(number.into()),
        AnyValue::Float64(number) => Value::Number(number),
        AnyValue::List(list) => Value::List(list.iter().map(to_value).collect()),
        // An integer beyond those of 64 bits keeps its digits as text.
        other if other.is_integer() => {
            other.extract().map_or_else(|| Value::Text(other.to_string()), Value::Integer)
        }
        other => Value::Text(other.to_string()),
    }
}
