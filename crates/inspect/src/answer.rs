//! A query's answer, and how it looks on a terminal.

use std::fmt;

use marque_contracts::counts::counted;
use marque_layout::{Alignment, Grid};
use serde_json::{Map, json};

/// One value of an answer.
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    /// Not known.
    Null,
    /// Text, dates.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A number.
    Number(f64),
    /// Yes or no.
    Flag(bool),
    /// Several values.
    List(Vec<Value>),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("·"),
            Value::Text(text) => f.write_str(text),
            Value::Integer(integer) => write!(f, "{integer}"),
            Value::Number(number) if number.fract() == 0.0 && number.abs() < 1e15 => write!(f, "{number:.1}"),
            // Exact below, and no row of digits that nobody has measured above.
            Value::Number(number) if number.abs() >= 1e9 => write!(f, "{number:.4e}"),
            Value::Number(number) if number.abs() >= 1e-3 => write!(f, "{number:.4}"),
            Value::Number(number) => write!(f, "{number:.3e}"),
            Value::Flag(flag) => write!(f, "{flag}"),
            Value::List(values) if values.is_empty() => f.write_str("(none)"),
            Value::List(values) => {
                f.write_str(&values.iter().map(Value::to_string).collect::<Vec<_>>().join(", "))
            }
        }
    }
}

impl Value {
    /// The value as JSON; a number that JSON has no form for is null.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Value::Null => serde_json::Value::Null,
            Value::Text(text) => json!(text),
            Value::Integer(integer) => json!(integer),
            Value::Number(number) => json!(number),
            Value::Flag(flag) => json!(flag),
            Value::List(values) => values.iter().map(Value::to_json).collect(),
        }
    }
}

/// Columns and rows.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Answer {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// The rows, each with a value per column.
    pub rows: Vec<Vec<Value>>,
}

impl Answer {
    /// The value of a column in a row, if there are both.
    pub(crate) fn value(&self, column: &str, row: usize) -> Option<&Value> {
        let position = self.columns.iter().position(|name| name == column)?;
        self.rows.get(row)?.get(position)
    }

    /// A text that is known.
    pub(crate) fn text(&self, column: &str, row: usize) -> Option<&str> {
        match self.value(column, row)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// An integer that is known.
    pub(crate) fn integer(&self, column: &str, row: usize) -> Option<i64> {
        match self.value(column, row)? {
            Value::Integer(integer) => Some(*integer),
            _ => None,
        }
    }

    /// The answer as an aligned table: numbers to the right, at most `limit` rows. With a `width`, no line is
    /// longer: long texts are cut, then columns left out from the right; a last line names them.
    pub fn to_table(&self, limit: usize, width: Option<usize>) -> String {
        let shown = &self.rows[..limit.min(self.rows.len())];
        let numeric = |row: &Vec<Value>, i: usize| {
            matches!(row.get(i), Some(Value::Integer(_) | Value::Number(_) | Value::Null))
        };
        let mut grid = Grid::new();
        for (i, name) in self.columns.iter().enumerate() {
            let right = !shown.is_empty() && shown.iter().all(|row| numeric(row, i));
            let cells = shown.iter().map(|row| row.get(i).map_or(String::new(), Value::to_string)).collect();
            grid.column(name, if right { Alignment::Right } else { Alignment::Left }, cells);
        }
        let mut text = grid.to_text(width);
        if self.rows.len() > limit {
            let more = (self.rows.len() - limit) as u64;
            text.push_str(&format!("\n… {}", counted(more, "more row", "more rows")));
        }
        text
    }

    /// The rows as a JSON list of objects, one row a line.
    ///
    /// # Errors
    /// If a row cannot be written, which no value leads to.
    pub fn to_json(&self) -> Result<String, crate::Error> {
        let object = |row: &Vec<Value>| {
            let fields = self.columns.iter().cloned().zip(row.iter().map(Value::to_json));
            serde_json::to_string(&fields.collect::<Map<_, _>>())
        };
        let rows = self.rows.iter().map(object).collect::<Result<Vec<_>, _>>()?;
        Ok(if rows.is_empty() { "[]".to_owned() } else { format!("[\n{}\n]", rows.join(",\n")) })
    }
}
