use std::fmt;
use std::path::{Path, PathBuf};

use marque_contracts::{Failure, FailureKind};

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
    /// Files of the data set are not where they should be.
    #[error("{} not in {folder}:{}", count(.missing.len(), "file of the data set is", "files of the data set are"), list(.missing))]
    Missing {
        /// The folder that `dataset.path` names.
        folder: PathBuf,
        /// What is missing.
        missing: Vec<Missing>,
    },
    /// A file is not the published one.
    #[error("{path} is not the published file: its {algorithm} is {found}, expected {expected}")]
    Checksum {
        /// The file.
        path: PathBuf,
        /// `md5` or `sha256`.
        algorithm: &'static str,
        /// Digest of what is there.
        found: String,
        /// Digest as published.
        expected: String,
    },
    /// An archive cannot be read, or holds what does not belong in one.
    #[error("refused to unpack {archive}: {reason}")]
    Archive {
        /// The archive.
        archive: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Files are no photos that can be decoded.
    #[error("{} cannot be decoded:{}", count(.broken.len(), "photo", "photos"), broken_list(.broken))]
    Photos {
        /// Name and reason.
        broken: Vec<(String, String)>,
    },
    /// There is no photo at all.
    #[error("there is no photo in {folder}")]
    Empty {
        /// Where they were looked for.
        folder: PathBuf,
    },
    /// The embedded sample cannot be drawn.
    #[error("cannot draw the sample")]
    Sample(#[from] marque_sample::Error),
    /// A table cannot be written.
    #[error(transparent)]
    Table(#[from] marque_formats::Error),
}

/// A file that is missing, and where it can be had.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Missing {
    /// Its name.
    pub name: String,
    /// Addresses at which it is published.
    pub urls: Vec<String>,
}

impl Error {
    pub(crate) fn io(action: &'static str, path: &Path, source: std::io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), source }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Missing { folder, .. } => Some(format!(
                "put the files into {} by hand, or set dataset.path to the folder that has them; \
                 dataset.source = \"sample\" needs no files",
                folder.display()
            )),
            Self::Checksum { path, .. } => {
                Some(format!("{} is incomplete or another edition: fetch it again", path.display()))
            }
            Self::Photos { .. } => Some("replace or remove these files, then run again".to_owned()),
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

fn count(n: usize, one: &str, many: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {many}") }
}

fn list(missing: &[Missing]) -> String {
    let line = |file: &Missing| {
        let urls = file.urls.iter().map(|url| format!("\n      {url}")).collect::<String>();
        format!("\n    {}{urls}", file.name)
    };
    missing.iter().map(line).collect()
}

/// How many broken photos a message names.
const SHOWN: usize = 10;

fn broken_list(broken: &[(String, String)]) -> impl fmt::Display {
    let mut text: String =
        broken.iter().take(SHOWN).map(|(name, reason)| format!("\n    {name}: {reason}")).collect();
    if broken.len() > SHOWN {
        text.push_str(&format!("\n    and {} more", broken.len() - SHOWN));
    }
    text
}
