//! The class names of a data set, with what each head makes of them under both readings.

use std::fmt::Write;
use std::path::Path;

use marque_formats::{Column, Frame};

use crate::Error;
use crate::layout::{Alignment, Grid, shorten, wrap};
use crate::rows::{integers, matching, take};

/// Longest class name that is shown in full.
const NAME: usize = 40;

/// The table of class names, for people.
#[derive(Clone, PartialEq, Debug)]
pub struct ClassSummary {
    frame: Frame,
    all_rows: usize,
    heads: Vec<String>,
}

/// Reads the class names for which a condition in SQL holds, or all, with all heads or only one.
///
/// # Errors
/// If the table cannot be read, the condition does not fit it, or there is no such head.
pub fn classes(table: &Path, condition: Option<&str>, head: Option<&str>) -> Result<ClassSummary, Error> {
    let frame = Frame::read(table)?;
    let all_rows = frame.rows();
    let names = frame.columns().iter().filter_map(|(name, _)| name.strip_suffix("_words"));
    let mut heads: Vec<_> = names.map(str::to_owned).collect();
    if let Some(head) = head {
        if !heads.iter().any(|name| name == head) {
            return Err(Error::unknown_head(head, heads));
        }
        heads.retain(|name| name == head);
    }
    let frame = match condition {
        Some(condition) => {
            take(&frame, &matching(&frame, condition)?.into_iter().map(Some).collect::<Vec<_>>())
        }
        None => frame,
    };
    Ok(ClassSummary { frame, all_rows, heads })
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

impl ClassSummary {
    /// A row per class name, at most `limit`, then where and why the readings differ; no wider than `width`.
    pub fn to_text(&self, limit: usize, width: usize) -> String {
        let rows = self.frame.rows();
        let shown = rows.min(limit);
        let mut out = match rows == self.all_rows {
            true => format!("{rows} class name{}\n\n", plural(rows)),
            false => format!("{rows} of {} class name{}\n\n", self.all_rows, plural(self.all_rows)),
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
            let _ = write!(
                out,
                "\n… {} more class name{} (--limit {rows} shows all)",
                rows - shown,
                plural(rows - shown)
            );
        }
        for head in &self.heads {
            out.push_str(&self.differences(head, width));
        }
        out
    }

    fn differences(&self, head: &str, width: usize) -> String {
        let rows: Vec<_> = (0..self.frame.rows()).filter(|row| self.differs(head, *row)).collect();
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
        let found = self.frame.columns().iter().find(|(name, _)| name == column).map(|(_, column)| column);
        let value = match found {
            Some(Column::Text(values)) => values.get(row).cloned().flatten(),
            Some(Column::TextList(values)) => {
                let tags = values.get(row).and_then(Option::as_ref);
                tags.map(|tags| if tags.is_empty() { "(none)".to_owned() } else { tags.join(", ") })
            }
            _ => None,
        };
        value.unwrap_or_else(|| "·".to_owned())
    }

    fn photos(&self, row: usize) -> i64 {
        let splits = ["photos_train", "photos_validation", "photos_test"];
        let count = |column: &str| integers(&self.frame, column).and_then(|values| *values.get(row)?);
        splits.into_iter().filter_map(count).sum()
    }

    fn differs(&self, head: &str, row: usize) -> bool {
        let name = format!("{head}_differs");
        self.frame.columns().iter().any(|(column, values)| match values {
            Column::Flag(values) => *column == name && values.get(row).copied().flatten() == Some(true),
            _ => false,
        })
    }
}
