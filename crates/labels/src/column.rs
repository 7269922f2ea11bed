//! Heads from a column of the data set's own.

use std::collections::BTreeMap;

use marque_formats::TAG_SEPARATOR;
use serde::Serialize;

use crate::Error;
use crate::heads::HeadLabels;

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

/// How several tags stand in one cell.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct TagSyntax {
    /// What separates them.
    pub delimiter: String,
    /// The word for a photo that is known to have none. A null cell says that nothing is known.
    pub none: String,
}

impl Default for TagSyntax {
    fn default() -> Self {
        Self { delimiter: TAG_SEPARATOR.to_owned(), none: "none".to_owned() }
    }
}

impl TagSyntax {
    /// The tags in a cell, without spaces around them.
    fn split<'a>(&'a self, cell: &'a str) -> impl Iterator<Item = &'a str> {
        let tags = cell.split(self.delimiter.as_str()).map(str::trim);
        tags.filter(|tag| !tag.is_empty() && *tag != self.none)
    }
}

/// One photo's name and its cell of the column.
pub(crate) type Cell<'a> = (&'a str, Option<&'a str>);

impl ColumnRule {
    /// The classes, and for each cell its class id.
    pub(crate) fn single(&self, head: &str, cells: &[Cell<'_>]) -> Result<(Vec<String>, HeadLabels), Error> {
        let values = cells.iter().filter_map(|(_, cell)| cell.map(str::trim));
        let classes = self.classes(head, values)?;
        let id = |(photo, cell): &Cell<'_>| match cell {
            Some(value) => self.class_id(head, &classes, value.trim(), photo).map(Some),
            None => Ok(None),
        };
        let ids = cells.iter().map(id).collect::<Result<_, Error>>()?;
        Ok((classes, HeadLabels::Single(ids)))
    }

    /// The classes, and for each cell the ids of its tags, ascending, each once.
    pub(crate) fn tags(
        &self,
        head: &str,
        syntax: &TagSyntax,
        cells: &[Cell<'_>],
    ) -> Result<(Vec<String>, HeadLabels), Error> {
        let values = cells.iter().filter_map(|(_, cell)| *cell).flat_map(|cell| syntax.split(cell));
        let classes = self.classes(head, values)?;
        let ids = |(photo, cell): &Cell<'_>| {
            let Some(cell) = cell else { return Ok(None) };
            let ids = syntax.split(cell).map(|tag| self.class_id(head, &classes, tag, photo));
            let mut ids = ids.collect::<Result<Vec<_>, Error>>()?;
            ids.sort_unstable();
            ids.dedup();
            Ok(Some(ids))
        };
        let ids = cells.iter().map(ids).collect::<Result<_, Error>>()?;
        Ok((classes, HeadLabels::Tags(ids)))
    }

    fn classes<'a>(&self, head: &str, values: impl Iterator<Item = &'a str>) -> Result<Vec<String>, Error> {
        let mut classes = match &self.classes {
            Some(classes) => classes.clone(),
            None => self.large_values(head, values)?,
        };
        if let Some(other) = &self.other {
            classes.retain(|class| class != other);
            classes.push(other.clone());
        }
        Ok(classes)
    }

    fn large_values<'a>(
        &self,
        head: &str,
        values: impl Iterator<Item = &'a str>,
    ) -> Result<Vec<String>, Error> {
        let mut photos: BTreeMap<&str, u64> = BTreeMap::new();
        for value in values {
            *photos.entry(value).or_default() += 1;
        }
        let largest = photos.values().copied().max().unwrap_or(0);
        let large = photos.iter().filter(|(_, count)| **count >= self.min_images);
        let classes: Vec<_> = large.map(|(value, _)| (*value).to_owned()).collect();
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

    fn class_id(&self, head: &str, classes: &[String], value: &str, photo: &str) -> Result<i64, Error> {
        let named = classes.iter().position(|class| class == value);
        let id = named.or_else(|| self.other.as_ref().map(|_| classes.len() - 1));
        id.and_then(|id| i64::try_from(id).ok()).ok_or_else(|| Error::NoClass {
            head: head.to_owned(),
            value: value.to_owned(),
            photo: photo.to_owned(),
        })
    }
}
