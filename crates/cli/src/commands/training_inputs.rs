//! What training would read, for commands that try it without running the stages before it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use marque_contracts::Artifact;
use marque_contracts::schema::train;
use marque_pipeline::{Assessment, Reason, State, assess};
use marque_train::FEATURES;

use super::run::brief;
use crate::configuration::Configuration;
use crate::error::Error;
use crate::terminal::Terminal;

/// Folders of the results that training reads, and a word where a stage before it would run first: what is tried then
/// is not what the configuration asks for. Activations of another network than the configuration's are refused.
pub(super) fn training_inputs(
    configuration: &Configuration,
    terminal: &Terminal,
) -> Result<BTreeMap<String, PathBuf>, Error> {
    if has_outdated_features(&say_what_changed(configuration, terminal)?) {
        return Err(Error::Outdated(FEATURES));
    }
    folders(configuration, |_| true)
}

/// The same of the photos alone: activations may be anything, or not there.
pub(super) fn photo_inputs(
    configuration: &Configuration,
    terminal: &Terminal,
) -> Result<BTreeMap<String, PathBuf>, Error> {
    say_what_changed(configuration, terminal)?;
    folders(configuration, |stage| stage != FEATURES)
}

/// Whether the activations that are kept are of another network: not whether other photos would only make others.
pub(super) fn has_outdated_features(assessments: &[Assessment]) -> bool {
    let of_their_own = |reason: &Reason| !matches!(reason, Reason::Upstream(_));
    assessments.iter().filter(|assessment| assessment.stage == FEATURES).any(|features| {
        match &features.state {
            State::Stale(reasons) => features.current.is_some() && reasons.iter().any(of_their_own),
            State::Stored(_) => true,
            _ => false,
        }
    })
}

/// Folders of the results that training reads of some stages, as they are.
pub(super) fn folders(
    configuration: &Configuration,
    wanted: impl Fn(&str) -> bool,
) -> Result<BTreeMap<String, PathBuf>, Error> {
    let store = configuration.open_store()?;
    let train = configuration.position(train::STAGE)?;
    let mut inputs = BTreeMap::new();
    for input in configuration.stages[train].inputs().into_iter().filter(|input| wanted(input.stage)) {
        let whole = |artifact: &Artifact| input.is_in(&artifact.manifest);
        let artifact = store.current(input.stage)?.filter(whole).ok_or(Error::NoResult(input.stage))?;
        inputs.insert(input.stage.to_owned(), artifact.folder);
    }
    Ok(inputs)
}

/// Names the first stage before training that would run, if one would, and gives all of them.
fn say_what_changed(configuration: &Configuration, terminal: &Terminal) -> Result<Vec<Assessment>, Error> {
    let store = configuration.open_store()?;
    let stages = &configuration.stages[..configuration.position(train::STAGE)?];
    let changed = |assessment: &Assessment| {
        assessment.current.is_some() && matches!(assessment.state, State::Stale(_) | State::Stored(_))
    };
    let changed: Vec<_> = assess(&store, stages)?.into_iter().filter(changed).collect();
    if let Some(first) = changed.first() {
        let why = match &first.state {
            State::Stale(reasons) => brief(reasons, 1),
            _ => "an older result is right again".to_owned(),
        };
        terminal.say(format_args!(
            "tried on the results that are there, though {} would run first: {why}",
            first.stage
        ));
    }
    Ok(changed)
}
