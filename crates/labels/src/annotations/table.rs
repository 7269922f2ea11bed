//! The annotation table, of every source of photos that is not published in a layout of its own.
//!
//! Columns named `make`, `model`, `body` and `year` are the user's word on what a class name "Make Model Body
//! Year" says otherwise: they go over what is read from the class name, and stand for one where there is none.

use std::collections::BTreeMap;
use std::path::Path;

use marque_contracts::schema::{Spellings, ingest, model_year, normalised};
use marque_formats::{AnnotationRow, AnnotationTable};

use super::{Annotation, Annotations, all_or_list};
use crate::{ClassName, Error};

pub(super) fn read(metadata: &Path) -> Result<Annotations, Error> {
    let path = metadata.join(ingest::ANNOTATION_TABLE.trim_start_matches(ingest::METADATA));
    let table = AnnotationTable::read(&path)?;
    let mut spellings = Spellings::default();
    let mut parts = Parts::of(&table.columns, &mut spellings);
    let names =
        all_or_list(table.rows.iter().map(|row| parts.class_name(row)), |years| Error::Years { years })?;
    // Positions by name: sorted, each once.
    let mut positions: BTreeMap<ClassName, usize> = names.iter().flatten().cloned().map(|n| (n, 0)).collect();
    positions.values_mut().enumerate().for_each(|(i, position)| *position = i);
    let photo = |(row, name): (AnnotationRow, &Option<ClassName>)| Annotation {
        file_name: row.file_name,
        split: row.split,
        class: name.as_ref().and_then(|name| positions.get(name).copied()),
        crop: row.crop,
        clipped: false,
        values: row.values,
    };
    let photos = table.rows.into_iter().zip(&names).map(photo).collect();
    let class_names = positions.into_keys().collect();
    Ok(Annotations { class_names, columns: table.columns, photos, spellings })
}

/// Where the table's columns have the parts of a class name.
struct Parts<'a> {
    make: Option<usize>,
    model: Option<usize>,
    body: Option<usize>,
    year: Option<usize>,
    spellings: &'a mut Spellings,
}

impl<'a> Parts<'a> {
    fn of(columns: &[String], spellings: &'a mut Spellings) -> Self {
        let position = |name: &str| columns.iter().position(|column| column == name);
        Self {
            make: position("make"),
            model: position("model"),
            body: position("body"),
            year: position("year"),
            spellings,
        }
    }

    /// The class name of a row; `None` if nothing in the row tells.
    fn class_name(&mut self, row: &AnnotationRow) -> Result<Option<ClassName>, String> {
        let [make, model, body, year] = [self.make, self.model, self.body, self.year].map(|column| {
            let cell = row.values.get(column?)?.as_ref()?;
            self.name(&cell.texts().join(" "))
        });
        let wrong = |text: &String| format!("{}: {text:?}", row.file_name);
        let year = year.map(|text| model_year(&text).ok_or_else(|| wrong(&text))).transpose()?;
        let mut name = match row.class_name.as_deref().and_then(|text| self.name(text)) {
            Some(text) => ClassName::parse(&text),
            None => {
                let year = year.map(|year| year.to_string());
                let parts: Vec<_> = [&make, &model, &body, &year].into_iter().flatten().cloned().collect();
                if parts.is_empty() {
                    return Ok(None);
                }
                ClassName { text: parts.join(" "), make: None, model: None, body: None, year: None }
            }
        };
        name.make = make.or(name.make);
        name.model = model.or(name.model);
        name.body = body.or(name.body);
        name.year = year.or(name.year);
        Ok(Some(name))
    }

    /// A name in its normal form; `None` if there is nothing in it that is seen.
    fn name(&mut self, text: &str) -> Option<String> {
        let name = normalised(text).into_owned();
        (!name.is_empty()).then(|| {
            self.spellings.add(text);
            name
        })
    }
}
