//! The stages, the names of the files that pass between them, and the records of the JSON ones. The columns of the
//! Parquet tables are in `marque-formats`, which reads and writes them.

mod crop;
mod head;
mod normalisation;
mod prediction_columns;
mod preparation;
mod preprocessor;
mod rectangle;
pub mod stanford_cars;
mod text;

pub use crop::{BoxFit, Crop};
pub use head::{ClassWeights, Head, HeadKind, Label};
pub use normalisation::Normalisation;
pub use prediction_columns::PredictionColumns;
pub use preparation::{Filter, Fit, Preparation};
pub use preprocessor::Preprocessor;
pub use rectangle::Rectangle;
pub use text::{Spellings, folded, normalised};

use std::fmt;

use serde::{Deserialize, Serialize};

/// Model years that a car can be of.
pub const MODEL_YEARS: std::ops::RangeInclusive<i64> = 1885..=2100;

/// A model year as people and spreadsheets write it: "2012", "2012.0".
pub fn model_year(text: &str) -> Option<i64> {
    let text = normalised(text);
    let digits = text.strip_suffix(".0").unwrap_or(&text);
    digits.parse().ok().filter(|year| MODEL_YEARS.contains(year))
}

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
    /// In it, where photos have boxes, shards with whole photos, in the rows of the cut ones.
    pub const WHOLE: &str = "shards/whole/";
    /// Height and width of these, in pixels: for a locator, which says where the car is.
    pub const WHOLE_SIZE: usize = 128;
    /// A row per photo: where in it the box is.
    pub const BOXES: &str = "boxes.parquet";
    /// A row per photo: in which shard, at which row.
    pub const INDEX: &str = "index.parquet";
    /// How the photos were made, as a [`Preparation`](super::Preparation).
    pub const PREPARATION: &str = "preparation.json";
}

/// Files that `features` writes.
pub mod features {
    /// Stage name.
    pub const STAGE: &str = "features";
    /// Folder with the activations of the frozen stages of the backbone, a file per shard.
    pub const FEATURES: &str = "features/";
    /// Shapes and views of the activations.
    pub const RECORD: &str = "features.json";
}

/// Files of a model's folder, as Hugging Face names them.
pub mod model {
    /// Weights, under torchvision's names.
    pub const WEIGHTS: &str = "model.safetensors";
    /// Backbone, heads and their classes.
    pub const CONFIG: &str = "config.json";
    /// How photos become pixels: a [`Preprocessor`](super::Preprocessor).
    pub const PREPROCESSOR: &str = "preprocessor_config.json";
    /// What the model learnt of its own answers from the validation photos; not there if there were none.
    pub const CALIBRATION: &str = "calibration.json";
    /// What photos that were learnt from look like to the network, which tells unlike ones; not there if there were no validation
    /// photos.
    pub const FAMILIARITY: &str = "familiarity.safetensors";
    /// Folder with the weights and `config.json` of the locator, which says where the car is in photos without a box; not there if
    /// photos are not cut, or none had a box.
    pub const LOCATOR: &str = "locator/";
    /// In it, what is added to the edges of boxes that were found.
    pub const CORRECTION: &str = "correction.json";
    /// What a graph calls its input, the pixels; its outputs have the names of heads.
    pub const INPUT: &str = "pixel_values";
}

/// Files that `train` writes.
pub mod train {
    /// Stage name.
    pub const STAGE: &str = "train";
    /// Folder with the best model: the files of [`model`](super::model).
    pub const MODEL: &str = "model/";
    /// A row per epoch.
    pub const HISTORY: &str = "history.parquet";
    /// The same rows as text.
    pub const HISTORY_CSV: &str = "history.csv";
    /// Shards with the best model's pooled features of the training and validation photos.
    pub const POOLED_FEATURES: &str = "pooled_features/";
    /// Where in them each photo is.
    pub const POOLED_INDEX: &str = "pooled_features.parquet";
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
    /// A row per head and photo, those first whose label looks wrong.
    pub const SUSPECTS: &str = "suspects.parquet";
    /// The report: one file that needs nothing else.
    pub const REPORT: &str = "report.html";
}

/// A stage of the pipeline, whether the configuration at hand has it or not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KnownStage {
    /// Its name.
    pub name: &'static str,
    /// The setting that switches it on; `None` if every configuration has the stage.
    pub optional: Option<&'static str>,
    /// Files that a failed run leaves beside its results, for the user to read.
    pub beside: &'static [&'static str],
}

impl fmt::Display for KnownStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.optional {
            Some(setting) => write!(f, "{} (with {setting})", self.name),
            None => f.write_str(self.name),
        }
    }
}

/// All stages, in the order in which they run.
pub const STAGES: [KnownStage; 6] = [
    KnownStage { name: ingest::STAGE, optional: None, beside: &[ingest::REJECTED_TABLE] },
    KnownStage { name: labels::STAGE, optional: None, beside: &[] },
    KnownStage { name: preprocess::STAGE, optional: None, beside: &[] },
    KnownStage { name: features::STAGE, optional: Some("train.cache_features"), beside: &[] },
    KnownStage { name: train::STAGE, optional: None, beside: &[] },
    KnownStage { name: evaluate::STAGE, optional: None, beside: &[] },
];

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
    /// Folders `cars_train/` and `cars_test/`, and the devkit: [`stanford_cars::CLASS_NAMES`],
    /// [`stanford_cars::TRAIN`] and, where there is one, [`stanford_cars::TEST`].
    StanfordCars,
    /// Folder `car_ims/` and [`stanford_cars::ALL`], which holds names, boxes, classes and split of all photos.
    CarIms,
    /// One table for everything else: [`ingest::ANNOTATION_TABLE`].
    Table,
}

/// Which part of the data a photo belongs to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// Trained on.
    Train,
    /// Held out of the training photos, to choose the best epoch.
    Validation,
    /// Evaluated once, at the end.
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
