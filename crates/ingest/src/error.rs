use std::fmt;
use std::path::{Path, PathBuf};

use marque_contracts::{Failure, FailureKind};
use marque_fetch::Mismatch;
use marque_formats::RejectedRow;

use crate::archive::Refusal;
use crate::edition::{Edition, tidy};

/// Why photos and annotations cannot be brought in.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file system refused.
    #[error("cannot {action} {path}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Files that are needed are not where they should be.
    #[error("{}", missing(.editions, *.offline, .beside.as_deref()))]
    Missing {
        /// The sets of files, of which one is needed.
        editions: Vec<Edition>,
        /// Whether that is why they were not downloaded.
        offline: bool,
        /// What there is of a copy that is none of these sets.
        beside: Option<String>,
    },
    /// Files could not be downloaded.
    #[error("{}", lines(.errors))]
    Fetch {
        /// What was wrong, file by file.
        errors: Vec<marque_fetch::Error>,
        /// The sets of files, of which one is needed, with what is missing now.
        editions: Vec<Edition>,
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
        to_be_had: bool,
    },
    /// A file has other content than the published one.
    #[error("{} is not the published file: {mismatch}", tidy(.path).display())]
    Checksum {
        /// The file.
        path: PathBuf,
        /// Both digests.
        mismatch: Mismatch,
        /// Whether an address is known of the published one.
        to_be_had: bool,
    },
    /// An archive cannot be read, or holds what does not belong in one.
    #[error("refused to unpack {}: {refusal}", tidy(.archive).display())]
    Archive {
        /// The archive.
        archive: PathBuf,
        /// What is wrong with it.
        refusal: Refusal,
    },
    /// What is there is no data set that can be read.
    #[error("{} is not {wanted}: {reason}", tidy(.path).display())]
    Layout {
        /// The folder, archive or table.
        path: PathBuf,
        /// What it should be.
        wanted: &'static str,
        /// What is there, or what is missing.
        reason: String,
    },
    /// Two parts of the data set hold different files of one name.
    #[error("{first} and {second} hold different files called {name}")]
    Conflict {
        /// The name.
        name: String,
        /// Where one comes from.
        first: String,
        /// Where the other comes from.
        second: String,
    },
    /// Rows of a table of the user's own cannot be used.
    #[error("{} has {}:{}", tidy(.table).display(), count(problems.len(), "row that cannot be used", "rows that cannot be used"), some(.problems))]
    Rows {
        /// The table.
        table: PathBuf,
        /// Place and what is wrong there.
        problems: Vec<String>,
    },
    /// Too many photos are not there, or are none that can be decoded.
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

/// What to do with files that are to be had by hand.
const BY_HAND: &str = "download the files in a browser or with `curl -LO`, and put them at exactly these places; \
                       the folder that an archive unpacks to will do as well";

impl Error {
    pub(crate) fn io(action: &'static str, path: &Path, source: std::io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), source }
    }

    /// What to do about several files that cannot be had, found in one go.
    pub fn hint_of_all(errors: &[Self]) -> Option<String> {
        let editions: Vec<_> = errors
            .iter()
            .filter_map(|error| match error {
                Self::Fetch { editions, .. } => Some(listed(editions)),
                _ => None,
            })
            .collect();
        if editions.is_empty() {
            return errors.first().and_then(Self::hint);
        }
        Some(format!(
            "what came so far is kept, and the next run goes on from there. By hand: {BY_HAND}:{}",
            editions.concat()
        ))
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Missing { offline: true, editions, .. } => {
                let reach = match editions.iter().any(Edition::is_within_reach) {
                    true => "without --offline they are downloaded. By hand: ",
                    false => "",
                };
                Some(format!("{reach}{BY_HAND}. The sample, `make all` with no CONFIG, needs no files"))
            }
            Self::Missing { editions, .. } if editions.iter().any(Edition::is_within_reach) => {
                Some(format!("`marque fetch` downloads them. By hand: {BY_HAND}"))
            }
            Self::Missing { .. } => Some(format!(
                "{BY_HAND}, or set dataset.path to the folder that has them; \
                 dataset.source = \"sample\" needs no files"
            )),
            Self::Fetch { .. } => Self::hint_of_all(std::slice::from_ref(self)),
            Self::Length { to_be_had, .. } | Self::Checksum { to_be_had, .. } => {
                let again = match to_be_had {
                    true => "`marque fetch` sets it aside and downloads it again",
                    false => "no address is known of the published one: get it anew where this one came from",
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
            Self::Conflict { .. } => Some("keep one of the two".to_owned()),
            Self::Rows { .. } => Some("nothing was taken; correct the table and run again".to_owned()),
            _ => None,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let hint = error.hint();
        let failure = Failure::new(FailureKind::Data, error);
        match hint {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }
}

/// A number and the word that goes with it.
pub(crate) fn count(n: usize, one: &str, many: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {many}") }
}

fn missing(editions: &[Edition], offline: bool, beside: Option<&str>) -> String {
    let offline = if offline { ", and nothing is downloaded offline" } else { "" };
    let files = editions.first().map_or(0, |edition| edition.missing.len());
    let what = match editions {
        [_] => count(files, "file is missing", "files are missing"),
        _ => "the data set is missing".to_owned(),
    };
    let beside = beside.map_or_else(String::new, |beside| format!("\n  {beside}"));
    format!("{what}{offline}:{}{beside}", listed(editions))
}

/// The missing files of all editions.
fn listed(editions: &[Edition]) -> String {
    if let [only] = editions {
        return only.to_string();
    }
    let one = |(i, edition): (usize, &Edition)| {
        let lead = if i == 0 { "either" } else { "or" };
        format!("\n  {lead} the edition {:?}:{edition}", edition.name)
    };
    editions.iter().enumerate().map(one).collect()
}

fn lines(errors: &[marque_fetch::Error]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// How many problems a message names.
const SHOWN: usize = 10;

fn some(problems: &[String]) -> impl fmt::Display {
    let mut text: String = problems.iter().take(SHOWN).map(|problem| format!("\n    {problem}")).collect();
    if problems.len() > SHOWN {
        text.push_str(&format!("\n    and {} more", problems.len() - SHOWN));
    }
    text
}
