//! The training and validation photos: labels and pixels brought together.

use std::collections::BTreeMap;
use std::path::Path;

use marque_contracts::schema::{Head, Label, Preparation, Rectangle, Split, labels, preprocess};
use marque_contracts::{Job, json};
use marque_formats::{BoxRow, Geometry, IndexRow, LabelRow, LabelTable, ShardKind, ShardReader};

use crate::{Error, Settings};

/// One photo: where its pixels are, and its label per head.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) place: IndexRow,
    /// Its row in the index.
    pub(crate) number: usize,
    pub(crate) targets: Vec<Label>,
    /// Where in the whole photo the car is, if that is known.
    pub(crate) car: Option<Rectangle>,
}

/// Everything that training reads.
pub(crate) struct Data {
    pub(crate) heads: Vec<Head>,
    pub(crate) shards: ShardReader,
    /// The photos uncut, at the same places, where any has a box.
    pub(crate) whole: Option<ShardReader>,
    /// How the photos in them were made.
    pub(crate) preparation: Preparation,
    /// Sorted by name of the photo.
    pub(crate) train: Vec<Sample>,
    /// Sorted by name of the photo.
    pub(crate) validation: Vec<Sample>,
}

impl Data {
    pub(crate) fn open(job: &Job<'_>, settings: &Settings) -> Result<Self, Error> {
        let LabelTable { heads, rows, .. } = read_labels(settings, job.input(labels::STAGE))?;
        let pixels = job.input(preprocess::STAGE);
        let preparation = json::read(&pixels.join(preprocess::PREPARATION))?;
        let index = IndexRow::read(&pixels.join(preprocess::INDEX))?;
        let shards = ShardReader::open_indexed(&pixels.join(preprocess::SHARDS), ShardKind::Pixels, &index)?;
        let boxes = BoxRow::read(&pixels.join(preprocess::BOXES))?;
        let boxes: BTreeMap<_, _> =
            boxes.into_iter().filter_map(|row| Some((row.file_name, row.rectangle?))).collect();
        let whole = pixels.join(preprocess::WHOLE);
        let whole = whole
            .exists()
            .then(|| ShardReader::open_indexed(&whole, ShardKind::Pixels, &index))
            .transpose()?;
        let places: BTreeMap<_, _> = index
            .into_iter()
            .enumerate()
            .map(|(number, row)| (row.file_name.clone(), (number, row)))
            .collect();
        let (mut train, mut validation) = (Vec::new(), Vec::new());
        for row in rows {
            let part = match row.split {
                Split::Train => &mut train,
                Split::Validation => &mut validation,
                Split::Test => continue,
            };
            if !row.labels.iter().any(Label::is_known) {
                continue;
            }
            let (number, place) = places.get(&row.file_name).ok_or_else(|| {
                Error::Data(format!("{} is in the label table, but not in the shards", row.file_name))
            })?;
            let car = boxes.get(&row.file_name).copied();
            part.push(Sample { place: place.clone(), number: *number, targets: row.labels, car });
        }
        Ok(Self { heads, shards, whole, preparation, train, validation })
    }

    pub(crate) fn geometry(&self) -> Geometry {
        self.shards.geometry()
    }

    /// Whether epochs can be compared: whether a validation photo has a label of a head that answers.
    pub(crate) fn compares_epochs(&self, settings: &Settings) -> bool {
        compares_epochs(settings, &self.heads, self.validation.iter().map(|sample| sample.targets.as_slice()))
    }
}

fn compares_epochs<'a>(
    settings: &Settings,
    heads: &[Head],
    mut validation: impl Iterator<Item = &'a [Label]>,
) -> bool {
    let answering: Vec<_> = heads.iter().map(|head| settings.answers(&head.name)).collect();
    validation
        .any(|labels| labels.iter().zip(&answering).any(|(label, answers)| *answers && label.is_known()))
}

/// Labelled photos to learn from.
pub(crate) fn training_photos(table: &LabelTable) -> usize {
    let labelled = |row: &&LabelRow| row.split == Split::Train && row.labels.iter().any(Label::is_known);
    table.rows.iter().filter(labelled).count()
}

/// The label table in an artifact of `labels`.
///
/// # Errors
/// If it is damaged, or nothing can be learnt from it as the settings ask.
pub(crate) fn read_labels(settings: &Settings, folder: &Path) -> Result<LabelTable, Error> {
    let heads: Vec<Head> = json::read(&folder.join(labels::HEADS))?;
    let table = LabelTable::read(&folder.join(labels::LABEL_TABLE), &heads)?;
    check_labels(settings, &table)?;
    Ok(table)
}

fn check_labels(settings: &Settings, table: &LabelTable) -> Result<(), Error> {
    let LabelTable { heads, rows, .. } = table;
    let of = |split: Split| {
        let rows = rows.iter().filter(move |row| row.split == split);
        rows.map(|row| row.labels.as_slice())
    };
    let labelled = training_photos(table);
    if labelled < 2 {
        let there = if labelled == 0 { "no training photo is" } else { "only one training photo is" };
        return Err(Error::Data(format!("{there} labelled; at least two are needed")));
    }
    let has_none = |position: &usize| !of(Split::Train).any(|labels| labels[*position].is_known());
    let unlabelled: Vec<_> =
        (0..heads.len()).filter(has_none).map(|position| format!("`{}`", heads[position].name)).collect();
    if let [first, others @ ..] = &unlabelled[..] {
        let others = others.iter().map(|head| format!(", nor for {head}")).collect::<String>();
        return Err(Error::Data(format!("no training photo has a label for the head {first}{others}")));
    }
    if !compares_epochs(settings, heads, of(Split::Validation))
        && let Some((key, message)) = settings.validation_conflicts().first()
    {
        return Err(Error::Settings(format!("{key} {message}")));
    }
    Ok(())
}
