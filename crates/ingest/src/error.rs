//! Errors of the stage and of downloads, each with what to do about it.

use std::path::PathBuf;

use marque_contracts::counts::{self, counted};
use marque_contracts::{Failure, FailureKind};
use marque_fetch::Mismatch;
use marque_formats::RejectedRow;

use crate::archive;
use crate::distribution::Distribution;
use crate::paths::tidy;

/// Why photos and annotations cannot be imported or downloaded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file system refused; the message names the file.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// Files that are needed are not where they should be.
    #[error("{}", missing(.distributions, *.offline, .partial_copy.as_deref()))]
    Missing {
        /// The sets of files, of which one is needed.
        distributions: Vec<Distribution>,
        /// Whether they were not downloaded because of that.
        offline: bool,
        /// What there is of an alternative copy, in words.
        partial_copy: Option<String>,
    },
    /// Files could not be downloaded.
    #[error("{}", lines(.errors))]
    Fetch {
        /// What was wrong, file by file.
        errors: Vec<marque_fetch::Error>,
        /// The sets of files, of which one is needed, with what is missing now.
        distributions: Vec<Distribution>,
    },
    /// A file has another size than the published one.
    #[error("{} is not the published file: it has {found} bytes, expected {expected}", tidy(.path).display())]
    Length {
        /// The file.
        path: PathBuf,
        /// Its size.
        found: u64,
        /// Size as published.
        expected: u64,
        /// Whether an address is known of the published one.
        has_url: bool,
    },
    /// A file has other content than the published one.
    #[error("{} is not the published file: {mismatch}", tidy(.path).display())]
    Checksum {
        /// The file.
        path: PathBuf,
        /// Both digests.
        mismatch: Mismatch,
        /// Whether an address is known of the published one.
        has_url: bool,
    },
    /// An archive cannot be unpacked.
    #[error(transparent)]
    Archive(#[from] archive::Error),
    /// A folder, archive or table does not hold the data set that it should.
    #[error("{} is not {wanted}: {reason}", tidy(.path).display())]
    Layout {
        /// The folder, archive or table.
        path: PathBuf,
        /// What it should be.
        wanted: &'static str,
        /// What is there, or what is missing.
        reason: String,
    },
    /// What the settings name lies in a cache or a store.
    #[error("{} {reason}, and nothing of that is read as input", tidy(.path).display())]
    Cache {
        /// The folder, archive or table.
        path: PathBuf,
        /// Where it lies.
        reason: String,
    },
    /// Two parts of the data set hold different files of one name.
    #[error("{first} and {second} are different files, and both belong at {name}")]
    Conflict {
        /// The name.
        name: String,
        /// Where one comes from.
        first: String,
        /// Where the other comes from.
        second: String,
    },
    /// Rows of a table of the user's own cannot be used.
    #[error("{} has {}:{}", tidy(.table).display(), counted(problems.len() as u64, "row that cannot be used", "rows that cannot be used"), some(.problems))]
    Rows {
        /// The table.
        table: PathBuf,
        /// Place and what is wrong there.
        problems: Vec<String>,
    },
    /// Too many photos are missing or cannot be decoded.
    #[error("{} of {total} photos cannot be used, more than dataset.max_rejected = {allowed}:{}", rejected.len(), some(&rejected.iter().map(|row| format!("{}: {}", row.file_name, row.reason)).collect::<Vec<_>>()))]
    Rejected {
        /// Name and reason.
        rejected: Vec<RejectedRow>,
        /// The table that lists them all.
        list: PathBuf,
        /// Number of all files.
        total: usize,
        /// Share that is allowed.
        allowed: f64,
    },
    /// There is no photo at all.
    #[error("there is no photo in {}", tidy(.place).display())]
    Empty {
        /// Where they were looked for.
        place: PathBuf,
    },
    /// The embedded sample cannot be drawn.
    #[error("cannot draw the sample")]
    Sample(#[from] marque_sample::Error),
    /// A table cannot be read or written.
    #[error(transparent)]
    Table(#[from] marque_formats::Error),
}

/// How to download files by hand.
const BY_HAND: &str = "download the files in a browser or with `curl -LO`, and put them at exactly these places; \
                       the folder that an archive unpacks to will do as well";

impl Error {
    /// What to do about several sets of files that cannot be downloaded.
    pub fn hint_of_all(errors: &[Self]) -> Option<String> {
        let missing: Vec<_> = errors
            .iter()
            .filter_map(|error| match error {
                Self::Fetch { distributions, .. } => Some(listed(distributions)),
                _ => None,
            })
            .collect();
        if missing.is_empty() {
            return errors.first().and_then(Self::hint);
        }
        Some(format!(
            "what was downloaded so far is kept, and the next run resumes from there. By hand: {BY_HAND}:{}",
            missing.concat()
        ))
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Missing { offline: true, distributions, .. } => {
                let online = match distributions.iter().any(Distribution::is_downloadable) {
                    true => "without --offline they are downloaded. By hand: ",
                    false => "",
                };
                Some(format!("{online}{BY_HAND}. The sample, `make all` with no CONFIG, needs no files"))
            }
            Self::Missing { distributions, .. }
                if distributions.iter().any(Distribution::is_downloadable) =>
            {
                Some(format!("`marque fetch` downloads them. By hand: {BY_HAND}"))
            }
            Self::Missing { .. } => Some(format!(
                "{BY_HAND}, or set dataset.path to the folder that has them; \
                 dataset.source = \"sample\" needs no files"
            )),
            Self::Fetch { .. } => Self::hint_of_all(std::slice::from_ref(self)),
            Self::Length { has_url, .. } | Self::Checksum { has_url, .. } => {
                let again = match has_url {
                    true => "`marque fetch` sets it aside and downloads it again",
                    false => {
                        "no address is known of the published one: get it again where this one came from"
                    }
                };
                Some(format!(
                    "it is incomplete or another edition; {again}. If it is what you want, take its entry out of \
                     the configuration"
                ))
            }
            Self::Rejected { list, .. } => Some(format!(
                "replace these photos or take them out, or raise dataset.max_rejected; all of them are in {}",
                tidy(list).display()
            )),
            Self::Cache { .. } => Some(
                "copy the photos to a folder of their own, or take the file CACHEDIR.TAG away if it is wrong there"
                    .to_owned(),
            ),
            Self::Conflict { .. } => Some("keep one of the two".to_owned()),
            Self::Rows { .. } => Some("nothing was taken; correct the table and run again".to_owned()),
            _ => None,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let hint = error.hint();
        Failure::new(FailureKind::Data, error).with_hint(hint)
    }
}

fn missing(distributions: &[Distribution], offline: bool, partial_copy: Option<&str>) -> String {
    let offline = if offline { ", and nothing is downloaded offline" } else { "" };
    let what = match distributions {
        [only] => counted(only.missing.len() as u64, "file is missing", "files are missing"),
        _ => "the data set is missing".to_owned(),
    };
    let partial_copy = partial_copy.map_or_else(String::new, |copy| format!("\n  {copy}"));
    format!("{what}{offline}:{}{partial_copy}", listed(distributions))
}

/// The missing files of all distributions, by the word of the key that names these.
fn listed(distributions: &[Distribution]) -> String {
    if let [only] = distributions {
        return only.to_string();
    }
    let one = |(i, distribution): (usize, &Distribution)| {
        let lead = if i == 0 { "either" } else { "or" };
        format!("\n  {lead} the edition {:?}:{distribution}", distribution.name)
    };
    distributions.iter().enumerate().map(one).collect()
}

fn lines(errors: &[marque_fetch::Error]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// How many problems a message names.
const SHOWN: usize = 10;

fn some(problems: &[String]) -> String {
    counts::listed(problems, SHOWN).iter().map(|problem| format!("\n    {problem}")).collect()
}
