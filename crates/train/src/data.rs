//! The training and validation photos: labels and pixels brought together.

use std::collections::BTreeMap;

use marque_contracts::schema::{Head, Label, Preparation, Split, labels, preprocess};
use marque_contracts::{Job, json};
use marque_formats::{Geometry, IndexRow, LabelTable, ShardReader};

use crate::Error;

/// One photo: where its pixels are, and its label per head.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) place: IndexRow,
    /// Its row in the index.
    pub(crate) number: usize,
    pub(crate) targets: Vec<Label>,
}

/// Everything that training reads.
pub(crate) struct Data {
    pub(crate) heads: Vec<Head>,
    pub(crate) shards: ShardReader,
    /// How the photos in them were made.
    pub(crate) preparation: Preparation,
    /// Sorted by name of the photo.
    pub(crate) train: Vec<Sample>,
    /// Sorted by name of the photo.
    pub(crate) validation: Vec<Sample>,
}

impl Data {
    pub(crate) fn open(job: &Job<'_>) -> Result<Self, Error> {
        let heads: Vec<Head> = json::read(&job.input(labels::STAGE).join(labels::HEADS))?;
        let table = LabelTable::read(&job.input(labels::STAGE).join(labels::LABEL_TABLE), &heads)?;
        let pixels = job.input(preprocess::STAGE);
        let preparation = json::read(&pixels.join(preprocess::PREPARATION))?;
        let index = IndexRow::read(&pixels.join(preprocess::INDEX))?;
        let shards = ShardReader::open_indexed(&pixels.join(preprocess::SHARDS), &index)?;
        let places: BTreeMap<_, _> = index
            .into_iter()
            .enumerate()
            .map(|(number, row)| (row.file_name.clone(), (number, row)))
            .collect();
        let (mut train, mut validation) = (Vec::new(), Vec::new());
        for row in table.rows {
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
            part.push(Sample { place: place.clone(), number: *number, targets: row.labels });
        }
        let data = Self { heads, shards, preparation, train, validation };
        data.check()?;
        Ok(data)
    }

    pub(crate) fn geometry(&self) -> Geometry {
        self.shards.geometry()
    }

    fn check(&self) -> Result<(), Error> {
        if self.train.len() < 2 {
            let there =
                if self.train.is_empty() { "no training photo is" } else { "only one training photo is" };
            return Err(Error::Data(format!("{there} labelled; at least two are needed")));
        }
        for (position, head) in self.heads.iter().enumerate() {
            if !self.train.iter().any(|sample| sample.targets[position].is_known()) {
                return Err(Error::Data(format!(
                    "no training photo has a label for the head `{}`",
                    head.name
                )));
            }
        }
        Ok(())
    }
}
