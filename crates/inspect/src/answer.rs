//! A query's answer, and how it looks on a terminal.

use std::fmt;

use comfy_table::{Cell, CellAlignment, Table, presets};

/// One value of an answer.
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    /// Not known.
    Null,
    /// Text, dates, lists.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A number.
    Number(f64),
    /// Yes or no.
    Flag(bool),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("·"),
            Value::Text(text) => f.write_str(text),
            Value::Integer(integer) => write!(f, "{integer}"),
            Value::Number(number) if number.fract() == 0.0 && number.abs() < 1e15 => write!(f, "{number:.1}"),
            Value::Number(number) => write!(f, "{number:.4}"),
            Value::Flag(flag) => write!(f, "{flag}"),
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
    /// The answer as an aligned table: numbers to the right, at most `limit` rows.
    pub fn to_table(&self, limit: usize) -> String {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_header(self.columns.iter().map(Cell::new));
        for row in self.rows.iter().take(limit) {
            table.add_row(row.iter().map(Cell::new));
        }
        for (i, column) in table.column_iter_mut().enumerate() {
            column.set_padding((0, 2));
            let numeric =
                |row: &Vec<Value>| matches!(row[i], Value::Integer(_) | Value::Number(_) | Value::Null);
            if !self.rows.is_empty() && self.rows.iter().all(numeric) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let mut text = table.trim_fmt();
        if self.rows.len() > limit {
            text.push_str(&format!("\n… {} more rows", self.rows.len() - limit));
        }
        text
    }
}
