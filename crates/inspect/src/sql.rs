//! SQL over tables, by Polars.

use std::path::{Path, PathBuf};

use polars::prelude::IntoLazy;
use polars::sql::SQLContext;

use crate::data_frame::{read, to_answer};
use crate::polars_thread::with_polars;
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

/// Whether a query reads a table.
pub fn is_named(table: &TableFile, sql: &str) -> bool {
    !Statement::read(sql).spellings(&table.name).is_empty()
}

/// Answers a query over the tables that it names.
///
/// # Errors
/// If a table that it names cannot be read, or the query does not fit them.
pub fn query(tables: &[TableFile], sql: &str) -> Result<Answer, Error> {
    let statement = Statement::read(sql);
    statement.check_length("query")?;
    statement.check()?;
    if statement.asks_for_tables() {
        let rows = tables.iter().map(|table| vec![Value::Text(table.name.clone())]).collect();
        return Ok(Answer { columns: vec!["name".to_owned()], rows });
    }
    let mut columns: Vec<String> = Vec::new();
    let mut contents = Vec::new();
    for table in tables {
        let spellings = statement.spellings(&table.name);
        if spellings.is_empty() {
            continue;
        }
        let content = read(&table.path)?;
        for name in content.columns().iter().map(|column| column.name().to_string()) {
            if !columns.contains(&name) {
                columns.push(name);
            }
        }
        contents.push((spellings, content));
    }
    let answer = with_polars("query", || {
        let mut context = SQLContext::new();
        for (spellings, content) in contents {
            for spelling in spellings {
                context.register(spelling, content.clone().lazy());
            }
        }
        context.execute(sql).and_then(|plan| plan.collect()).and_then(|answer| to_answer(&answer))
    })?;
    answer.map_err(|error| Error::of_polars("query", &error, &columns))
}

/// The rows of a table for which a condition in SQL holds, or all, and how many there are in all.
///
/// # Errors
/// If the table cannot be read, or the condition does not fit it.
pub fn rows(table: &Path, condition: Option<&str>) -> Result<(Answer, usize), Error> {
    let table = read(table)?;
    Ok((filtered(&table, condition)?, table.height()))
}
