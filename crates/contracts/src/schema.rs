//! Names of the files that pass between stages, and the records of the JSON ones. The columns of the
//! Parquet tables are in `marque-formats`, which reads and writes them.

mod preparation;

pub use preparation::{Crop, Filter, Fit, Preparation};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Files that `ingest` writes.
pub mod ingest {
    /// Stage name.
    pub const STAGE: &str = "ingest";
    /// Folder with the photos, under their own names.
    pub const PHOTOS: &str = "photos/";
    /// A row per photo: name, size, digest, width, height.
    pub const PHOTO_TABLE: &str = "photos.parquet";
    /// What was found: [`super::Dataset`].
    pub const DATASET: &str = "dataset.json";
    /// Folder with the annotation files as published, or with [`ANNOTATION_TABLE`] alone.
    pub const METADATA: &str = "metadata/";
    /// Annotations of every source that is not published in a layout of its own, in one table.
    pub const ANNOTATION_TABLE: &str = "metadata/table.parquet";
    /// A row per photo that is there more than once, byte for byte or nearly.
    pub const DUPLICATE_TABLE: &str = "duplicates.parquet";
    /// A row per file that was left out because it is no photo that can be decoded.
    pub const REJECTED_TABLE: &str = "rejected.parquet";
}

/// Files that `labels` writes.
pub mod labels {
    /// Stage name.
    pub const STAGE: &str = "labels";
    /// A row per photo: split, names, box, and per head a class and its id.
    pub const LABEL_TABLE: &str = "labels.parquet";
    /// A row per class name: how it was read, and what each head makes of it.
    pub const CLASS_TABLE: &str = "classes.parquet";
    /// A row per photo: the box to crop to. Apart from the labels, so that other heads do not redo pixels.
    pub const CROP_TABLE: &str = "crops.parquet";
    /// The heads: a list of [`super::Head`].
    pub const HEADS: &str = "heads.json";
    /// A row per class of each head: training photos, and its weight by each method.
    pub const WEIGHT_TABLE: &str = "weights.parquet";
    /// A row per photo of a group of duplicates that is in several splits or labelled in several ways.
    pub const LEAK_TABLE: &str = "leaks.parquet";
}

/// Files that `preprocess` writes.
pub mod preprocess {
    /// Stage name.
    pub const STAGE: &str = "preprocess";
    /// Folder with the tensor shards.
    pub const SHARDS: &str = "shards/";
    /// A row per photo: in which shard, at which row.
    pub const INDEX: &str = "index.parquet";
    /// How the photos were made, as a [`Preparation`](super::Preparation).
    pub const PREPARATION: &str = "preparation.json";
}

/// Files that `train` writes.
pub mod train {
    /// Stage name.
    pub const STAGE: &str = "train";
    /// Folder with the best model: `model.safetensors`, `config.json`, `preprocessor_config.json`.
    pub const MODEL: &str = "model/";
    /// A row per epoch.
    pub const HISTORY: &str = "history.parquet";
    /// The same rows as text.
    pub const HISTORY_CSV: &str = "history.csv";
    /// Folder with the same numbers as TensorBoard reads them.
    pub const TENSORBOARD: &str = "tensorboard/";
}

/// Files that `evaluate` writes.
pub mod evaluate {
    /// Stage name.
    pub const STAGE: &str = "evaluate";
    /// Every number of the report.
    pub const METRICS: &str = "metrics.json";
    /// A row per photo: per head the truth, the prediction and its probability.
    pub const PREDICTIONS: &str = "predictions.parquet";
    /// The report: one file that needs nothing else.
    pub const REPORT: &str = "report.html";
}

/// The five stages, in the order in which they run.
pub const STAGES: [&str; 5] =
    [ingest::STAGE, labels::STAGE, preprocess::STAGE, train::STAGE, evaluate::STAGE];

/// What `ingest` found: `dataset.json`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Dataset {
    /// How the annotations are laid out; decides which reader `labels` takes.
    pub layout: Layout,
    /// Number of photos.
    pub photos: u64,
}

/// Layouts of annotations that `labels` reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// `cars_train/`, `cars_test/` and the devkit's `cars_meta.mat`, `cars_train_annos.mat` and, where
    /// there is one, `cars_test_annos_withlabels.mat`.
    StanfordCars,
    /// `car_ims/` and `cars_annos.mat`, which holds names, boxes, classes and split of all photos.
    CarIms,
    /// One table for everything else: [`ingest::ANNOTATION_TABLE`].
    Table,
}

/// Which part of the data a photo belongs to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// Learnt from.
    Train,
    /// Held out of the training photos to choose the best epoch.
    Validation,
    /// Measured once, at the end.
    Test,
}

impl Split {
    /// All three, in order.
    pub const ALL: [Split; 3] = [Split::Train, Split::Validation, Split::Test];

    /// The word used in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Split::Train => "train",
            Split::Validation => "validation",
            Split::Test => "test",
        }
    }

    /// Reads the word used in tables.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|split| split.as_str() == word)
    }
}

/// How many answers a head gives.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HeadKind {
    /// Exactly one class.
    #[default]
    Single,
    /// Several classes, or none.
    Tags,
}

/// One question that the network answers: `heads.json` is a list of these.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Head {
    /// Name: a column of the label table.
    pub name: String,
    /// How many answers it gives.
    pub kind: HeadKind,
    /// Classes; the position is the class id.
    pub classes: Vec<String>,
    /// Photos per class, by split.
    pub counts: BTreeMap<Split, Vec<u64>>,
    /// Class weights from the training split, by method, each with a mean of 1 over the training photos.
    pub class_weights: ClassWeights,
}

/// Weights per class that make up for unequal counts.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct ClassWeights {
    /// Inverse frequency.
    pub inverse: Vec<f64>,
    /// Inverse effective number of samples, β = 0.999 (Cui et al. 2019, arXiv:1901.05555).
    pub effective: Vec<f64>,
}
