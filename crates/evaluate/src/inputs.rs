//! The artifacts of other stages: network, heads, labels, history and shards.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use marque_contracts::schema::{Crop, Head, HeadKind, Label, Split, ingest, labels, preprocess, train};
use marque_contracts::{Job, json};
use marque_formats::{DuplicateRow, EpochRow, IndexRow, LabelRow, LabelTable, ShardKind, ShardReader};
use marque_network::NetworkConfig;
use marque_predict::Predictor;

use crate::{Error, Settings};

/// Everything that is read, but photos.
pub(crate) struct Inputs {
    pub(crate) predictor: Predictor,
    /// The network's heads, in its order, with the classes' counts.
    pub(crate) heads: Vec<Head>,
    pub(crate) history: Vec<EpochRow>,
    /// The epoch whose weights are in the model, where the history says so.
    pub(crate) best_epoch: Option<u32>,
    pub(crate) shards: ShardReader,
    /// Folder with the photos under their own names.
    pub(crate) photo_folder: PathBuf,
    /// The result of `train`.
    pub(crate) trained: PathBuf,
    pub(crate) table: LabelTable,
    index: BTreeMap<String, IndexRow>,
    index_path: PathBuf,
    /// Group of duplicates by photo, of those that have one.
    groups: BTreeMap<String, u32>,
}

/// The photos of a split: where their pixels are, and what they are.
pub(crate) struct Photos {
    pub(crate) split: Split,
    /// Their rows in the label table.
    pub(crate) rows: Vec<usize>,
    pub(crate) file_names: Vec<String>,
    pub(crate) places: Vec<IndexRow>,
    /// The box of the car, if there is one.
    pub(crate) crops: Vec<Option<Crop>>,
    /// Width and height of the upright photo, in pixels.
    pub(crate) sizes: Vec<(usize, usize)>,
    /// Number of the group of duplicates by photo; one of its own for a photo that is there once.
    pub(crate) groups: Vec<usize>,
    /// By head, then photo.
    pub(crate) labels: Vec<Vec<Label>>,
}

impl Inputs {
    /// `model` is the folder of the model, that of `train`'s result or another.
    pub(crate) fn open(job: &Job<'_>, model: &Path, settings: &Settings) -> Result<Self, Error> {
        let (labelled, pixels, trained) =
            (job.input(labels::STAGE), job.input(preprocess::STAGE), job.input(train::STAGE));
        let predictor = Predictor::open(model, settings.precision, &settings.predict)?;
        let heads_path = labelled.join(labels::HEADS);
        let heads = matching_heads(predictor.network().config(), json::read(&heads_path)?, &heads_path)?;
        let names: Vec<_> = reported(&heads).map(|head| head.name.clone()).collect();
        let history = EpochRow::read(&trained.join(train::HISTORY), &names)?;
        let index_path = pixels.join(preprocess::INDEX);
        let index = IndexRow::read(&index_path)?;
        Ok(Self {
            best_epoch: history.iter().rfind(|row| row.kept).map(|row| row.epoch),
            history,
            shards: ShardReader::open_indexed(&pixels.join(preprocess::SHARDS), ShardKind::Pixels, &index)?,
            photo_folder: job.input(ingest::STAGE).join(ingest::PHOTOS),
            index: index.into_iter().map(|row| (row.file_name.clone(), row)).collect(),
            index_path,
            table: LabelTable::read(&labelled.join(labels::LABEL_TABLE), &heads)?,
            trained: trained.to_owned(),
            groups: groups(&job.input(ingest::STAGE).join(ingest::DUPLICATE_TABLE))?,
            predictor,
            heads,
        })
    }

    /// Number of the group of duplicates of each photo; one of its own for a photo that is there once.
    pub(crate) fn groups_of<'a>(&self, file_names: impl ExactSizeIterator<Item = &'a str>) -> Vec<usize> {
        let photos = file_names.len();
        let group = |(position, name): (usize, &str)| match self.groups.get(name) {
            Some(group) => photos + *group as usize,
            None => position,
        };
        file_names.enumerate().map(group).collect()
    }

    /// Photos in a split: those with a label that one of the network's heads answers, and all.
    pub(crate) fn counts(&self, split: Split) -> (usize, usize) {
        let rows = || self.table.rows.iter().filter(|row| row.split == split);
        (rows().filter(|row| row.labels.iter().any(Label::is_known)).count(), rows().count())
    }

    /// Whether any photo of a split has a label that one of the network's heads answers.
    pub(crate) fn has_labels(&self, split: Split) -> bool {
        self.counts(split).0 > 0
    }

    /// The photos of a split, in the order of their names.
    pub(crate) fn photos(&self, split: Split) -> Result<Photos, Error> {
        let numbers = (0..self.table.rows.len()).filter(|row| self.table.rows[*row].split == split);
        let numbers: Vec<_> = numbers.collect();
        let rows: Vec<_> = numbers.iter().map(|row| &self.table.rows[*row]).collect();
        let place = |row: &&LabelRow| {
            self.index.get(&row.file_name).cloned().ok_or_else(|| Error::NotIndexed {
                index: self.index_path.clone(),
                file_name: row.file_name.clone(),
            })
        };
        let labels = |head: usize| rows.iter().map(|row| row.labels[head].clone()).collect();
        Ok(Photos {
            split,
            groups: self.groups_of(rows.iter().map(|row| row.file_name.as_str())),
            rows: numbers,
            file_names: rows.iter().map(|row| row.file_name.clone()).collect(),
            crops: rows.iter().map(|row| row.crop).collect(),
            sizes: rows.iter().map(|row| (row.width as usize, row.height as usize)).collect(),
            places: rows.iter().map(place).collect::<Result<_, _>>()?,
            labels: (0..self.heads.len()).map(labels).collect(),
        })
    }
}

fn groups(path: &Path) -> Result<BTreeMap<String, u32>, Error> {
    let rows = DuplicateRow::read(path)?;
    Ok(rows.into_iter().map(|row| (row.file_name, row.group)).collect())
}

/// Heads in the order of the report: those with one class a photo, then those with tags.
fn reported(heads: &[Head]) -> impl Iterator<Item = &Head> {
    let of = |kind: HeadKind| heads.iter().filter(move |head| head.kind == kind);
    of(HeadKind::Single).chain(of(HeadKind::Tags))
}

/// The label table's heads that the network answers, in the network's order.
fn matching_heads(config: &NetworkConfig, mut heads: Vec<Head>, path: &Path) -> Result<Vec<Head>, Error> {
    let mut matching = Vec::with_capacity(config.heads.len());
    for wanted in &config.heads {
        let mismatch = |reason| Error::Mismatch {
            path: path.to_owned(),
            reason: format!("the network's head `{}` {reason}", wanted.name),
        };
        let position = heads.iter().position(|head| head.name == wanted.name);
        let head = heads.swap_remove(position.ok_or_else(|| mismatch("is not in it"))?);
        if !wanted.labels().eq(&head.classes) {
            return Err(mismatch("has other classes there"));
        }
        if wanted.kind != head.kind {
            return Err(mismatch("is of another kind there"));
        }
        matching.push(head);
    }
    Ok(matching)
}
