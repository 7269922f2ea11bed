//! What is in a label table, counted.

use std::path::Path;

use marque_formats::{Column, Frame};
use serde_json::{Map, Value, json};

use crate::Error;
use crate::rows::{matching, take, text};

/// What to count.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SummaryRequest {
    /// Condition in SQL on the rows that count; `None` for all rows.
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
    pub(crate) tags: bool,
    pub(crate) classes: Vec<String>,
    /// Per split, per class.
    pub(crate) counts: Vec<Vec<usize>>,
    /// Rows per split that are known to have no tag.
    pub(crate) none: Vec<usize>,
    /// Rows per split whose label is not known.
    pub(crate) unknown: Vec<usize>,
}

/// How the classes of two heads meet.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct CrossTable {
    /// Names of the heads: down and across.
    pub(crate) heads: [String; 2],
    /// Their classes.
    pub(crate) classes: [Vec<String>; 2],
    /// Rows per class of the one, per class of the other.
    pub(crate) counts: Vec<Vec<usize>>,
}

/// Counts the rows of a label table per split and per class of each head, given by name and classes.
///
/// # Errors
/// If the table cannot be read, the condition does not fit it, or there is no such head.
pub fn summarise(
    table: &Path,
    heads: &[(String, Vec<String>)],
    request: SummaryRequest,
) -> Result<LabelSummary, Error> {
    let frame = Frame::read(table)?;
    let all_rows = frame.rows();
    let frame = match &request.condition {
        Some(condition) => {
            take(&frame, &matching(&frame, condition)?.into_iter().map(Some).collect::<Vec<_>>())
        }
        None => frame,
    };
    if let Some(wanted) = &request.head
        && heads.iter().all(|(name, _)| name != wanted)
    {
        return Err(Error::unknown_head(wanted, heads.iter().map(|(name, _)| name.clone()).collect()));
    }
    let split_of = text(&frame, "split").unwrap_or_default();
    let mut splits: Vec<(String, usize)> = Vec::new();
    for split in ["train", "validation", "test"] {
        let count = split_of.iter().filter(|value| value.as_deref() == Some(split)).count();
        if count > 0 {
            splits.push((split.to_owned(), count));
        }
    }
    let labels: Vec<_> = heads.iter().map(|head| HeadLabels::of(&frame, head)).collect();
    let wanted = |head: &HeadLabels<'_>| request.head.as_ref().is_none_or(|name| name == head.name);
    let mut crosses = Vec::new();
    for (i, first) in labels.iter().enumerate() {
        for second in labels[i + 1..].iter().filter(|second| wanted(first) || wanted(second)) {
            crosses.push(first.cross(second));
        }
    }
    let column = |(name, column): &(String, Column)| ColumnSummary {
        name: name.clone(),
        type_name: column.type_name(),
        nulls: column.nulls(),
    };
    Ok(LabelSummary {
        all_rows,
        rows: frame.rows(),
        columns: frame.columns().iter().map(column).collect(),
        heads: labels.iter().filter(|head| wanted(head)).map(|head| head.count(split_of, &splits)).collect(),
        splits,
        crosses,
        request,
    })
}

/// The labels of one head: class ids per row, `None` where they are not known.
struct HeadLabels<'a> {
    name: &'a str,
    tags: bool,
    classes: &'a [String],
    ids: Vec<Option<Vec<usize>>>,
}

impl<'a> HeadLabels<'a> {
    fn of(frame: &Frame, (name, classes): &'a (String, Vec<String>)) -> Self {
        let id = |text: &String| classes.iter().position(|class| class == text);
        let column = frame.columns().iter().find(|(column, _)| column == name).map(|(_, column)| column);
        let ids = match column {
            Some(Column::Text(values)) => {
                values.iter().map(|value| value.as_ref().and_then(id).map(|id| vec![id])).collect()
            }
            Some(Column::TextList(values)) => values
                .iter()
                .map(|value| value.as_ref().map(|list| list.iter().filter_map(id).collect()))
                .collect(),
            _ => vec![None; frame.rows()],
        };
        Self { name, tags: matches!(column, Some(Column::TextList(_))), classes, ids }
    }

    fn count(&self, split_of: &[Option<String>], splits: &[(String, usize)]) -> HeadCounts {
        let mut counts = vec![vec![0; self.classes.len()]; splits.len()];
        let (mut none, mut unknown) = (vec![0; splits.len()], vec![0; splits.len()]);
        for (split, ids) in split_of.iter().zip(&self.ids) {
            let Some(split) = splits.iter().position(|(name, _)| Some(name) == split.as_ref()) else {
                continue;
            };
            match ids.as_deref() {
                None => unknown[split] += 1,
                Some([]) => none[split] += 1,
                Some(ids) => ids.iter().for_each(|id| counts[split][*id] += 1),
            }
        }
        let (name, classes) = (self.name.to_owned(), self.classes.to_vec());
        HeadCounts { name, tags: self.tags, classes, counts, none, unknown }
    }

    fn cross(&self, other: &Self) -> CrossTable {
        let mut counts = vec![vec![0; other.classes.len()]; self.classes.len()];
        for (down, across) in self.ids.iter().zip(&other.ids) {
            let (Some(down), Some(across)) = (down, across) else { continue };
            for (down, across) in down.iter().flat_map(|down| across.iter().map(move |a| (down, a))) {
                counts[*down][*across] += 1;
            }
        }
        CrossTable {
            heads: [self.name.to_owned(), other.name.to_owned()],
            classes: [self.classes.to_vec(), other.classes.to_vec()],
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
                "kind": if head.tags { "tags" } else { "single" },
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
