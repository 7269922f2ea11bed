//! Which column of Parquet files is what. Files of one data set may have their columns in any order, and lack some.

use std::path::{Path, PathBuf};

use marque_formats::{AnnotationTable, ExternalColumn, ExternalKind, ExternalTable};

use super::super::column_names;
use super::{BATCH, WANTED, wrong};
use crate::Error;
use crate::paths::tidy;
use crate::settings::HuggingFace;
use crate::warnings::warn_once;

/// The column with the words for splits.
const SPLIT: &str = "split";

fn names(table: &[ExternalColumn]) -> String {
    table.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// What a column holds, in words.
fn holds(column: &ExternalColumn) -> String {
    let named = if column.class_names.is_some() { ", as ids of classes that have names" } else { "" };
    format!("{}{named}", column.kind)
}

/// The columns of a file, with their names in normal form.
fn own_columns(path: &Path, columns: &[ExternalColumn]) -> Result<Vec<ExternalColumn>, Error> {
    let names = column_names(path, WANTED, columns.iter().map(|column| column.name.as_str()))?;
    Ok(names
        .into_iter()
        .zip(columns)
        .map(|(name, column)| ExternalColumn { name, ..column.clone() })
        .collect())
}

/// The columns of all files together, by name.
pub(super) fn of_files(source: &HuggingFace, files: &[(String, PathBuf)]) -> Result<Columns, Error> {
    let mut all: Vec<(ExternalColumn, &Path)> = Vec::new();
    for (_, path) in files {
        for column in own_columns(path, ExternalTable::open(path, BATCH)?.columns())? {
            let Some((known, first)) = all.iter_mut().find(|(known, _)| known.name == column.name) else {
                all.push((column, path));
                continue;
            };
            let null = |column: &ExternalColumn| column.kind == ExternalKind::Null;
            if null(known) {
                (*known, *first) = (column, path);
            } else if !null(&column) && holds(&column) != holds(known) {
                let (name, first) = (&column.name, tidy(first).display().to_string());
                let reason =
                    format!("its column {name} holds {}, that of {first} {}", holds(&column), holds(known));
                return Err(wrong(path, reason));
            }
        }
    }
    let table: Vec<_> = all.into_iter().map(|(column, _)| column).collect();
    roles(source, &table)
}

/// Which column is what.
fn roles(source: &HuggingFace, table: &[ExternalColumn]) -> Result<Columns, Error> {
    let path = &source.path;
    let of_kind =
        |kind: &ExternalKind| table.iter().filter(|column| column.kind == *kind).collect::<Vec<_>>();
    let image = match (&source.image_column, of_kind(&ExternalKind::Photos).as_slice()) {
        (None, [only]) => only.name.clone(),
        (Some(name), images) if images.iter().any(|column| column.name == *name) => name.clone(),
        (Some(name), _) => {
            let reason =
                format!("image_column = {name:?} does not contain photos; columns: {}", names(table));
            return Err(wrong(path, reason));
        }
        (None, []) => {
            let reason = format!("no column is a struct of bytes and path; columns: {}", names(table));
            return Err(wrong(path, reason));
        }
        (None, _) => {
            let reason = format!("several columns hold photos; set image_column to one of: {}", names(table));
            return Err(wrong(path, reason));
        }
    };
    for column in table {
        if let ExternalKind::Unknown(kind) = &column.kind {
            warn_once(format!("the column {} is left out: it is of type {kind}", column.name));
        }
        if column.kind == ExternalKind::Photos && column.name != image {
            warn_once(format!("the column {} is left out: the photos are those of {image}", column.name));
        }
    }
    let class = class_column(source, table)?;
    let has_values = |column: &&ExternalColumn| {
        matches!(column.kind, ExternalKind::Text | ExternalKind::List | ExternalKind::Null)
    };
    let mut labels = Vec::new();
    for ExternalColumn { name, .. } in table.iter().filter(has_values) {
        if Some(name) == class.as_ref() || name == SPLIT {
            continue;
        }
        if AnnotationTable::FIXED_COLUMNS.contains(&name.as_str()) {
            warn_once(format!(
                "the column {name} is left out: marque has a column of this name; rename it to use it"
            ));
        } else {
            labels.push(name.clone());
        }
    }
    Ok(Columns { image, class, labels })
}

/// The column with class names: the one that is set, the only class label, or one that is called so.
fn class_column(source: &HuggingFace, table: &[ExternalColumn]) -> Result<Option<String>, Error> {
    let is_text = |column: &&ExternalColumn| matches!(column.kind, ExternalKind::Text | ExternalKind::Null);
    let called = |name: &str| table.iter().filter(is_text).find(|column| column.name == name);
    if let Some(name) = &source.class_column {
        let reason = match table.iter().any(|column| column.name == *name) {
            true => format!("class_column = {name:?} does not hold one class a photo"),
            false => format!("there is no class_column = {name:?}; columns: {}", names(table)),
        };
        let found = called(name).ok_or_else(|| wrong(&source.path, reason))?;
        return Ok(Some(found.name.clone()));
    }
    let labels: Vec<_> = table.iter().filter(is_text).filter(|column| column.class_names.is_some()).collect();
    let found = match labels.as_slice() {
        [only] => Some(*only),
        _ => called("class_name").or_else(|| called("label")),
    };
    Ok(found.map(|column| column.name.clone()))
}

/// Names of the columns.
pub(super) struct Columns {
    pub(super) image: String,
    pub(super) class: Option<String>,
    pub(super) labels: Vec<String>,
}

impl Columns {
    /// Where a file has them. What it lacks, and others have, is warned of.
    pub(super) fn positions(&self, path: &Path, table: &[ExternalColumn]) -> Result<Positions, Error> {
        let own = own_columns(path, table)?;
        let position = |name: &str| own.iter().position(|column| column.name == name);
        let known = |name: &String| {
            let found = position(name);
            if found.is_none() {
                warn_once(format!(
                    "{} has no column {name}, as other files have: its values are not known there",
                    tidy(path).display()
                ));
            }
            found
        };
        let lacking = || format!("there is no column {}, in which other files have the photos", self.image);
        let image = position(&self.image).ok_or_else(|| wrong(path, lacking()))?;
        let (class, labels) = (self.class.as_ref().and_then(known), self.labels.iter().map(known).collect());
        Ok(Positions { image, class, split: position(SPLIT), labels })
    }
}

/// Positions of the columns in one file.
pub(super) struct Positions {
    pub(super) image: usize,
    pub(super) class: Option<usize>,
    pub(super) split: Option<usize>,
    pub(super) labels: Vec<Option<usize>>,
}
