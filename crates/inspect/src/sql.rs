//! SQL over tables, by Polars.

use std::path::{Path, PathBuf};

use marque_formats::Table;
use polars::prelude::IntoLazy;
use polars::sql::SQLContext;

use crate::data_frame::{to_answer, to_polars};
use crate::rows::filtered;
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
        let content = Table::read(&table.path)?;
        let registered = to_polars(&content).map_err(|error| Error::of_polars("query", &error, &columns))?;
        for spelling in spellings {
            context.register(spelling, registered.clone().lazy());
        }
        for (name, _) in content.columns() {
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
    rows_of(Table::read(table)?, condition)
}

pub(crate) fn rows_of(table: Table, condition: Option<&str>) -> Result<(Answer, usize), Error> {
    let all = table.rows();
    let answer = to_polars(&filtered(table, condition)?).and_then(|frame| to_answer(&frame));
    Ok((answer.map_err(|error| Error::of_polars("query", &error, &[]))?, all))
}
