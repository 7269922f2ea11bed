//! The photos to learn from and to validate on: labels and pixels brought together.

use std::collections::BTreeMap;

use marque_contracts::Job;
use marque_contracts::schema::{Head, Split, labels, preprocess};
use marque_formats::{Geometry, IndexRow, LabelTable, ShardReader};

use crate::Error;

/// Target of a photo whose label is not known.
pub(crate) const UNKNOWN: i64 = marque_kernels::IGNORED;

/// One photo: where its pixels are, and its class id per head ([`UNKNOWN`] where it has none).
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) place: IndexRow,
    pub(crate) targets: Vec<i64>,
}

/// Everything that training reads.
pub(crate) struct Data {
    pub(crate) heads: Vec<Head>,
    pub(crate) shards: ShardReader,
    /// Sorted by name of the photo.
    pub(crate) train: Vec<Sample>,
    /// Sorted by name of the photo.
    pub(crate) validation: Vec<Sample>,
}

impl Data {
    pub(crate) fn open(job: &Job<'_>) -> Result<Self, Error> {
        let path = job.input(labels::STAGE).join(labels::HEADS);
        let text = std::fs::read_to_string(&path).map_err(|e| Error::io("read", &path, e))?;
        let heads: Vec<Head> = serde_json::from_str(&text).map_err(|source| Error::Json { path, source })?;
        let named: Vec<_> = heads.iter().map(|head| (head.name.clone(), head.classes.clone())).collect();
        let table = LabelTable::read(&job.input(labels::STAGE).join(labels::LABEL_TABLE), &named)?;
        let pixels = job.input(preprocess::STAGE);
        let index = IndexRow::read(&pixels.join(preprocess::INDEX))?;
        let shards = ShardReader::open_indexed(&pixels.join(preprocess::SHARDS), &index)?;
        let places: BTreeMap<_, _> = index.into_iter().map(|row| (row.file_name.clone(), row)).collect();
        let (mut train, mut validation) = (Vec::new(), Vec::new());
        for row in &table.rows {
            let part = match row.split {
                Split::Train => &mut train,
                Split::Validation => &mut validation,
                Split::Test => continue,
            };
            let targets: Vec<i64> = row.labels.iter().map(|id| id.unwrap_or(UNKNOWN)).collect();
            if targets.iter().all(|&target| target == UNKNOWN) {
                continue;
            }
            let place = places.get(&row.file_name).ok_or_else(|| {
                Error::Data(format!("{} is in the label table, but not in the shards", row.file_name))
            })?;
            part.push(Sample { place: place.clone(), targets });
        }
        let data = Self { heads, shards, train, validation };
        data.check()?;
        Ok(data)
    }

    pub(crate) fn geometry(&self) -> Geometry {
        self.shards.geometry()
    }

    fn check(&self) -> Result<(), Error> {
        if self.train.len() < 2 {
            return Err(Error::Data(format!(
                "there are {} labelled training photos; at least 2 are needed",
                self.train.len()
            )));
        }
        for (position, head) in self.heads.iter().enumerate() {
            if self.train.iter().all(|sample| sample.targets[position] == UNKNOWN) {
                return Err(Error::Data(format!(
                    "no training photo has a label for the head `{}`",
                    head.name
                )));
            }
        }
        Ok(())
    }
}
