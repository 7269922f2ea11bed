//! The class names of a data set, with the label of each head under both ways of matching.

use std::fmt::Write;
use std::path::Path;

use marque_contracts::counts::{counted, grouped};
use marque_layout::{Alignment, Grid, shorten, wrap};

use crate::sql::rows;
use crate::{Answer, Error, Value};

/// Longest class name that is shown in full.
const NAME: usize = 40;

/// The table of class names, for people.
#[derive(Clone, PartialEq, Debug)]
pub struct ClassSummary {
    table: Answer,
    all_rows: usize,
    heads: Vec<String>,
}

/// Reads the class names for which a condition in SQL holds, or all, with all heads or only one.
///
/// # Errors
/// If the table cannot be read, the condition does not fit it, or there is no such head.
pub fn classes(path: &Path, condition: Option<&str>, head: Option<&str>) -> Result<ClassSummary, Error> {
    let (table, all_rows) = rows(path, condition)?;
    let names = table.columns.iter().filter_map(|name| name.strip_suffix("_words"));
    let mut heads: Vec<_> = names.map(str::to_owned).collect();
    if let Some(head) = head {
        if !heads.iter().any(|name| name == head) {
            return Err(Error::unknown_head(head, heads));
        }
        heads.retain(|name| name == head);
    }
    Ok(ClassSummary { table, all_rows, heads })
}

impl ClassSummary {
    /// A row per class name, at most `limit`, then where and why the ways of matching differ; no wider than `width`.
    pub fn to_text(&self, limit: usize, width: usize) -> String {
        let rows = self.table.rows.len();
        let shown = rows.min(limit);
        let mut out = match rows == self.all_rows {
            true => format!("{}\n\n", counted(rows as u64, "class name", "class names")),
            false => format!(
                "{} of {}\n\n",
                grouped(rows as u64),
                counted(self.all_rows as u64, "class name", "class names")
            ),
        };
        let mut grid = Grid::new();
        let names: Vec<_> = (0..shown).map(|row| shorten(&self.text("class_name", row), NAME)).collect();
        grid.column("class_name", Alignment::Left, names);
        grid.column("photos", Alignment::Right, (0..shown).map(|row| self.photos(row).to_string()).collect());
        for head in &self.heads {
            let cells = (0..shown).map(|row| {
                let differs = if self.differs(head, row) { " *" } else { "" };
                format!("{}{differs}", self.text(&format!("{head}_words"), row))
            });
            grid.column(head, Alignment::Left, cells.collect());
        }
        out.push_str(&grid.to_text(Some(width)));
        if shown < rows {
            let more = counted((rows - shown) as u64, "more class name", "more class names");
            let _ = write!(out, "\n… {more} (--limit {rows} shows all)");
        }
        for head in &self.heads {
            out.push_str(&self.differences(head, width));
        }
        out
    }

    fn differences(&self, head: &str, width: usize) -> String {
        let rows: Vec<_> = (0..self.table.rows.len()).filter(|row| self.differs(head, *row)).collect();
        if rows.is_empty() {
            return format!("\n\n{head}: both readings agree on all of them");
        }
        let title =
            format!("* {head}: rules = \"words\" and rules = \"article\" differ on {} of them", rows.len());
        let mut out = format!("\n\n{}", wrap(&title, width));
        for row in rows {
            let text = |suffix: &str| self.text(&format!("{head}_{suffix}"), row);
            let why = format!("{}, not {}: {}", text("words"), text("article"), text("why"));
            let name = shorten(&self.text("class_name", row), width.saturating_sub(2));
            let why = wrap(&why, width.saturating_sub(4)).replace('\n', "\n    ");
            let _ = write!(out, "\n  {name}\n    {why}");
        }
        out
    }

    fn text(&self, column: &str, row: usize) -> String {
        self.table.value(column, row).unwrap_or(&Value::Null).to_string()
    }

    fn photos(&self, row: usize) -> i64 {
        let splits = ["photos_train", "photos_validation", "photos_test"];
        splits.into_iter().filter_map(|column| self.table.integer(column, row)).sum()
    }

    fn differs(&self, head: &str, row: usize) -> bool {
        self.table.value(&format!("{head}_differs"), row) == Some(&Value::Flag(true))
    }
}
