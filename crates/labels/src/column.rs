//! Labels from a column of the data set's own.

use std::collections::{BTreeMap, BTreeSet};

use marque_contracts::schema::{HeadKind, Label, Spellings, folded, normalised};
use marque_formats::CellValue;
use serde::Serialize;

use crate::Error;

/// What separates several tags in one text, unless told otherwise.
const SEPARATOR: &str = "|";

/// What stands in a text for a photo that is known to have no tags, unless told otherwise.
const NO_TAGS: &str = "none";

/// How a head's classes follow from a column.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "rule", rename = "column")]
pub struct ColumnRule {
    /// The column: one of the data set's own, or `class_name`, `make`, `model`, `body`, `year`.
    pub column: String,
    /// The classes, in order; `None` for whatever is in the column, sorted.
    pub classes: Option<Vec<String>>,
    /// Photos that a value needs for a class of its own, over all splits. Only for classes from the column.
    pub min_images: u64,
    /// Class of all other values.
    pub other: Option<String>,
}

/// How several tags stand in one text.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct TagSyntax {
    /// What separates them.
    pub delimiter: String,
    /// The word for a photo that is known to have none. A null cell says that nothing is known.
    pub none: String,
}

impl Default for TagSyntax {
    fn default() -> Self {
        Self { delimiter: SEPARATOR.to_owned(), none: NO_TAGS.to_owned() }
    }
}

impl TagSyntax {
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// The tags in a cell as they are spelled. A list is one whatever separates tags in texts.
    fn spelled<'a>(&self, cell: &'a CellValue) -> Vec<&'a str> {
        match cell {
            CellValue::Text(text) => text.split(self.delimiter.as_str()).collect(),
            CellValue::List(items) => items.iter().map(String::as_str).collect(),
        }
    }
}

/// One photo's name and its cell of the column.
pub(crate) type Cell<'a> = (&'a str, Option<&'a CellValue>);

/// What a column makes of a head.
pub(crate) struct ColumnLabels {
    pub(crate) classes: Vec<String>,
    /// A label per photo.
    pub(crate) labels: Vec<Label>,
    /// The values that are no class of their own, but of the class of all others.
    pub(crate) others: BTreeSet<String>,
    /// How the values are spelled.
    pub(crate) spellings: Spellings,
}

impl ColumnRule {
    /// Columns that every data set has: the class name and its parts.
    pub(crate) const PARTS: [&str; 5] = ["class_name", "make", "model", "body", "year"];

    /// Position of the column among the data set's own.
    pub(crate) fn position(&self, head: &str, columns: &[String]) -> Result<usize, Error> {
        columns.iter().position(|column| *column == self.column).ok_or_else(|| {
            let own = columns.iter().map(String::as_str).filter(|column| !Self::PARTS.contains(column));
            Error::NoColumn {
                head: head.to_owned(),
                column: self.column.clone(),
                there: own.chain(Self::PARTS).map(str::to_owned).collect(),
            }
        })
    }

    /// The classes, and the label of each cell: its value, or with tags the values that `syntax` finds in it.
    pub(crate) fn labels(
        &self,
        head: &str,
        kind: HeadKind,
        syntax: &TagSyntax,
        cells: &[Cell<'_>],
    ) -> Result<ColumnLabels, Error> {
        let mut spellings = Spellings::default();
        let mut values = Vec::with_capacity(cells.len());
        for (photo, cell) in cells {
            let spelled = match (kind, cell) {
                (_, None) => None,
                // A text without any character that is seen says nothing.
                (_, Some(CellValue::Text(text))) if normalised(text).is_empty() => None,
                (HeadKind::Tags, Some(cell)) => Some(syntax.spelled(cell)),
                (HeadKind::Single, Some(cell)) => self.class(head, photo, cell)?.map(|class| vec![class]),
            };
            let mut named = |text: &str| {
                let name = normalised(text);
                if name.is_empty() || (kind == HeadKind::Tags && *name == *syntax.none) {
                    return None;
                }
                spellings.add(text);
                Some(name.into_owned())
            };
            values.push(spelled.map(|texts| texts.into_iter().filter_map(&mut named).collect::<Vec<_>>()));
        }
        let classes = self.classes(head, values.iter().flatten().flatten())?;
        let mut others = BTreeSet::new();
        let mut labels = Vec::with_capacity(cells.len());
        for ((photo, _), values) in cells.iter().zip(values) {
            let Some(values) = values else {
                labels.push(Label::Unknown);
                continue;
            };
            let mut ids = Vec::with_capacity(values.len());
            for value in values {
                match classes.iter().position(|class| *class == value) {
                    Some(id) => ids.push(id),
                    None if self.other.is_some() => {
                        ids.push(classes.len() - 1);
                        others.insert(value);
                    }
                    None => return Err(self.no_class(head, &classes, &value, photo)),
                }
            }
            ids.sort_unstable();
            ids.dedup();
            labels.push(match kind {
                HeadKind::Single => Label::from(ids.first().copied()),
                HeadKind::Tags => Label::Tags(ids),
            });
        }
        Ok(ColumnLabels { classes, labels, others, spellings })
    }

    /// The one class in a cell; `None` for an empty list.
    fn class<'a>(&self, head: &str, photo: &str, cell: &'a CellValue) -> Result<Option<&'a str>, Error> {
        match cell.texts() {
            [] => Ok(None),
            [only] => Ok(Some(only)),
            several => Err(Error::SeveralClasses {
                head: head.to_owned(),
                column: self.column.clone(),
                photo: photo.to_owned(),
                values: several.join(", "),
            }),
        }
    }

    fn classes<'a>(
        &self,
        head: &str,
        values: impl Iterator<Item = &'a String>,
    ) -> Result<Vec<String>, Error> {
        let mut classes = match &self.classes {
            Some(classes) => classes.clone(),
            None => self.frequent_values(head, values)?,
        };
        if let Some(other) = &self.other {
            classes.retain(|class| class != other);
            classes.push(other.clone());
        }
        Ok(classes)
    }

    /// The values with enough photos for a class of their own, sorted.
    fn frequent_values<'a>(
        &self,
        head: &str,
        values: impl Iterator<Item = &'a String>,
    ) -> Result<Vec<String>, Error> {
        let mut photos: BTreeMap<&str, u64> = BTreeMap::new();
        for value in values {
            *photos.entry(value).or_default() += 1;
        }
        let largest = photos.values().copied().max().unwrap_or(0);
        let frequent = photos.into_iter().filter(|(_, count)| *count >= self.min_images);
        let classes: Vec<_> = frequent.map(|(value, _)| value.to_owned()).collect();
        match (classes.is_empty(), largest) {
            (false, _) => Ok(classes),
            (true, 0) => Err(Error::EmptyColumn { head: head.to_owned(), column: self.column.clone() }),
            (true, _) => Err(Error::NoValue {
                head: head.to_owned(),
                column: self.column.clone(),
                min_images: self.min_images,
                largest,
            }),
        }
    }

    fn no_class(&self, head: &str, classes: &[String], value: &str, photo: &str) -> Error {
        Error::NoClass {
            head: head.to_owned(),
            value: value.to_owned(),
            photo: photo.to_owned(),
            alike: classes.iter().find(|class| folded(class) == folded(value)).cloned(),
        }
    }
}
