//! The state of each stage, without running anything.

use std::collections::{BTreeMap, BTreeSet};

use marque_contracts::{Artifact, Failure, Fingerprint, Input, STORE_FORMAT, Stage, Store, StoreError};

use crate::{Error, Reason};

/// What is known of a stage before a run.
#[derive(Debug)]
pub struct Assessment {
    /// The stage's name.
    pub stage: &'static str,
    /// Whether its result can be used.
    pub state: State,
    /// The result in use, fresh or not.
    pub current: Option<Artifact>,
    /// What the result should depend on; `None` while an upstream result is missing.
    pub fingerprint: Option<Fingerprint>,
}

/// Whether a stage's result can be used.
#[derive(Debug)]
pub enum State {
    /// The current result is the right one.
    Fresh,
    /// An older result is the right one; a run takes it back into use.
    Stored(Box<Artifact>),
    /// It has to run, or will once a stage before it has run.
    Stale(Vec<Reason>),
    /// It cannot run: a file outside the store is missing, say.
    Blocked(Failure),
}

/// The states of all stages, in order. `stages` must be in an order in which they can run.
///
/// # Errors
/// If the store cannot be read.
pub fn assess(store: &Store, stages: &[Box<dyn Stage>]) -> Result<Vec<Assessment>, Error> {
    let mut assessments: Vec<Assessment> = Vec::with_capacity(stages.len());
    for stage in stages {
        let unsettled = stage.inputs().iter().find_map(|input| {
            let upstream = assessments.iter().find(|a| a.stage == input.stage)?;
            // A blocked stage will not run: what follows can only be compared with the result that is there.
            let settled = match upstream.state {
                State::Fresh => true,
                State::Blocked(_) => upstream.current.is_some(),
                State::Stored(_) | State::Stale(_) => false,
            };
            (!settled).then_some(upstream.stage)
        });
        assessments.push(assess_stage(store, stage.as_ref(), unsettled)?);
    }
    Ok(assessments)
}

/// The state of one stage given the upstream results in use; `unsettled` names an upstream stage whose
/// result is about to change.
pub(crate) fn assess_stage(
    store: &Store,
    stage: &dyn Stage,
    unsettled: Option<&'static str>,
) -> Result<Assessment, Error> {
    let name = stage.name();
    let (current, mut reasons) = match store.current(name) {
        Ok(current) => (current, Vec::new()),
        Err(StoreError::Manifest { source, .. }) => (None, vec![Reason::Unreadable(source.to_string())]),
        Err(error) => return Err(error.into()),
    };
    let fingerprint = match fingerprint(store, stage) {
        Ok(fingerprint) => fingerprint,
        Err(Error::Stage { failure, .. }) => {
            return Ok(Assessment {
                stage: name,
                state: State::Blocked(failure),
                current,
                fingerprint: None,
            });
        }
        Err(error) => return Err(error),
    };
    if let Some(upstream) = unsettled {
        reasons.push(Reason::Upstream(upstream.to_owned()));
    }
    if current.is_none() && reasons.is_empty() {
        reasons.push(Reason::NeverRun);
    }
    if let (Some(fingerprint), Some(current)) = (&fingerprint, &current) {
        reasons.extend(Reason::from_differences(fingerprint, &current.manifest.fingerprint));
    }
    if let Some(current) = &current {
        reasons.extend(current.manifest.check_sizes(&current.folder).into_iter().map(Reason::Damaged));
    }
    if fingerprint.is_none() && reasons.is_empty() {
        // An upstream result is gone, or lacks what this stage reads.
        reasons.extend(lacking(store, stage).map(|upstream| Reason::Upstream(upstream.to_owned())));
    }
    let state = match (&fingerprint, reasons.is_empty(), unsettled) {
        (_, true, _) => State::Fresh,
        (Some(fingerprint), false, None) => match stored(store, name, fingerprint, current.as_ref())? {
            Some(artifact) => State::Stored(Box::new(artifact)),
            None => State::Stale(reasons),
        },
        _ => State::Stale(reasons),
    };
    Ok(Assessment { stage: name, state, current, fingerprint })
}

/// A whole result with the right key that is not the current one.
fn stored(
    store: &Store,
    stage: &str,
    fingerprint: &Fingerprint,
    current: Option<&Artifact>,
) -> Result<Option<Artifact>, Error> {
    let key = fingerprint.key();
    if current.is_some_and(|current| current.manifest.key == key) {
        return Ok(None);
    }
    match store.find(stage, &key) {
        Ok(found) => Ok(found.filter(|artifact| artifact.manifest.check_sizes(&artifact.folder).is_empty())),
        Err(StoreError::Manifest { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// What a stage's result depends on, given the upstream results in use; `None` if one of those is missing
/// or lacks a file that the stage reads.
pub(crate) fn fingerprint(store: &Store, stage: &dyn Stage) -> Result<Option<Fingerprint>, Error> {
    let mut inputs = BTreeMap::new();
    for input in stage.inputs() {
        let upstream = match store.current(input.stage) {
            Ok(Some(upstream)) => upstream,
            Ok(None) | Err(StoreError::Manifest { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let mut digests = BTreeMap::new();
        for selection in input.files {
            let Some(digest) = upstream.manifest.digest_of(selection) else { return Ok(None) };
            digests.insert((*selection).to_owned(), digest);
        }
        inputs.insert(input.stage.to_owned(), digests);
    }
    let sources =
        stage.sources().map_err(|failure| Error::Stage { stage: stage.name().to_owned(), failure })?;
    Ok(Some(Fingerprint {
        store_format: STORE_FORMAT,
        stage: stage.name().to_owned(),
        stage_version: stage.version(),
        settings: stage.settings(),
        inputs,
        sources,
    }))
}

/// The first stage whose result is missing, or lacks a file that `stage` reads.
fn lacking(store: &Store, stage: &dyn Stage) -> Option<&'static str> {
    let lacks = |input: &Input| match store.current(input.stage) {
        Ok(Some(upstream)) => !input.is_in(&upstream.manifest),
        _ => true,
    };
    stage.inputs().into_iter().find(lacks).map(|input| input.stage)
}

/// Positions of the stages that `wanted` need, themselves included, in running order.
pub(crate) fn with_upstream(stages: &[Box<dyn Stage>], wanted: &BTreeSet<usize>) -> BTreeSet<usize> {
    let mut needed = wanted.clone();
    for position in (0..stages.len()).rev() {
        if needed.contains(&position) {
            let inputs = stages[position].inputs();
            needed.extend(
                (0..position).filter(|&p| inputs.iter().any(|input| input.stage == stages[p].name())),
            );
        }
    }
    needed
}
