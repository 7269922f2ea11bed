//! The state of each stage: fresh, cached, stale or blocked. Nothing runs.

use std::collections::BTreeMap;
use std::path::PathBuf;

use marque_contracts::{Failure, Stage};

use crate::error::{RunError, StoreError};
use crate::fingerprint::Fingerprint;
use crate::manifest::STORE_FORMAT;
use crate::reason::Reason;
use crate::store::{Artifact, Store};

/// A stage's state, and what it follows from.
#[derive(Debug)]
pub struct Assessment {
    /// The stage's name.
    pub stage: &'static str,
    /// Whether its result can be used.
    pub state: State,
    /// The current result, fresh or not.
    pub current: Option<Artifact>,
    /// What the result should depend on; `None` while an upstream result is missing.
    pub fingerprint: Option<Fingerprint>,
    /// The work folder that an interrupted run has left, if the next goes on from it.
    pub work: Option<PathBuf>,
}

/// Whether a stage's result can be used.
#[derive(Debug)]
pub enum State {
    /// The current result has the right key.
    Fresh,
    /// An earlier result has the right key; a run restores it.
    Cached(Box<Artifact>),
    /// No result has the right key, or a stage upstream has to run first.
    Stale(Vec<Reason>),
    /// A file of the current result is there and cannot be read, so that it is not known whether it is damaged: only a
    /// forced run replaces it. What the system says, with the path.
    Unreadable(String),
    /// It cannot run: a file outside the store is missing, say.
    Blocked(Failure),
}

/// The states of all stages, in order. `stages` must be in an order in which they can run.
///
/// # Errors
/// If the store cannot be read.
pub fn assess(store: &Store, stages: &[Box<dyn Stage>]) -> Result<Vec<Assessment>, RunError> {
    let mut assessments: Vec<Assessment> = Vec::with_capacity(stages.len());
    for stage in stages {
        let stale_upstream = stage.inputs().iter().find_map(|input| {
            let upstream = assessments.iter().find(|assessment| assessment.stage == input.stage)?;
            // A blocked stage will not run: what follows can only be compared with the result that is there.
            let will_change = match upstream.state {
                State::Fresh => false,
                State::Blocked(_) | State::Unreadable(_) => upstream.current.is_none(),
                State::Cached(_) | State::Stale(_) => true,
            };
            will_change.then_some(upstream.stage)
        });
        assessments.push(assess_stage(store, stage.as_ref(), stale_upstream)?);
    }
    Ok(assessments)
}

/// The state of one stage given the current results of the others; `stale_upstream` is one of those whose result is
/// about to change.
pub(crate) fn assess_stage(
    store: &Store,
    stage: &dyn Stage,
    stale_upstream: Option<&'static str>,
) -> Result<Assessment, RunError> {
    let name = stage.name();
    let (current, mut reasons) = match store.current(name) {
        Ok(current) => (current, Vec::new()),
        Err(error) => match error.broken_result() {
            Some(reason) => (None, vec![reason]),
            None => return Err(error.into()),
        },
    };
    let (fingerprint, missing_upstream) = match fingerprint(store, stage) {
        Ok(fingerprint) => (Some(fingerprint), None),
        Err(RunError::MissingInput { upstream, .. }) => (None, Some(upstream)),
        Err(RunError::Stage { failure, .. }) => {
            let state = State::Blocked(failure);
            return Ok(Assessment { stage: name, state, current, fingerprint: None, work: None });
        }
        Err(error) => return Err(error),
    };
    reasons.extend(stale_upstream.map(Reason::Upstream));
    if current.is_none() && reasons.is_empty() {
        reasons.push(Reason::NeverRun);
    }
    if let (Some(fingerprint), Some(current)) = (&fingerprint, &current) {
        let differences = fingerprint.differences(&current.manifest.fingerprint);
        reasons.extend(differences.into_iter().map(Reason::Changed));
    }
    if let Some(current) = &current {
        let damage = current.manifest.check_sizes(&current.folder);
        if let Some(unreadable) = damage.iter().find(|damage| damage.is_unreadable()) {
            let state = State::Unreadable(unreadable.to_string());
            return Ok(Assessment {
                stage: name,
                state,
                current: Some(current.clone()),
                fingerprint,
                work: None,
            });
        }
        reasons.extend(damage.into_iter().map(Reason::Damaged));
    }
    if reasons.is_empty() {
        reasons.extend(missing_upstream.map(Reason::Upstream));
    }
    let cached = match &fingerprint {
        Some(fingerprint) if !reasons.is_empty() && stale_upstream.is_none() => {
            cached(store, name, fingerprint, current.as_ref())?
        }
        _ => None,
    };
    let mut work = None;
    let state = match cached {
        Some(artifact) => State::Cached(Box::new(artifact)),
        None if reasons.is_empty() => State::Fresh,
        None => {
            let known = fingerprint.as_ref().filter(|_| stale_upstream.is_none());
            if let Some((folder, position)) = known.and_then(|known| interrupted(store, stage, known)) {
                reasons.retain(|reason| *reason != Reason::NeverRun);
                reasons.insert(0, Reason::Interrupted(position));
                work = Some(folder);
            }
            State::Stale(reasons)
        }
    };
    Ok(Assessment { stage: name, state, current, fingerprint, work })
}

/// The work folder that an interrupted run of a stage has left, and where the next goes on from it.
fn interrupted(store: &Store, stage: &dyn Stage, fingerprint: &Fingerprint) -> Option<(PathBuf, String)> {
    let folder = store.work_folder(stage.name(), &fingerprint.key());
    let position = stage.resumable().then(|| stage.resumes_from(&folder))??;
    Some((folder, position))
}

/// A result with the right key that is not the current one and has all its files.
fn cached(
    store: &Store,
    stage: &str,
    fingerprint: &Fingerprint,
    current: Option<&Artifact>,
) -> Result<Option<Artifact>, StoreError> {
    let key = fingerprint.key();
    if current.is_some_and(|current| current.manifest.key == key) {
        return Ok(None);
    }
    match store.find(stage, &key) {
        Ok(found) => Ok(found.filter(|artifact| artifact.manifest.check_sizes(&artifact.folder).is_empty())),
        Err(error) if error.broken_result().is_some() => Ok(None),
        Err(error) => Err(error),
    }
}

/// What a stage's result depends on, given the current results of the stages that it reads.
///
/// # Errors
/// [`RunError::MissingInput`] if one of those is missing, has an unreadable manifest, or lacks a file that the stage
/// reads; [`RunError::Stage`] if a source cannot be read.
pub(crate) fn fingerprint(store: &Store, stage: &dyn Stage) -> Result<Fingerprint, RunError> {
    let (mut inputs, mut folders) = (BTreeMap::new(), BTreeMap::new());
    for input in stage.inputs() {
        let missing = |what| RunError::MissingInput { stage: stage.name(), upstream: input.stage, what };
        let upstream = match store.current(input.stage) {
            Ok(Some(upstream)) => upstream,
            Ok(None) => return Err(missing("the result")),
            Err(error) if error.broken_result().is_some() => return Err(missing("the result")),
            Err(error) => return Err(error.into()),
        };
        inputs.insert(input.stage.to_owned(), upstream.manifest.digests_of(&input).map_err(missing)?);
        folders.insert(input.stage.to_owned(), upstream.folder);
    }
    let sources = stage.sources().map_err(|failure| RunError::Stage { stage: stage.name(), failure })?;
    Ok(Fingerprint {
        store_format: STORE_FORMAT,
        stage: stage.name().to_owned(),
        stage_version: stage.version(),
        settings: stage.settings_for(&folders),
        inputs,
        sources,
    })
}
