//! Labels from a column of the data set's own.

use std::borrow::Cow;
use std::collections::BTreeMap;

use marque_contracts::schema::{HeadKind, Label, normalised};
use marque_formats::{NO_TAGS, TAG_SEPARATOR};

use crate::Error;

/// How a head's classes follow from a column.
#[derive(Clone, PartialEq, Eq, Debug)]
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

/// How several tags stand in one cell.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TagSyntax {
    /// What separates them.
    pub delimiter: String,
    /// The word for a photo that is known to have none. A null cell says that nothing is known.
    pub none: String,
}

impl Default for TagSyntax {
    fn default() -> Self {
        Self { delimiter: TAG_SEPARATOR.to_owned(), none: NO_TAGS.to_owned() }
    }
}

impl TagSyntax {
    /// The tags in a cell.
    fn split<'a>(&'a self, cell: &'a str) -> impl Iterator<Item = Cow<'a, str>> {
        let tags = cell.split(self.delimiter.as_str()).map(normalised);
        tags.filter(|tag| !tag.is_empty() && **tag != *self.none)
    }
}

/// The values in a cell: one, or any number of tags.
fn values<'a>(kind: HeadKind, syntax: &'a TagSyntax, cell: &'a str) -> Vec<Cow<'a, str>> {
    match kind {
        HeadKind::Single => vec![normalised(cell)],
        HeadKind::Tags => syntax.split(cell).collect(),
    }
}

/// One photo's name and its cell of the column.
pub(crate) type Cell<'a> = (&'a str, Option<&'a str>);

impl ColumnRule {
    /// The classes, and the label of each cell: its value, or with tags the values that `syntax` finds in it.
    pub(crate) fn labels(
        &self,
        head: &str,
        kind: HeadKind,
        syntax: &TagSyntax,
        cells: &[Cell<'_>],
    ) -> Result<(Vec<String>, Vec<Label>), Error> {
        let known = cells.iter().filter_map(|(_, cell)| *cell);
        let classes = self.classes(head, known.flat_map(|cell| values(kind, syntax, cell)))?;
        let label = |(photo, cell): &Cell<'_>| {
            let Some(cell) = cell else { return Ok(Label::Unknown) };
            let values = values(kind, syntax, cell).into_iter();
            let ids = values.map(|value| self.class_id(head, &classes, &value, photo));
            let mut ids = ids.collect::<Result<Vec<_>, Error>>()?;
            ids.sort_unstable();
            ids.dedup();
            Ok(match kind {
                HeadKind::Single => Label::from(ids.first().copied()),
                HeadKind::Tags => Label::Tags(ids),
            })
        };
        let labels = cells.iter().map(label).collect::<Result<_, Error>>()?;
        Ok((classes, labels))
    }

    fn classes<'a>(
        &self,
        head: &str,
        values: impl Iterator<Item = Cow<'a, str>>,
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
        values: impl Iterator<Item = Cow<'a, str>>,
    ) -> Result<Vec<String>, Error> {
        let mut photos: BTreeMap<Cow<'_, str>, u64> = BTreeMap::new();
        for value in values {
            *photos.entry(value).or_default() += 1;
        }
        let largest = photos.values().copied().max().unwrap_or(0);
        let frequent = photos.into_iter().filter(|(_, count)| *count >= self.min_images);
        let classes: Vec<_> = frequent.map(|(value, _)| value.into_owned()).collect();
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

    fn class_id(&self, head: &str, classes: &[String], value: &str, photo: &str) -> Result<usize, Error> {
        let named = classes.iter().position(|class| class == value);
        named.or_else(|| self.other.as_ref().map(|_| classes.len() - 1)).ok_or_else(|| Error::NoClass {
            head: head.to_owned(),
            value: value.to_owned(),
            photo: photo.to_owned(),
        })
    }
}
