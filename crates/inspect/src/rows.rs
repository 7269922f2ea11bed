//! Choosing rows of a table.

use std::collections::BTreeMap;

use marque_formats::{Column, Table};
use polars::prelude::{DataType, IntoLazy};
use polars::sql::sql_expr;

use crate::Error;
use crate::data_frame::to_polars;

/// Positions of the rows for which a condition in SQL holds, as in `year >= 2012 and type = 'SUV'`.
pub(crate) fn matching(table: &Table, condition: &str) -> Result<Vec<usize>, Error> {
    let columns: Vec<String> = table.columns().iter().map(|(name, _)| name.clone()).collect();
    let failed = |error| match Error::of_polars("condition", &error, &columns) {
        Error::Query { what, reason } => {
            Error::Query { what, reason: reason + &tag_advice(table, condition) }
        }
        other => other,
    };
    let expression = sql_expr(condition).map_err(failed)?.alias("holds");
    let frame = to_polars(table).map_err(failed)?;
    let answer = frame.lazy().select([expression]).collect().map_err(failed)?;
    let holds = answer.column("holds").map_err(failed)?;
    if *holds.dtype() != DataType::Boolean {
        let reason = format!("{condition:?} is not a condition; compare something, as in year >= 2012");
        return Err(Error::Query { what: "condition", reason });
    }
    let holds = holds.bool().map_err(failed)?;
    // A condition on nothing but literals has one value for all rows.
    let row = |row: usize| holds.get(if holds.len() == 1 { 0 } else { row }) == Some(true);
    Ok((0..table.rows()).filter(|position| row(*position)).collect())
}

/// How to ask for tags, if the condition names a column of them.
fn tag_advice(table: &Table, condition: &str) -> String {
    let mut words = condition.split(|c: char| !c.is_alphanumeric() && c != '_');
    let tags = |word: &&str| {
        let is_tags =
            |(name, column): &(String, Column)| name == word && matches!(column, Column::TextList(_));
        table.columns().iter().any(is_tags)
    };
    words.find(tags).map_or(String::new(), |name| {
        format!("; `{name}` holds several tags a row: write array_contains({name}, 'tag')")
    })
}

/// The rows of a table for which a condition in SQL holds; all without one.
pub(crate) fn filtered(table: Table, condition: Option<&str>) -> Result<Table, Error> {
    let Some(condition) = condition else { return Ok(table) };
    let rows: Vec<_> = matching(&table, condition)?.into_iter().map(Some).collect();
    Ok(take(&table, &rows))
}

/// The table with these rows, in this order; `None` gives a row of nulls.
fn take(table: &Table, rows: &[Option<usize>]) -> Table {
    fn pick<T: Clone>(values: &[Option<T>], rows: &[Option<usize>]) -> Vec<Option<T>> {
        rows.iter().map(|row| values.get((*row)?)?.clone()).collect()
    }
    let mut taken = Table::new();
    for (name, column) in table.columns() {
        let column = match column {
            Column::Text(values) => Column::Text(pick(values, rows)),
            Column::Integer(values) => Column::Integer(pick(values, rows)),
            Column::Number(values) => Column::Number(pick(values, rows)),
            Column::Flag(values) => Column::Flag(pick(values, rows)),
            Column::TextList(values) => Column::TextList(pick(values, rows)),
            Column::IntegerList(values) => Column::IntegerList(pick(values, rows)),
        };
        taken = taken.with(name, column);
    }
    taken
}

/// The table with the columns of another that it does not have, joined by `file_name`.
pub(crate) fn joined(table: Table, other: &Table) -> Table {
    let names = |table: &Table| text(table, "file_name").map(<[_]>::to_vec).unwrap_or_default();
    let positions: BTreeMap<_, _> = names(other).into_iter().enumerate().map(|(i, name)| (name, i)).collect();
    let rows: Vec<_> = names(&table).iter().map(|name| positions.get(name).copied()).collect();
    let mut joined = table;
    for (name, column) in take(other, &rows).columns() {
        if joined.column(name).is_none() {
            joined = joined.with(name, column.clone());
        }
    }
    joined
}

/// A column of text.
pub(crate) fn text<'a>(table: &'a Table, name: &str) -> Option<&'a [Option<String>]> {
    match table.column(name)? {
        Column::Text(values) => Some(values),
        _ => None,
    }
}

/// A column of integers.
pub(crate) fn integers<'a>(table: &'a Table, name: &str) -> Option<&'a [Option<i64>]> {
    match table.column(name)? {
        Column::Integer(values) => Some(values),
        _ => None,
    }
}
