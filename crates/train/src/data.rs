//! The photos to learn from and to validate on: labels and pixels brought together.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use marque_contracts::Job;
use marque_contracts::schema::{Head, HeadKind, Preparation, Split, labels, preprocess};
use marque_formats::{Geometry, IndexRow, LabelTable, ShardReader, TagColumn};
use serde::de::DeserializeOwned;

use crate::Error;
use crate::target;
pub(crate) use crate::target::Target;

/// One photo: where its pixels are, and its label per head.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) place: IndexRow,
    /// Its row in the index.
    pub(crate) number: usize,
    pub(crate) targets: Vec<Target>,
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
        let heads: Vec<Head> = read_json(job.input(labels::STAGE).join(labels::HEADS))?;
        let path = job.input(labels::STAGE).join(labels::LABEL_TABLE);
        let single: Vec<_> = heads
            .iter()
            .filter(|head| head.kind == HeadKind::Single)
            .map(|head| (head.name.clone(), head.classes.clone()))
            .collect();
        let table = LabelTable::read(&path, &single)?;
        let targets = targets(&heads, &table, &path)?;
        let pixels = job.input(preprocess::STAGE);
        let preparation = read_json(pixels.join(preprocess::PREPARATION))?;
        let index = IndexRow::read(&pixels.join(preprocess::INDEX))?;
        let shards = ShardReader::open_indexed(&pixels.join(preprocess::SHARDS), &index)?;
        let places: BTreeMap<_, _> = index
            .into_iter()
            .enumerate()
            .map(|(number, row)| (row.file_name.clone(), (number, row)))
            .collect();
        let (mut train, mut validation) = (Vec::new(), Vec::new());
        for (row, targets) in table.rows.iter().zip(targets) {
            let part = match row.split {
                Split::Train => &mut train,
                Split::Validation => &mut validation,
                Split::Test => continue,
            };
            if targets.iter().all(|target| *target == Target::Unknown) {
                continue;
            }
            let (number, place) = places.get(&row.file_name).ok_or_else(|| {
                Error::Data(format!("{} is in the label table, but not in the shards", row.file_name))
            })?;
            part.push(Sample { place: place.clone(), number: *number, targets });
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
            if self.train.iter().all(|sample| sample.targets[position] == Target::Unknown) {
                return Err(Error::Data(format!(
                    "no training photo has a label for the head `{}`",
                    head.name
                )));
            }
        }
        Ok(())
    }
}

pub(crate) fn read_json<T: DeserializeOwned>(path: PathBuf) -> Result<T, Error> {
    let text = std::fs::read_to_string(&path).map_err(|e| Error::io("read", &path, e))?;
    serde_json::from_str(&text).map_err(|source| Error::Json { path, source })
}

/// The labels of each row of the table, head by head.
fn targets(heads: &[Head], table: &LabelTable, path: &Path) -> Result<Vec<Vec<Target>>, Error> {
    let mut targets = vec![Vec::with_capacity(heads.len()); table.rows.len()];
    let mut single = 0;
    for head in heads {
        match head.kind {
            HeadKind::Single => {
                for (targets, row) in targets.iter_mut().zip(&table.rows) {
                    targets.push(target::of_class(row.labels.get(single).copied().flatten()));
                }
                single += 1;
            }
            HeadKind::Tags => {
                let column = TagColumn::read(path, &head.name, &head.classes)?;
                for (targets, ids) in targets.iter_mut().zip(&column.rows) {
                    targets.push(target::of_tags(ids.as_deref()));
                }
            }
        }
    }
    Ok(targets)
}
