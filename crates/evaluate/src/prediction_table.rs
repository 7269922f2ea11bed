//! The table of predictions: `predictions.parquet`.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use marque_contracts::schema::{HeadKind, Label, PredictionColumns};
use marque_formats::{Column, Table};
use marque_metrics::{HeadPredictions, Predictions};

use crate::Error;

/// Writes a row per photo: `file_name`, `split`, `duplicate_group` (null of a photo that no other of them repeats), `familiarity` (null of a model that does not tell), `features` where they
/// were kept, and per head its label, `_predicted`, `_probability` (of the predicted class), `_probabilities` (a list: of
/// each class, in the order of the classes) and `_right`. Label and `_right` are null where the label is not known. A head
/// with tags has lists of names for label and prediction, and `_probability` is that of exactly the predicted ones.
///
/// # Errors
/// If the names of heads make two columns the same, or the file cannot be written.
pub fn write_predictions(predictions: &Predictions, path: &Path) -> Result<(), Error> {
    Ok(table(predictions)?.write(path)?)
}

/// The same in memory.
pub(crate) fn table(predictions: &Predictions) -> Result<Table, Error> {
    let names = predictions.file_names().iter().map(String::as_str);
    let splits = names.clone().map(|_| predictions.split().as_str());
    let [file_name, split, duplicate_group, familiarity, features] = PredictionColumns::FIXED;
    let ranks = (0..predictions.file_names().len()).map(|photo| predictions.familiarity(photo)).collect();
    let frame = Table::new().with_text(file_name, names).with_text(split, splits);
    let frame = frame
        .with(duplicate_group, Column::Integer(duplicates(predictions.groups())))
        .with(familiarity, Column::Number(ranks));
    let each = (0..predictions.file_names().len()).map(|photo| {
        predictions.features(photo).map(|features| features.iter().copied().map(f64::from).collect())
    });
    let each: Vec<_> = each.collect();
    let frame =
        if each.iter().any(Option::is_some) { frame.with(features, Column::NumberList(each)) } else { frame };
    let frame = predictions.heads().iter().fold(frame, with_head);
    let mut names = HashSet::new();
    if let Some((column, _)) = frame.columns().iter().find(|(name, _)| !names.insert(name)) {
        return Err(Error::ColumnTaken { column: column.clone() });
    }
    Ok(frame)
}

/// Numbers of the groups that several photos are in.
fn duplicates(groups: &[usize]) -> Vec<Option<i64>> {
    let mut photos = BTreeMap::<_, usize>::new();
    groups.iter().for_each(|group| *photos.entry(group).or_default() += 1);
    let mut numbers = BTreeMap::new();
    let number = |group| {
        let next = numbers.len() as i64;
        (photos[group] > 1).then(|| *numbers.entry(group).or_insert(next))
    };
    groups.iter().map(number).collect()
}

/// Adds the columns of a head.
fn with_head(frame: Table, head: &HeadPredictions) -> Table {
    let (columns, photos) = (PredictionColumns::of(head.name()), 0..head.photos());
    let column = |of: &dyn Fn(usize) -> Label| -> Column {
        let names = photos.clone().map(|photo| {
            let label = of(photo);
            label.is_known().then(|| head.names(&label))
        });
        match head.kind() {
            HeadKind::Single => Column::Text(names.map(|names| names?.pop()).collect()),
            HeadKind::Tags => Column::TextList(names.collect()),
        }
    };
    let frame = frame
        .with(&columns.label, column(&|photo| head.label(photo).clone()))
        .with(&columns.predicted, column(&|photo| head.predicted(photo)))
        .with_numbers(&columns.probability, photos.clone().map(|photo| head.probability(photo)));
    let each = photos.clone().map(|photo| Some(head.probabilities(photo))).collect();
    let frame = frame.with(&columns.probabilities, Column::NumberList(each));
    let right = photos.map(|photo| head.is_right(photo)).collect();
    frame.with(&columns.right, Column::Flag(right))
}
