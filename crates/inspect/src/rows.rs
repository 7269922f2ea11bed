//! Choosing rows of a table.

use polars::prelude::{
    DataFrame, DataFrameJoinOps, DataType, IntoLazy, JoinArgs, JoinType, MaintainOrderJoin, PolarsResult,
};
use polars::sql::sql_expr;

use crate::data_frame::to_answer;
use crate::polars_thread::with_polars;
use crate::statement::Statement;
use crate::{Answer, Error};

/// The rows of a table for which a condition in SQL holds, as in `year >= 2012 and type = 'SUV'`; all without one.
pub(crate) fn filtered(table: &DataFrame, condition: Option<&str>) -> Result<Answer, Error> {
    let columns: Vec<_> = table.columns().iter().map(|column| column.name().to_string()).collect();
    let failed = |error| match Error::of_polars("condition", &error, &columns) {
        Error::Query { what, reason } => {
            Error::Query { what, reason: reason + &tag_advice(table, condition.unwrap_or_default()) }
        }
        other => other,
    };
    let Some(condition) = condition else { return to_answer(table).map_err(failed) };
    Statement::read(condition).check_length("condition")?;
    with_polars("condition", || {
        let expression = sql_expr(condition).map_err(failed)?.alias("holds");
        let values = table.clone().lazy().select([expression]).collect().map_err(failed)?;
        let Ok(holds) = values.column("holds").and_then(|holds| holds.bool()) else {
            let reason = format!("{condition:?} is not a condition; compare something, as in year >= 2012");
            return Err(Error::Query { what: "condition", reason });
        };
        table.filter(holds).and_then(|rows| to_answer(&rows)).map_err(failed)
    })?
}

/// How to ask for tags, if the condition names a column of them.
fn tag_advice(table: &DataFrame, condition: &str) -> String {
    let mut words = condition.split(|c: char| !c.is_alphanumeric() && c != '_');
    let tags = DataType::List(Box::new(DataType::String));
    words
        .find(|word| table.column(word).is_ok_and(|column| *column.dtype() == tags))
        .map_or(String::new(), |name| {
            format!("; `{name}` holds several tags a row: write array_contains({name}, 'tag')")
        })
}

/// The table with the columns of another that it does not have, joined by `file_name`.
pub(crate) fn joined(table: &DataFrame, other: &DataFrame) -> PolarsResult<DataFrame> {
    const KEY: [&str; 1] = ["file_name"];
    let names = table.columns().iter().map(|column| column.name().clone());
    let other = other.drop_many(names.filter(|name| name != KEY[0]));
    let order = JoinArgs { maintain_order: MaintainOrderJoin::Left, ..JoinArgs::new(JoinType::Left) };
    table.join(&other, KEY, KEY, order, None)
}
