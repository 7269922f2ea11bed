//! What other stages wrote, brought together.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use marque_contracts::Job;
use marque_contracts::schema::{Head, Split, ingest, labels, preprocess, train};
use marque_formats::{EpochRow, IndexRow, LabelRow, LabelTable, ShardReader};
use marque_network::{Network, NetworkConfig};
use serde::de::DeserializeOwned;

use crate::Error;

const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.safetensors";

/// Everything that is read, but photos.
pub(crate) struct Inputs {
    pub(crate) network: Network,
    /// The network's heads, in its order, with the classes' counts.
    pub(crate) heads: Vec<Head>,
    pub(crate) history: Vec<EpochRow>,
    /// The epoch whose weights are in the model, where the history says so.
    pub(crate) best_epoch: Option<u32>,
    pub(crate) shards: ShardReader,
    /// Folder with the photos under their own names.
    pub(crate) photo_folder: PathBuf,
    index: BTreeMap<String, IndexRow>,
    index_path: PathBuf,
    rows: Vec<LabelRow>,
}

/// The photos of a split: where their pixels are, and what they are.
pub(crate) struct Photos {
    pub(crate) split: Split,
    pub(crate) file_names: Vec<String>,
    pub(crate) places: Vec<IndexRow>,
    /// Class ids by head, then photo.
    pub(crate) truths: Vec<Vec<Option<usize>>>,
}

impl Inputs {
    pub(crate) fn open(job: &Job<'_>) -> Result<Self, Error> {
        let (labelled, pixels, trained) =
            (job.input(labels::STAGE), job.input(preprocess::STAGE), job.input(train::STAGE));
        let network = open_network(&trained.join(train::MODEL))?;
        let heads_path = labelled.join(labels::HEADS);
        let heads = matching_heads(network.config(), read_json(&heads_path)?, &heads_path)?;
        let classes: Vec<_> = heads.iter().map(|head| (head.name.clone(), head.classes.clone())).collect();
        let names: Vec<_> = heads.iter().map(|head| head.name.clone()).collect();
        let history = EpochRow::read(&trained.join(train::HISTORY), &names)?;
        let index_path = pixels.join(preprocess::INDEX);
        let index = IndexRow::read(&index_path)?;
        Ok(Self {
            best_epoch: history.iter().rfind(|row| row.kept).map(|row| row.epoch),
            history,
            shards: ShardReader::open_indexed(&pixels.join(preprocess::SHARDS), &index)?,
            photo_folder: job.input(ingest::STAGE).join(ingest::PHOTOS),
            index: index.into_iter().map(|row| (row.file_name.clone(), row)).collect(),
            index_path,
            rows: LabelTable::read(&labelled.join(labels::LABEL_TABLE), &classes)?.rows,
            network,
            heads,
        })
    }

    /// Photos in a split.
    pub(crate) fn count(&self, split: Split) -> usize {
        self.rows.iter().filter(|row| row.split == split).count()
    }

    /// Whether any photo of a split has a label that one of the network's heads answers.
    pub(crate) fn has_labels(&self, split: Split) -> bool {
        let labelled = |row: &LabelRow| row.labels.iter().any(Option::is_some);
        self.rows.iter().any(|row| row.split == split && labelled(row))
    }

    /// The photos of a split, in the order of their names.
    pub(crate) fn photos(&self, split: Split) -> Result<Photos, Error> {
        let rows: Vec<_> = self.rows.iter().filter(|row| row.split == split).collect();
        let place = |row: &&LabelRow| {
            self.index.get(&row.file_name).cloned().ok_or_else(|| Error::NotIndexed {
                index: self.index_path.clone(),
                file_name: row.file_name.clone(),
            })
        };
        // Ids are checked against the classes when the table is read, so none is negative.
        let truth = |head: usize, row: &&LabelRow| row.labels[head].and_then(|id| usize::try_from(id).ok());
        Ok(Photos {
            split,
            file_names: rows.iter().map(|row| row.file_name.clone()).collect(),
            places: rows.iter().map(place).collect::<Result<_, _>>()?,
            truths: (0..self.heads.len())
                .map(|head| rows.iter().map(|row| truth(head, row)).collect())
                .collect(),
        })
    }
}

fn open_network(folder: &Path) -> Result<Network, Error> {
    let config: NetworkConfig = read_json(&folder.join(CONFIG))?;
    // The seed is of no consequence: every value is loaded, or it is an error.
    let network = Network::new(&config, 0)?;
    network.load(&folder.join(WEIGHTS))?;
    Ok(network)
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
        matching.push(head);
    }
    Ok(matching)
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    let text = std::fs::read_to_string(path).map_err(|e| Error::io("read", path, e))?;
    serde_json::from_str(&text).map_err(|source| Error::Json { path: path.to_owned(), source })
}
