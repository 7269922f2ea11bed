//! What is in a label table, at a glance.

use std::fmt::Write;
use std::path::Path;

use marque_formats::{Column, Frame};

use crate::{Answer, Error, Value};

/// Longest bar of a count, in characters.
const BAR: usize = 24;

/// Counts of one table's rows.
#[derive(Clone, PartialEq, Debug)]
pub struct LabelSummary {
    rows: usize,
    schema: Answer,
    splits: Vec<(String, usize)>,
    heads: Vec<HeadCounts>,
}

#[derive(Clone, PartialEq, Debug)]
struct HeadCounts {
    name: String,
    classes: Vec<String>,
    /// Per split, per class.
    counts: Vec<Vec<usize>>,
    unknown: usize,
}

/// Counts the rows of a label table per split and per class of each head, given by name and classes.
///
/// # Errors
/// If the table cannot be read.
pub fn summarise(table: &Path, heads: &[(String, Vec<String>)]) -> Result<LabelSummary, Error> {
    let frame = Frame::read(table)?;
    let text = |name: &str| {
        frame.columns().iter().find_map(|(column, values)| match values {
            Column::Text(values) if column == name => Some(values.as_slice()),
            _ => None,
        })
    };
    let split_of = text("split").unwrap_or_default();
    let mut splits: Vec<(String, usize)> = Vec::new();
    for split in ["train", "validation", "test"] {
        let count = split_of.iter().filter(|value| value.as_deref() == Some(split)).count();
        if count > 0 {
            splits.push((split.to_owned(), count));
        }
    }
    let count = |(name, classes): &(String, Vec<String>)| {
        let values = text(name).unwrap_or_default();
        let mut counts = vec![vec![0; classes.len()]; splits.len()];
        let mut unknown = 0;
        for (split, value) in split_of.iter().zip(values) {
            let split = splits.iter().position(|(name, _)| Some(name) == split.as_ref());
            let class = value.as_ref().and_then(|value| classes.iter().position(|class| class == value));
            match (split, class) {
                (Some(split), Some(class)) => counts[split][class] += 1,
                _ => unknown += 1,
            }
        }
        HeadCounts { name: name.clone(), classes: classes.clone(), counts, unknown }
    };
    let heads = heads.iter().map(count).collect();
    Ok(LabelSummary { rows: frame.rows(), schema: schema(&frame), splits, heads })
}

fn schema(frame: &Frame) -> Answer {
    let row = |(name, column): &(String, Column)| {
        let (kind, nulls) = match column {
            Column::Text(values) => ("text", values.iter().filter(|v| v.is_none()).count()),
            Column::Integer(values) => ("int64", values.iter().filter(|v| v.is_none()).count()),
            Column::Number(values) => ("float64", values.iter().filter(|v| v.is_none()).count()),
            Column::Flag(values) => ("bool", values.iter().filter(|v| v.is_none()).count()),
        };
        vec![Value::Text(name.clone()), Value::Text(kind.to_owned()), Value::Integer(nulls as i64)]
    };
    Answer {
        columns: ["column", "type", "nulls"].map(String::from).to_vec(),
        rows: frame.columns().iter().map(row).collect(),
    }
}

impl LabelSummary {
    /// The summary as text: columns, rows per split, and for each head a table with a bar per class.
    pub fn to_text(&self) -> String {
        let mut text = format!("{} rows", self.rows);
        for (split, count) in &self.splits {
            let _ = write!(text, ", {count} {split}");
        }
        let _ = write!(text, "\n\n{}\n", self.schema.to_table(usize::MAX));
        for head in &self.heads {
            let _ = write!(text, "\n{}\n", self.head(head));
        }
        text.truncate(text.trim_end().len());
        text
    }

    fn head(&self, head: &HeadCounts) -> String {
        let total = |class: usize| head.counts.iter().map(|counts| counts[class]).sum::<usize>();
        let largest = (0..head.classes.len()).map(total).max().unwrap_or(0).max(1);
        let mut columns = vec![head.name.clone()];
        columns.extend(self.splits.iter().map(|(split, _)| split.clone()));
        columns.extend(["all".to_owned(), String::new()]);
        let row = |(class, name): (usize, &String)| {
            let mut row = vec![Value::Text(name.clone())];
            row.extend(head.counts.iter().map(|counts| Value::Integer(counts[class] as i64)));
            row.push(Value::Integer(total(class) as i64));
            row.push(Value::Text("█".repeat((total(class) * BAR).div_ceil(largest))));
            row
        };
        let rows = head.classes.iter().enumerate().map(row).collect();
        let mut text = Answer { columns, rows }.to_table(usize::MAX);
        if head.unknown > 0 {
            let _ = write!(text, "\n({} without a label)", head.unknown);
        }
        text
    }
}
