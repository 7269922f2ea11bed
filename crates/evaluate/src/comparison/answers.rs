//! What a model answered about photos: a table of predictions, read again.

use std::collections::BTreeMap;
use std::path::Path;

use marque_contracts::schema::{HeadKind, PredictionColumns};
use marque_formats::{Column, Table};
use marque_metrics::Predictions;

use crate::Error;
use crate::prediction_table::table;

/// Answers and labels, photo by photo.
#[derive(Clone, PartialEq, Debug)]
pub struct AnswerTable {
    pub(super) name: String,
    pub(super) file_names: Vec<String>,
    /// Group of duplicates of photos that have one.
    pub(super) duplicates: Vec<Option<i64>>,
    pub(super) heads: Vec<HeadAnswers>,
}

/// Those of a head: names, one of a class, any number of tags.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct HeadAnswers {
    pub(super) name: String,
    pub(super) kind: HeadKind,
    pub(super) labels: Vec<Option<Vec<String>>>,
    pub(super) predicted: Vec<Vec<String>>,
    pub(super) probabilities: Vec<f64>,
}

impl AnswerTable {
    /// Reads the table of predictions at `path`, which is called `name`.
    ///
    /// # Errors
    /// If it cannot be read, or is no table that `evaluate` writes.
    pub fn read(name: &str, path: &Path) -> Result<Self, Error> {
        Self::of(name, &Table::read(path)?)
            .map_err(|reason| Error::NoPredictions { path: path.to_owned(), reason })
    }

    /// The same of predictions in memory.
    ///
    /// # Errors
    /// If they make no table.
    pub fn of_predictions(name: &str, predictions: &Predictions) -> Result<Self, Error> {
        Self::of(name, &table(predictions)?)
            .map_err(|reason| Error::NoPredictions { path: name.into(), reason })
    }

    fn of(name: &str, table: &Table) -> Result<Self, String> {
        let [file_name, ..] = PredictionColumns::FIXED;
        let Some(Column::Text(names)) = table.column(file_name) else {
            return Err(format!("it has no text column `{file_name}`"));
        };
        let file_names: Option<Vec<_>> = names.iter().cloned().collect();
        let heads = table.columns().iter().filter_map(|(name, _)| {
            let of = PredictionColumns::of(name);
            table.column(&of.predicted).map(|_| HeadAnswers::of(name, table, &of))
        });
        let heads = heads.collect::<Result<Vec<_>, _>>()?;
        if heads.is_empty() {
            return Err("it has no column HEAD beside one HEAD_predicted: labels and answers".to_owned());
        }
        let duplicates = match table.column(PredictionColumns::DUPLICATE_GROUP) {
            Some(Column::Integer(groups)) => groups.clone(),
            _ => vec![None; table.rows()],
        };
        let file_names = file_names.ok_or_else(|| format!("`{file_name}` is empty in a row"))?;
        let distinct: std::collections::BTreeSet<_> = file_names.iter().collect();
        if distinct.len() < file_names.len() {
            return Err("a photo is in it twice".to_owned());
        }
        Ok(Self { name: name.to_owned(), file_names, duplicates, heads })
    }

    /// A number for each of these photos, the same for those that repeat each other.
    pub(super) fn groups(&self, photos: impl Iterator<Item = usize>) -> Vec<usize> {
        let mut numbers = BTreeMap::new();
        photos
            .map(|photo| {
                let next = numbers.len();
                let own = (self.duplicates[photo].is_none(), self.duplicates[photo].unwrap_or(photo as i64));
                *numbers.entry(own).or_insert(next)
            })
            .collect()
    }
}

impl HeadAnswers {
    fn of(name: &str, table: &Table, columns: &PredictionColumns) -> Result<Self, String> {
        let each = |column: &str| match table.column(column) {
            Some(Column::Text(texts)) => {
                let texts = texts.iter().map(|text| Some(vec![text.clone()?])).collect();
                Ok((HeadKind::Single, texts))
            }
            Some(Column::TextList(lists)) => Ok((HeadKind::Tags, lists.clone())),
            Some(other) => Err(format!("`{column}` is {}, and not text or lists of text", other.type_name())),
            None => Err(format!("it has no column `{column}`")),
        };
        let (kind, labels): (_, Vec<Option<Vec<String>>>) = each(&columns.label)?;
        let (predicted_kind, predicted) = each(&columns.predicted)?;
        let Some(Column::Number(probabilities)) = table.column(&columns.probability) else {
            return Err(format!("it has no column of numbers `{}`", columns.probability));
        };
        let empty = || format!("`{}` is empty in a row", columns.predicted);
        if kind != predicted_kind {
            return Err(format!("`{}` and `{}` are of different kinds", columns.label, columns.predicted));
        }
        Ok(Self {
            name: name.to_owned(),
            kind,
            labels,
            predicted: predicted.into_iter().collect::<Option<_>>().ok_or_else(empty)?,
            probabilities: probabilities.iter().map(|value| value.unwrap_or(f64::NAN)).collect(),
        })
    }
}
