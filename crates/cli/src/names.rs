//! Names that the command line knows: stages and tables.

use marque_contracts::schema::{STAGES, evaluate, ingest, labels, preprocess, train};

/// A table that `inspect` and `sql` know.
pub(crate) struct KnownTable {
    pub(crate) name: &'static str,
    pub(crate) stage: &'static str,
    /// The file in the stage's result.
    pub(crate) file: &'static str,
}

/// All tables.
pub(crate) const TABLES: [KnownTable; 11] = [
    table("labels", labels::STAGE, labels::LABEL_TABLE),
    table("classes", labels::STAGE, labels::CLASS_TABLE),
    table("weights", labels::STAGE, labels::WEIGHT_TABLE),
    table("leaks", labels::STAGE, labels::LEAK_TABLE),
    table("crops", labels::STAGE, labels::CROP_TABLE),
    table("photos", ingest::STAGE, ingest::PHOTO_TABLE),
    table("duplicates", ingest::STAGE, ingest::DUPLICATE_TABLE),
    table("rejected", ingest::STAGE, ingest::REJECTED_TABLE),
    table("index", preprocess::STAGE, preprocess::INDEX),
    table("history", train::STAGE, train::HISTORY),
    table("predictions", evaluate::STAGE, evaluate::PREDICTIONS),
];

const fn table(name: &'static str, stage: &'static str, file: &'static str) -> KnownTable {
    KnownTable { name, stage, file }
}

/// The stages, for help and hints.
pub(crate) fn stage_names() -> String {
    STAGES.map(|stage| stage.to_string()).join(", ")
}

/// The tables, for help and hints.
pub(crate) fn table_names() -> String {
    TABLES.map(|table| table.name).join(", ")
}
