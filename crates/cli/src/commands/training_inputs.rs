//! What training reads, for commands that try it without running the stages before it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use marque_contracts::schema::{features, train};
use marque_store::{Assessment, Reason, State, assess};

use super::run::brief;
use crate::configuration::Configuration;
use crate::error::Error;
use crate::terminal::Terminal;
use crate::whole_results;

/// Folders of the results that training reads, of the stages chosen; their files are hashed first. Says so if a stage before it is stale: what is tried
/// then is not what the configuration asks for.
pub(super) fn training_inputs(
    configuration: &Configuration,
    terminal: &Terminal,
    chosen: impl Fn(&str) -> bool,
) -> Result<BTreeMap<String, PathBuf>, Error> {
    let assessments = assess_upstream(configuration, terminal)?;
    let folders = folders(configuration, &assessments, chosen)?;
    let train = configuration.position(train::STAGE)?;
    for input in configuration.stages[train].inputs() {
        let upstream = assessments.iter().find(|assessment| assessment.stage == input.stage);
        if let (true, Some(artifact)) =
            (folders.contains_key(input.stage), upstream.and_then(|upstream| upstream.current.as_ref()))
        {
            whole_results::check(input.stage, artifact, input.files)?;
        }
    }
    Ok(folders)
}

/// Folders of the current results that training reads, stale or not, of the stages chosen.
///
/// # Errors
/// [`Error::NoResult`] if one is missing or lacks a file; [`Error::Outdated`] if cached features are of another network
/// than the configuration's.
pub(super) fn folders(
    configuration: &Configuration,
    assessments: &[Assessment],
    chosen: impl Fn(&str) -> bool,
) -> Result<BTreeMap<String, PathBuf>, Error> {
    let train = configuration.position(train::STAGE)?;
    let mut folders = BTreeMap::new();
    for input in configuration.stages[train].inputs().into_iter().filter(|input| chosen(input.stage)) {
        let upstream = assessments.iter().find(|assessment| assessment.stage == input.stage);
        let artifact = upstream
            .and_then(|upstream| upstream.current.as_ref())
            .filter(|artifact| artifact.manifest.digests_of(&input).is_ok())
            .ok_or(Error::NoResult(input.stage))?;
        if input.stage == features::STAGE && upstream.is_some_and(is_outdated) {
            return Err(Error::Outdated(input.stage));
        }
        folders.insert(input.stage.to_owned(), artifact.folder.clone());
    }
    Ok(folders)
}

/// Whether a stage is stale for reasons of its own, not only because of a stage upstream.
fn is_outdated(assessment: &Assessment) -> bool {
    match &assessment.state {
        State::Stale(reasons) => reasons.iter().any(|reason| !matches!(reason, Reason::Upstream(_))),
        State::Cached(_) => true,
        State::Fresh | State::Blocked(_) | State::Unreadable(_) => false,
    }
}

/// The states of the stages before training. Names the first that has a result and would run.
fn assess_upstream(configuration: &Configuration, terminal: &Terminal) -> Result<Vec<Assessment>, Error> {
    let stages = &configuration.stages[..configuration.position(train::STAGE)?];
    let assessments = assess(&configuration.open_store()?, stages)?;
    for assessment in assessments.iter().filter(|assessment| assessment.current.is_some()) {
        let why = match &assessment.state {
            State::Stale(reasons) => brief(reasons, 1),
            State::Cached(_) => "an earlier result would be restored from cache".to_owned(),
            State::Fresh | State::Blocked(_) | State::Unreadable(_) => continue,
        };
        let stage = assessment.stage;
        terminal
            .say(format_args!("tried on the results that are there, though {stage} would run first: {why}"));
        break;
    }
    Ok(assessments)
}
