//! `classes.parquet`: a row per class name, with the label of each head under either way of matching.
//!
//! `class_id` counts from 0 in the order of the annotation files.

use std::path::Path;

use marque_contracts::schema::Split;
use marque_formats::{Column, Table};

use crate::heads::{LabelledHead, NameRule, tags};
use crate::{ClassName, Error, NameMatching};

/// One class name.
pub(crate) struct ClassRow {
    pub(crate) name: ClassName,
    /// Photos per split, in the order of [`Split::ALL`].
    pub(crate) photos: [u64; 3],
}

/// Writes the table. Per head `H` that follows from class names there are the columns `H_words` and `H_article` (the
/// class under either [`NameMatching`], or the list of tags), `H_differs` and `H_why` (null where the two agree).
pub(crate) fn write(path: &Path, rows: &[ClassRow], heads: &[LabelledHead]) -> Result<(), Error> {
    let text = |pick: fn(&ClassName) -> &Option<String>| {
        Column::Text(rows.iter().map(|row| pick(&row.name).clone()).collect())
    };
    let mut table = Table::new()
        .with_integers("class_id", (0..rows.len()).map(|id| id as i64))
        .with_text("class_name", rows.iter().map(|row| row.name.text.as_str()))
        .with("make", text(|name| &name.make))
        .with("model", text(|name| &name.model))
        .with("body", text(|name| &name.body))
        .with("year", Column::Integer(rows.iter().map(|row| row.name.year).collect()));
    for (position, split) in Split::ALL.into_iter().enumerate() {
        let column = format!("photos_{}", split.as_str());
        table = table.with_integers(&column, rows.iter().map(|row| row.photos[position] as i64));
    }
    for head in heads {
        let Some(rule) = &head.names else { continue };
        let head = &head.name;
        for (word, matching) in NameMatching::ALL {
            table = table.with(&format!("{head}_{word}"), labels(rows, rule, matching));
        }
        let why: Vec<_> = rows.iter().map(|row| rule.difference(&row.name)).collect();
        table = table
            .with(
                &format!("{head}_differs"),
                Column::Flag(why.iter().map(|why| Some(why.is_some())).collect()),
            )
            .with(&format!("{head}_why"), Column::Text(why));
    }
    Ok(table.write(path)?)
}

/// A head's label of each name.
fn labels(rows: &[ClassRow], rule: &NameRule, matching: NameMatching) -> Column {
    match rule {
        NameRule::Class(classifier) => {
            let class = |row: &ClassRow| {
                let id = classifier.class_of(&row.name, matching)?;
                classifier.classes().get(id).cloned()
            };
            Column::Text(rows.iter().map(class).collect())
        }
        NameRule::Tags(keywords) => {
            Column::TextList(rows.iter().map(|row| Some(tags(&row.name, keywords, matching))).collect())
        }
    }
}
