//! What can go wrong with the store, and with a run of stages.

use std::io;
use std::path::PathBuf;

use marque_contracts::Failure;

use crate::lock::Holder;
use crate::reason::Reason;

/// What can go wrong with the store itself.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system refused; the message names the path.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Another process holds the lock.
    #[error("the store is in use{}", held_by(.holder))]
    InUse {
        /// The lock file.
        path: PathBuf,
        /// Who holds it, if that could be read.
        holder: Option<Holder>,
    },
    /// Another version of the program wrote the store.
    #[error(
        "{path} says that {} marque wrote this store, in format {found}; this one knows format {known}",
        if .found > .known { "a newer" } else { "an older" }
    )]
    Format {
        /// The store's `store.json`.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The format that this program knows.
        known: u32,
    },
    /// What should be the link to the current result is a folder or a file.
    #[error("{path} should be a link to the current result, and is {what}")]
    NotALink {
        /// Where the link should be.
        path: PathBuf,
        /// "a folder", "a file".
        what: &'static str,
    },
    /// What should be a folder of the store is something else.
    #[error("{path} should be a folder of the store, and is none")]
    NotAFolder {
        /// Where the folder should be.
        path: PathBuf,
    },
    /// A record of the store's own is not valid JSON, lacks fields, or contradicts itself.
    #[error("{path} is damaged: {reason}")]
    Record {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        reason: String,
    },
    /// The link to the current result leads to none.
    #[error("{path} {reason}")]
    Dangling {
        /// The link.
        path: PathBuf,
        /// What it leads to, as the rest of a sentence.
        reason: String,
    },
    /// An artifact holds a file whose name is not UTF-8.
    #[error("the file name {path:?} is not UTF-8")]
    FileName {
        /// The file.
        path: PathBuf,
    },
}

impl StoreError {
    /// What is wrong with a result that a run makes again, whatever is left of it; `None` if it is something else that
    /// failed.
    pub fn broken_result(&self) -> Option<Reason> {
        match self {
            Self::Record { reason, .. } => Some(Reason::Unreadable(reason.clone())),
            Self::Dangling { reason, .. } => Some(Reason::Dangling(reason.clone())),
            _ => None,
        }
    }
}

fn held_by(holder: &Option<Holder>) -> String {
    match holder {
        Some(Holder { pid, command, since }) => format!(" by process {pid} (`{command}`) since {since}"),
        None => String::from(" by another process"),
    }
}

/// Why a run stopped.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The store itself failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A stage failed.
    #[error("stage `{stage}` failed: {failure}")]
    Stage {
        /// The stage.
        stage: &'static str,
        /// Its error.
        #[source]
        failure: Failure,
    },
    /// An outside file of a stage cannot be read, so whether its result is stale is unknown.
    #[error("{failure}\n  so it is unknown whether the result of `{stage}` is stale")]
    UnknownStaleness {
        /// The stage.
        stage: &'static str,
        /// What is wrong with its source.
        #[source]
        failure: Failure,
        /// The stages asked for that come after it, which could read the result that is there.
        downstream: Vec<&'static str>,
    },
    /// A stage's input is missing.
    #[error("stage `{stage}` reads {what} of `{upstream}`, which is not there")]
    MissingInput {
        /// The stage.
        stage: &'static str,
        /// The stage whose result is missing.
        upstream: &'static str,
        /// What is missing of it: "the result", or a file.
        what: &'static str,
    },
    /// A file of a result is there and cannot be read, so that it is not known whether it is damaged.
    #[error("the result of `{stage}` cannot be read: {problem}")]
    UnreadableResult {
        /// The stage whose result it is.
        stage: &'static str,
        /// What the system says, with the path.
        problem: String,
    },
    /// A stage was asked to run alone, and its input is damaged.
    #[error("stage `{stage}` reads the result of `{upstream}`, which is damaged: {damage}")]
    DamagedInput {
        /// The stage.
        stage: &'static str,
        /// The stage whose result is damaged.
        upstream: &'static str,
        /// The first damaged file and what is wrong with it.
        damage: String,
    },
}
