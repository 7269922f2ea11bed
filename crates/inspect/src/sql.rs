//! SQL over tables, by Polars.

use std::path::PathBuf;

use marque_formats::{Column, Frame};
use polars::prelude::{AnyValue, DataFrame, IntoLazy, NamedFrom, PolarsResult, Series};
use polars::sql::SQLContext;

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
    let mut context = SQLContext::new();
    for table in tables.iter().filter(|table| sql.contains(&table.name)) {
        let frame = Frame::read(&table.path)?;
        context.register(&table.name, to_polars(&frame)?.lazy());
    }
    Ok(to_answer(&context.execute(sql)?.collect()?)?)
}

pub(crate) fn to_polars(frame: &Frame) -> PolarsResult<DataFrame> {
    let series = |(name, column): &(String, Column)| {
        let name = name.as_str().into();
        let series = match column {
            Column::Text(values) => Series::new(name, values),
            Column::Integer(values) => Series::new(name, values),
            Column::Number(values) => Series::new(name, values),
            Column::Flag(values) => Series::new(name, values),
        };
        series.into()
    };
    DataFrame::new(frame.rows(), frame.columns().iter().map(series).collect())
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
        other if other.is_integer() => other.extract().map_or(Value::Null, Value::Integer),
        other => Value::Text(other.to_string()),
    }
}
