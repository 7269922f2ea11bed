//! Stage 2, `labels`: turns the annotations of a data set into label tables.
//!
//! **Reads** of `ingest`: `photos.parquet`, `dataset.json`, `duplicates.parquet` and the annotation files below
//! `metadata/`.
//!
//! **Writes** `labels.parquet` (a row per photo: split, names, box, a class per head), `classes.parquet` (a
//! row per class name: its parts, and the label of each head under either [`NameMatching`]),
//! `crops.parquet` (the boxes alone, so that other heads do not redo the pixels), `heads.json` and
//! `weights.parquet` (classes, counts and class weights per head) and `leaks.parquet` (duplicates in several
//! splits, or labelled in several ways).
//!
//! A class name is read as "Make Model Body Year" ([`ClassName`]); the heads of the configuration turn it
//! into classes ([`Rule`]), or take them from a column of the data set's own ([`ColumnRule`]). The official
//! split is kept unless [`SplitSource`] says otherwise; what is missing to it is held out of the training
//! photos by [`hold_out`], with all heads in equal proportion.

mod annotations;
mod class_name;
mod class_table;
mod column;
mod duplicates;
mod error;
mod head_names;
mod heads;
mod join;
mod keyword;
mod labelled_photos;
mod matching;
mod report;
mod rules;
mod settings;
mod split;
mod splits;
mod stage;
mod weights;

pub use annotations::{Annotation, Annotations, read_annotations};
pub use class_name::ClassName;
pub use column::{ColumnRule, TagSyntax};
pub use error::Error;
pub use matching::NameMatching;
pub use rules::{Classifier, Rule};
pub use settings::{Duplicates, HeadDefinition, HeadRule, OnLeak, Settings, SplitSource, TEST, VALIDATION};
pub use split::{Candidate, hold_out};
pub use stage::Labels;
pub use weights::{class_weights, tag_weights};
