//! What can stop the program, and the exit code it ends with.

use std::path::Path;

use marque_contracts::counts::counted;
use marque_contracts::disk::{is_forbidden, is_full};
use marque_contracts::schema::{STAGES, train};
use marque_contracts::{Failure, FailureKind, json};
use marque_settings::{DocumentError, Problems};
use marque_store::{RECORD, RunError, StoreError};

use crate::names::{stage_names, table_names};

/// What to do about a full disk.
const FULL: &str = "free some space, or raise the quota or the limit on the size of files (`ulimit -f`), and run again: \
                    nothing that was finished is lost, and an interrupted stage goes on from there";

/// What can stop the program.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Document(#[from] DocumentError),
    #[error("the configuration has {}:\n{_0}", counted(_0.0.len() as u64, "problem", "problems"))]
    Problems(#[from] Problems),
    #[error("there is no stage `{0}`")]
    NoSuchStage(String),
    #[error("{0}")]
    Usage(String),
    #[error("there is no table `{0}`")]
    NoSuchTable(String),
    /// Columns, each with the reason why it makes no head.
    #[error("nothing tells the photos apart: no column makes a head{}", _0.iter().map(|(column, why)| format!("\n  {column}: {why}")).collect::<String>())]
    NoHeads(Vec<(String, String)>),
    #[error("`{0}` has no result yet")]
    NoResult(&'static str),
    #[error("the result of `{0}` is not the one that this configuration asks for")]
    Outdated(&'static str),
    #[error("the table `{0}` has not been written yet")]
    NoTable(String),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Inspect(#[from] marque_inspect::Error),
    #[error("{}", .errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Files {
        errors: Vec<marque_ingest::Error>,
        /// The stages asked for that could read the results that are there.
        downstream: Vec<&'static str>,
    },
    #[error(transparent)]
    Ingest(#[from] marque_ingest::Error),
    #[error("{} not what was written", counted(*.count as u64, "file or record in use is", "files or records in use are"))]
    Damaged {
        count: usize,
        /// Whether something stands where a link or folder of the store should be.
        misplaced: bool,
    },
    #[error("the result of `{stage}` is damaged: {damage}")]
    DamagedResult {
        stage: &'static str,
        /// The first damaged file and what is wrong with it.
        damage: String,
    },
    #[error(transparent)]
    Train(#[from] marque_train::Error),
    #[error(transparent)]
    Export(#[from] marque_export::Error),
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("the network could not be timed")]
    Network(#[from] marque_network::Error),
    #[error("{}", .0.join("\n"))]
    MissingPhotos(Vec<String>),
    #[error("standard input cannot be read")]
    Input(#[source] std::io::Error),
    #[error("{}", counted(*.0 as u64, "photo has no answer", "photos have no answer"))]
    Unanswered(usize),
    #[error(transparent)]
    Failed(Failure),
    #[error(transparent)]
    Format(#[from] marque_formats::Error),
    #[error("the output cannot be written")]
    Output(#[source] std::io::Error),
    #[error("the threads cannot be started")]
    Threads(#[from] rayon::ThreadPoolBuildError),
}

impl Error {
    /// A failure of training outside the pipeline, with the hint and exit code that it has inside.
    pub(crate) fn of_training(error: marque_train::Error) -> Self {
        RunError::Stage { stage: train::STAGE, failure: error.into() }.into()
    }

    /// Whether what failed is that there was no room.
    fn is_full(&self) -> bool {
        match self {
            Error::Files { errors, .. } => errors.iter().any(|error| is_full(error)),
            _ => is_full(self),
        }
    }

    pub(crate) fn exit_code(&self) -> u8 {
        if self.is_full() {
            return 7;
        }
        match self {
            Error::NoSuchStage(_) | Error::NoSuchTable(_) | Error::Usage(_) => 2,
            Error::Io(error) if json::is_damage(error) => 5,
            Error::Document(_) | Error::Problems(_) => 3,
            Error::NoResult(_)
            | Error::Outdated(_)
            | Error::NoTable(_)
            | Error::NoHeads(_)
            | Error::Files { .. }
            | Error::Ingest(_)
            | Error::Train(_)
            | Error::Export(_)
            | Error::MissingPhotos(_)
            | Error::Unanswered(_)
            | Error::Format(_)
            | Error::Io(_) => 4,
            Error::Inspect(
                marque_inspect::Error::Query { .. }
                | marque_inspect::Error::UnknownTable { .. }
                | marque_inspect::Error::Unknown { .. }
                | marque_inspect::Error::NoPhotos
                | marque_inspect::Error::TooTall { .. }
                | marque_inspect::Error::Picture { .. },
            ) => 2,
            Error::Inspect(_) | Error::Damaged { .. } | Error::DamagedResult { .. } | Error::Store(_) => 5,
            Error::Run(RunError::Stage { failure, .. } | RunError::UnknownStaleness { failure, .. }) => {
                exit_code_of(failure)
            }
            Error::Failed(failure) => exit_code_of(failure),
            Error::Run(_) => 5,
            Error::Network(_) => 6,
            Error::Output(_) | Error::Input(_) | Error::Threads(_) => 1,
        }
    }

    /// The errors behind this one, outermost first.
    pub(crate) fn causes(&self) -> Vec<String> {
        causes_of(self)
    }

    /// What to do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        if self.is_full() {
            return Some(FULL.to_owned());
        }
        match self {
            Error::Document(DocumentError::Read { path, .. }) => Some(format!(
                "run marque in the folder that has {}, or name another file with --config",
                path.display()
            )),
            Error::NoSuchStage(name) => {
                let known = STAGES.iter().find(|stage| stage.name == name);
                Some(match known.and_then(|stage| stage.optional) {
                    Some(setting) => format!("it is a stage only where {setting} is on"),
                    None => format!("the stages are {}", stage_names()),
                })
            }
            Error::NoSuchTable(_) | Error::Inspect(marque_inspect::Error::UnknownTable { .. }) => {
                Some(format!("the tables are {}", table_names()))
            }
            Error::Inspect(marque_inspect::Error::Unknown { what: "column", .. }) => Some(
                "columns stand without quotes or in double ones, text in single ones: type = 'SUV'"
                    .to_owned(),
            ),
            Error::Inspect(marque_inspect::Error::TooTall { fitting, .. }) => {
                Some(format!("`--limit {fitting}` and less fit; `--where` chooses which photos"))
            }
            Error::NoTable(_) => Some("`marque run` writes the tables".to_owned()),
            Error::NoHeads(_) => Some(
                "a head needs a column in which at least two values come again; `[[heads]]` in docs/configuration.md has \
                 what can be declared by hand"
                    .to_owned(),
            ),
            Error::NoResult(stage) | Error::Outdated(stage) => {
                Some(format!("run `marque run {stage}` first"))
            }
            Error::Store(error) | Error::Run(RunError::Store(error)) => store_hint(error),
            Error::Files { errors, downstream } => {
                or_only(marque_ingest::Error::hint_of_all(errors), downstream)
            }
            Error::Ingest(error) => error.hint(),
            Error::Damaged { misplaced: false, .. } => {
                Some("`marque run STAGE --force` makes a damaged result again".to_owned())
            }
            Error::Damaged { misplaced: true, .. } => Some(
                "move what stands in the place of a link or folder out of the store; \
                 `marque run STAGE --force` makes a damaged result again"
                    .to_owned(),
            ),
            Error::DamagedResult { stage, .. } => {
                Some(format!("`marque run {stage} --force` makes it again"))
            }
            Error::Run(RunError::Stage { failure, .. }) | Error::Failed(failure) => {
                failure.hint().map(str::to_owned)
            }
            Error::Run(RunError::UnknownStaleness { failure, downstream, .. }) => {
                or_only(failure.hint().map(str::to_owned), downstream)
            }
            Error::Run(RunError::UnreadableResult { stage, .. }) => Some(format!(
                "nothing was changed: look at its permissions, the disk, and the limit on open files (`ulimit -n`), and \
                 run again; `marque run {stage} --force` makes it anew"
            )),
            Error::Run(RunError::MissingInput { upstream, what: "the result", .. }) => {
                Some(format!("run `marque run {upstream}` first, or leave --only away"))
            }
            Error::Run(RunError::MissingInput { upstream, .. } | RunError::DamagedInput { upstream, .. }) => {
                Some(format!("run `marque run {upstream} --force` first, or leave --only away"))
            }
            _ => None,
        }
    }
}

/// The errors behind one, outermost first.
pub(crate) fn causes_of(error: &dyn std::error::Error) -> Vec<String> {
    let mut causes = Vec::new();
    let mut last = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        let text = error.to_string();
        // A wrapper that shows its cause has said it already.
        if !last.contains(&text) {
            causes.push(text.clone());
        }
        last = text;
        next = error.source();
    }
    causes
}

/// With the hint and exit code that it has inside a stage.
impl From<marque_predict::Error> for Error {
    fn from(error: marque_predict::Error) -> Self {
        Self::Failed(error.into())
    }
}

fn exit_code_of(failure: &Failure) -> u8 {
    match failure.kind() {
        FailureKind::Settings => 3,
        FailureKind::Data => 4,
        FailureKind::Store => 5,
        FailureKind::Run => 6,
    }
}

fn store_hint(error: &StoreError) -> Option<String> {
    match error {
        StoreError::InUse { .. } => Some("wait for it to end, or stop it".to_owned()),
        StoreError::Format { found, known, .. } if found > known => {
            Some("use the newer marque, or another folder for the store: [store] path".to_owned())
        }
        StoreError::Format { .. } => Some(
            "move the folder away, or delete it: everything in it can be made again; or set [store] path"
                .to_owned(),
        ),
        StoreError::NotALink { .. } => {
            Some("move it out of the store; `marque run` makes the link again".to_owned())
        }
        StoreError::NotAFolder { .. } => {
            Some("move it away, or name another folder for the store: [store] path".to_owned())
        }
        StoreError::Record { path, .. } | StoreError::Dangling { path, .. } => Some(match stage_of(path) {
            Some(stage) => format!("`marque run {stage}` makes the result again"),
            None => "delete it; `marque run` writes it again".to_owned(),
        }),
        StoreError::Io(error) if is_forbidden(error) => Some(
            "let this user read and write the store, or name another folder for it: [store] path".to_owned(),
        ),
        _ => None,
    }
}

/// The stage in whose folder a file of the store lies.
fn stage_of(path: &Path) -> Option<&'static str> {
    if path.ends_with(RECORD) {
        return None;
    }
    let folders: Vec<_> = path.ancestors().skip(1).take(2).filter_map(Path::file_name).collect();
    Some(STAGES.iter().find(|stage| folders.iter().any(|folder| *folder == stage.name))?.name)
}

/// A hint, and how to do without what is missing: with the results that are there.
fn or_only(hint: Option<String>, downstream: &[&str]) -> Option<String> {
    if downstream.is_empty() {
        return hint;
    }
    let only = format!("`marque run {} --only` takes the results that are there", downstream.join(" "));
    Some(hint.map_or_else(|| only.clone(), |hint| format!("{hint}; or {only}")))
}
