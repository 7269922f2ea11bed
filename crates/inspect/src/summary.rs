//! Counts of a label table: rows per split, classes per head, cross-tables between heads.

use std::path::Path;

use marque_contracts::schema::{Head, HeadKind, Label, Split};
use marque_formats::Table;
use serde_json::{Map, Value, json};

use crate::data_frame::to_polars;
use crate::rows::filtered;
use crate::{Answer, Error, Value as Cell};

/// What to count.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SummaryRequest {
    /// Condition in SQL on the rows to count; `None` for all rows.
    pub condition: Option<String>,
    /// The only head to count, with its relations to the others; `None` for all.
    pub head: Option<String>,
    /// Most classes to list per head, the largest; `None` for all of a head asked for and a few of the others.
    pub limit: Option<usize>,
}

/// Counts of one table's rows.
#[derive(Clone, PartialEq, Debug)]
pub struct LabelSummary {
    pub(crate) request: SummaryRequest,
    /// Rows in the table.
    pub(crate) all_rows: usize,
    /// Rows that count.
    pub(crate) rows: usize,
    pub(crate) columns: Vec<ColumnSummary>,
    /// Splits that have rows, with how many.
    pub(crate) splits: Vec<(String, usize)>,
    pub(crate) heads: Vec<HeadCounts>,
    pub(crate) crosses: Vec<CrossTable>,
}

#[derive(Clone, PartialEq, Debug)]
pub(crate) struct ColumnSummary {
    pub(crate) name: String,
    pub(crate) type_name: &'static str,
    pub(crate) nulls: usize,
}

/// Counts of one head's classes. A photo with several tags counts for each.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct HeadCounts {
    pub(crate) name: String,
    pub(crate) kind: HeadKind,
    pub(crate) classes: Vec<String>,
    /// Per split, per class.
    pub(crate) counts: Vec<Vec<usize>>,
    /// Rows per split that are known to have no tag.
    pub(crate) none: Vec<usize>,
    /// Rows per split whose label is not known.
    pub(crate) unknown: Vec<usize>,
}

/// Cross-tabulation of the classes of two heads.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct CrossTable {
    /// Names of the heads: down and across.
    pub(crate) heads: [String; 2],
    /// Their classes.
    pub(crate) classes: [Vec<String>; 2],
    /// Rows per class of the one, per class of the other.
    pub(crate) counts: Vec<Vec<usize>>,
}

/// Counts the rows of a label table per split and per class of each head.
///
/// # Errors
/// If the table cannot be read, the condition does not fit it, or there is no such head.
pub fn summarise(path: &Path, heads: &[Head], request: SummaryRequest) -> Result<LabelSummary, Error> {
    let table = Table::read(path)?;
    let rows = filtered(&to_polars(&table)?, request.condition.as_deref())?;
    if let Some(wanted) = &request.head
        && heads.iter().all(|head| head.name != *wanted)
    {
        return Err(Error::unknown_head(wanted, heads.iter().map(|head| head.name.clone()).collect()));
    }
    let split_of: Vec<_> = (0..rows.rows.len()).map(|row| rows.text("split", row)).collect();
    let mut splits: Vec<(String, usize)> = Vec::new();
    for split in Split::ALL.map(Split::as_str) {
        let count = split_of.iter().filter(|value| **value == Some(split)).count();
        if count > 0 {
            splits.push((split.to_owned(), count));
        }
    }
    let labels: Vec<_> = heads.iter().map(|head| HeadColumn::of(&rows, head)).collect();
    let wanted = |column: &HeadColumn<'_>| request.head.as_ref().is_none_or(|name| *name == column.head.name);
    let mut crosses = Vec::new();
    for (i, first) in labels.iter().enumerate() {
        for second in labels[i + 1..].iter().filter(|second| wanted(first) || wanted(second)) {
            crosses.push(first.cross(second));
        }
    }
    let columns = table.columns().iter().enumerate().map(|(position, (name, column))| ColumnSummary {
        name: name.clone(),
        type_name: column.type_name(),
        nulls: rows.rows.iter().filter(|row| row[position] == Cell::Null).count(),
    });
    Ok(LabelSummary {
        all_rows: table.rows(),
        rows: rows.rows.len(),
        columns: columns.collect(),
        heads: labels.iter().filter(|head| wanted(head)).map(|head| head.count(&split_of, &splits)).collect(),
        splits,
        crosses,
        request,
    })
}

/// The labels of one head, a row each.
struct HeadColumn<'a> {
    head: &'a Head,
    labels: Vec<Label>,
}

impl<'a> HeadColumn<'a> {
    fn of(rows: &Answer, head: &'a Head) -> Self {
        let id = |name: &Cell| match name {
            Cell::Text(name) => head.classes.iter().position(|class| class == name),
            _ => None,
        };
        let label = |row| match rows.value(&head.name, row) {
            Some(Cell::List(tags)) => Label::Tags(tags.iter().filter_map(id).collect()),
            value => Label::from(value.and_then(id)),
        };
        Self { head, labels: (0..rows.rows.len()).map(label).collect() }
    }

    fn count(&self, split_of: &[Option<&str>], splits: &[(String, usize)]) -> HeadCounts {
        let Head { name, kind, classes, .. } = self.head;
        let mut counts = vec![vec![0; classes.len()]; splits.len()];
        let (mut none, mut unknown) = (vec![0; splits.len()], vec![0; splits.len()]);
        for (split, label) in split_of.iter().zip(&self.labels) {
            let Some(split) = splits.iter().position(|(name, _)| Some(name.as_str()) == *split) else {
                continue;
            };
            match label {
                Label::Unknown => unknown[split] += 1,
                Label::Tags(tags) if tags.is_empty() => none[split] += 1,
                label => label.ids().iter().for_each(|id| counts[split][*id] += 1),
            }
        }
        HeadCounts { name: name.clone(), kind: *kind, classes: classes.clone(), counts, none, unknown }
    }

    fn cross(&self, other: &Self) -> CrossTable {
        let mut counts = vec![vec![0; other.head.classes.len()]; self.head.classes.len()];
        for (down, across) in self.labels.iter().zip(&other.labels) {
            for (down, across) in
                down.ids().iter().flat_map(|down| across.ids().iter().map(move |a| (down, a)))
            {
                counts[*down][*across] += 1;
            }
        }
        CrossTable {
            heads: [self.head.name.clone(), other.head.name.clone()],
            classes: [self.head.classes.clone(), other.head.classes.clone()],
            counts,
        }
    }
}

impl HeadCounts {
    /// Rows of a class, over all splits.
    pub(crate) fn total(&self, class: usize) -> usize {
        self.counts.iter().map(|counts| counts[class]).sum()
    }
}

impl LabelSummary {
    /// The summary as JSON: rows, columns, splits, heads with counts per class, cross-tables.
    pub fn to_json(&self) -> Value {
        let by_split = |counts: &[usize]| -> Map<String, Value> {
            let named = self.splits.iter().map(|(split, _)| split.clone());
            named.zip(counts.iter().map(|count| json!(count))).collect()
        };
        let head = |head: &HeadCounts| {
            let class = |(id, name): (usize, &String)| {
                let counts: Vec<_> = head.counts.iter().map(|counts| counts[id]).collect();
                json!({"id": id, "name": name, "counts": by_split(&counts), "all": head.total(id)})
            };
            json!({
                "name": head.name,
                "kind": head.kind,
                "classes": head.classes.iter().enumerate().map(class).collect::<Vec<_>>(),
                "none": by_split(&head.none),
                "unknown": by_split(&head.unknown),
            })
        };
        let column = |column: &ColumnSummary| json!({"name": column.name, "type": column.type_name, "nulls": column.nulls});
        let cross = |cross: &CrossTable| {
            let [down, across] = &cross.heads;
            json!({"rows": down, "columns": across, "counts": cross.counts})
        };
        json!({
            "table": "labels",
            "where": self.request.condition,
            "all_rows": self.all_rows,
            "rows": self.rows,
            "splits": by_split(&self.splits.iter().map(|(_, count)| *count).collect::<Vec<_>>()),
            "columns": self.columns.iter().map(column).collect::<Vec<_>>(),
            "heads": self.heads.iter().map(head).collect::<Vec<_>>(),
            "cross_tables": self.crosses.iter().map(cross).collect::<Vec<_>>(),
        })
    }
}
