//! Errors of the stage, and what to do about them.

use std::path::PathBuf;

use marque_contracts::counts::counted;
use marque_contracts::schema::MODEL_YEARS;
use marque_contracts::{Failure, FailureKind};
use marque_settings::nearest;

/// Why the label tables cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A table cannot be read or written.
    #[error(transparent)]
    Table(#[from] marque_formats::Error),
    /// An annotation file cannot be read.
    #[error("cannot read the annotations")]
    Mat(#[from] marque_mat5::Error),
    /// The file system refused, or a JSON file does not hold what it should; the error names the file.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// An annotation file that the layout needs is not there.
    #[error("the data set has no {file} (looked in {folder} and below)")]
    Missing {
        /// The file.
        file: &'static str,
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// An annotation file is there twice.
    #[error("the data set has two files {file}: {first} and {second}")]
    Ambiguous {
        /// The file.
        file: &'static str,
        /// One of them.
        first: PathBuf,
        /// Another.
        second: PathBuf,
    },
    /// The content of an annotation file is not valid.
    #[error("{path}: {reason}")]
    Annotation {
        /// The file.
        path: PathBuf,
        /// Which entry, and what is wrong with it.
        reason: String,
    },
    /// Cells of the column `year` in the data set's own table are not model years.
    #[error(
        "the column `year` of your table must be a whole number from {} to {}, or empty; it is not for\n  {years}",
        MODEL_YEARS.start(), MODEL_YEARS.end()
    )]
    Years {
        /// The photos, each with its value.
        years: String,
    },
    /// Annotations and photos have no name in common.
    #[error(
        "none of the {annotations} annotations is about one of the {photos} photos \
             (an annotated name: {annotated}; a photo: {photo})"
    )]
    Unmatched {
        /// Number of annotations.
        annotations: usize,
        /// Number of photos.
        photos: usize,
        /// A name that is annotated.
        annotated: String,
        /// A name of a photo.
        photo: String,
    },
    /// No make has enough photos for a class of its own.
    #[error("head `{head}`: no make has {}; the largest has {largest}", photos(*.min_images))]
    NoMake {
        /// The head.
        head: String,
        /// Photos that a make needs.
        min_images: u64,
        /// Photos of the largest make.
        largest: u64,
    },
    /// A head names a column that the data set does not have.
    #[error("head `{head}`: the data set has no column `{column}`; it has {}", there.join(", "))]
    NoColumn {
        /// The head.
        head: String,
        /// The column it names.
        column: String,
        /// The columns that are there.
        there: Vec<String>,
    },
    /// A column has no value in any photo.
    #[error("head `{head}`: the column `{column}` is empty in every photo")]
    EmptyColumn {
        /// The head.
        head: String,
        /// The column.
        column: String,
    },
    /// No value of a column has enough photos for a class of its own.
    #[error(
        "head `{head}`: no value of the column `{column}` has {}; the largest has {largest}",
        photos(*.min_images)
    )]
    NoValue {
        /// The head.
        head: String,
        /// The column.
        column: String,
        /// Photos that a value needs.
        min_images: u64,
        /// Photos of the largest value.
        largest: u64,
    },
    /// A value is none of the classes listed.
    #[error("head `{head}`: {photo} has {value:?}, which is none of the classes")]
    NoClass {
        /// The head.
        head: String,
        /// The value.
        value: String,
        /// The first photo that has it.
        photo: String,
        /// The class that differs from it in nothing but letter case or accents.
        alike: Option<String>,
    },
    /// A column has lists, and the head takes one class a photo.
    #[error("head `{head}`: {photo} has several values in the column `{column}`: {values}")]
    SeveralClasses {
        /// The head.
        head: String,
        /// The column.
        column: String,
        /// The first photo that has several.
        photo: String,
        /// Its values.
        values: String,
    },
    /// Duplicates are in several splits, and `on_leak = "error"`.
    #[error("{groups} of duplicate photos cross the splits, as {examples}")]
    Leaks {
        /// How many: "1 group", "3 groups".
        groups: String,
        /// The first few of them.
        examples: String,
    },
}

fn photos(count: u64) -> String {
    counted(count, "photo", "photos")
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let hint = match &error {
            Error::NoMake { largest: 0, .. } => Some(
                "no photo's make is known: the data set has neither class names nor a column `make`".to_owned(),
            ),
            Error::NoMake { head, largest, .. } => {
                Some(format!("set min_images of the head `{head}` to {largest} or less"))
            }
            Error::NoValue { head, largest, .. } => {
                Some(format!("set min_images of the head `{head}` to {largest} or less"))
            }
            Error::NoColumn { head, column, there } => {
                let how = format!("with `column` of the head `{head}`");
                Some(match nearest(column, there.iter().map(String::as_str)) {
                    Some(near) => format!("did you mean `{near}`? Name it {how}"),
                    None => format!("name one of them {how}"),
                })
            }
            Error::NoClass { alike: Some(class), head, .. } => Some(format!(
                "did you mean `{class}`? Write it in one way, in the data set and in `classes` of the head `{head}`"
            )),
            Error::SeveralClasses { head, .. } => {
                Some(format!("a head of several tags a photo has kind = \"tags\": set it for the head `{head}`"))
            }
            Error::NoClass { head, .. } => Some(format!(
                "add it to `classes` of the head `{head}`, correct it, or name a class for the rest with `other`"
            )),
            Error::Leaks { .. } => Some(
                "set on_leak = \"drop-from-train\" to leave such photos out of training, or split = \"grouped\" \
                 to draw the splits anew with duplicates together"
                    .to_owned(),
            ),
            Error::Missing { .. } | Error::Ambiguous { .. } => {
                Some("check [dataset] and run `marque run ingest --force`".to_owned())
            }
            Error::Mat(_) | Error::Annotation { .. } => {
                Some("the annotation files must be those published with the photos".to_owned())
            }
            Error::Unmatched { .. } => Some(
                "the annotations must be those of these photos: file names count with their folders".to_owned(),
            ),
            Error::Years { .. } => Some(
                "correct these cells of the table that [dataset] names, or leave them empty: then the year is not known"
                    .to_owned(),
            ),
            _ => None,
        };
        let kind = match &error {
            Error::NoMake { .. } | Error::NoValue { .. } | Error::NoColumn { .. } => FailureKind::Settings,
            _ => FailureKind::Data,
        };
        Failure::new(kind, error).with_hint(hint)
    }
}
