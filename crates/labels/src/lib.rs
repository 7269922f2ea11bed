//! Stage 2, `labels`: turns the annotations of a data set into label tables.
//!
//! **Reads** of `ingest`: `photos.parquet`, `dataset.json` and the annotation files below `metadata/`.
//!
//! **Writes** `labels.parquet` (a row per photo: split, names, box, a class per head), `classes.parquet` (a
//! row per class name: how it was read, and what each head makes of it under either [`Reading`]),
//! `crops.parquet` (the boxes alone, so that other heads do not redo the pixels) and `heads.json` (classes,
//! counts and class weights per head).
//!
//! A class name is read as "Make Model Body Year" ([`ClassName`]); the heads of the configuration turn it
//! into classes ([`Rule`]). The official split is kept; photos for validation are held out of the training
//! photos by [`hold_out`], with all heads in equal proportion.

mod annotations;
mod class_name;
mod class_table;
mod error;
mod keyword;
mod rules;
mod settings;
mod split;
mod stage;
mod weights;

pub use annotations::{Annotation, Annotations, read_annotations};
pub use class_name::ClassName;
pub use error::Error;
pub use rules::{Classifier, Reading, Rule};
pub use settings::{HeadSettings, Settings};
pub use split::{Candidate, hold_out};
pub use stage::Labels;
pub use weights::class_weights;
