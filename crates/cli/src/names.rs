//! Names that the command line knows: stages and tables.

use marque_contracts::schema::{STAGES, evaluate, ingest, labels, preprocess, train};

/// Tables that `inspect` and `sql` know: name, stage, and file in the stage's result.
pub(crate) const TABLES: [(&str, &str, &str); 12] = [
    ("labels", labels::STAGE, labels::LABEL_TABLE),
    ("classes", labels::STAGE, labels::CLASS_TABLE),
    ("weights", labels::STAGE, labels::WEIGHT_TABLE),
    ("leaks", labels::STAGE, labels::LEAK_TABLE),
    ("crops", labels::STAGE, labels::CROP_TABLE),
    ("photos", ingest::STAGE, ingest::PHOTO_TABLE),
    ("duplicates", ingest::STAGE, ingest::DUPLICATE_TABLE),
    ("rejected", ingest::STAGE, ingest::REJECTED_TABLE),
    ("index", preprocess::STAGE, preprocess::INDEX),
    ("history", train::STAGE, train::HISTORY),
    ("predictions", evaluate::STAGE, evaluate::PREDICTIONS),
    ("suspects", evaluate::STAGE, evaluate::SUSPECTS),
];

/// The stages, for help and hints.
pub(crate) fn stage_names() -> String {
    STAGES.map(|stage| stage.to_string()).join(", ")
}

/// The tables, for help and hints.
pub(crate) fn table_names() -> String {
    TABLES.map(|(name, ..)| name).join(", ")
}
