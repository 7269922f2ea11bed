//! SQL over tables, by Polars.

use std::path::{Path, PathBuf};

use marque_formats::{Column, Frame};
use polars::prelude::{AnyValue, DataFrame, DataType, IntoLazy, NamedFrom, PlSmallStr, PolarsResult, Series};
use polars::sql::SQLContext;

use crate::rows::{matching, take};
use crate::statement::Statement;
use crate::{Answer, Error, Value};

/// A table that queries can name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TableFile {
    /// Name in queries.
    pub name: String,
    /// The Parquet file.
    pub path: PathBuf,
}

/// Answers a query over the tables that it names.
///
/// # Errors
/// If a table that it names cannot be read, or the query does not fit them.
pub fn query(tables: &[TableFile], sql: &str) -> Result<Answer, Error> {
    let statement = Statement::read(sql);
    statement.check()?;
    if statement.asks_for_tables() {
        let rows = tables.iter().map(|table| vec![Value::Text(table.name.clone())]).collect();
        return Ok(Answer { columns: vec!["name".to_owned()], rows });
    }
    let mut context = SQLContext::new();
    let mut columns: Vec<String> = Vec::new();
    for table in tables {
        let spellings = statement.spellings(&table.name);
        if spellings.is_empty() {
            continue;
        }
        let frame = Frame::read(&table.path)?;
        let registered = to_polars(&frame).map_err(|error| Error::of_polars("query", &error, &columns))?;
        for spelling in spellings {
            context.register(spelling, registered.clone().lazy());
        }
        for (name, _) in frame.columns() {
            if !columns.contains(name) {
                columns.push(name.clone());
            }
        }
    }
    let answer = context.execute(sql).and_then(|plan| plan.collect()).and_then(|answer| to_answer(&answer));
    answer.map_err(|error| Error::of_polars("query", &error, &columns))
}

/// The rows of a table for which a condition in SQL holds, or all, and how many there are in all.
///
/// # Errors
/// If the table cannot be read, or the condition does not fit it.
pub fn rows(table: &Path, condition: Option<&str>) -> Result<(Answer, usize), Error> {
    rows_of(Frame::read(table)?, condition)
}

pub(crate) fn rows_of(frame: Frame, condition: Option<&str>) -> Result<(Answer, usize), Error> {
    let all = frame.rows();
    let frame = match condition {
        Some(condition) => {
            take(&frame, &matching(&frame, condition)?.into_iter().map(Some).collect::<Vec<_>>())
        }
        None => frame,
    };
    let answer = to_polars(&frame).and_then(|frame| to_answer(&frame));
    Ok((answer.map_err(|error| Error::of_polars("query", &error, &[]))?, all))
}

pub(crate) fn to_polars(frame: &Frame) -> PolarsResult<DataFrame> {
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
        };
        Ok(series.into())
    };
    let columns = frame.columns().iter().map(series).collect::<PolarsResult<_>>()?;
    DataFrame::new(frame.rows(), columns)
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

fn to_answer(frame: &DataFrame) -> PolarsResult<Answer> {
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
        other if other.is_integer() => other.extract().map_or(Value::Null, Value::Integer),
        other => Value::Text(other.to_string()),
    }
}
