//! What training would read, for commands that try it without running the stages before it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use marque_contracts::schema::train;
use marque_pipeline::{Assessment, State, assess};
use marque_train::FEATURES;

use super::run::brief;
use crate::configuration::Configuration;
use crate::error::Error;
use crate::terminal::Terminal;

/// Folders of the results that training reads, and a word where a stage before it would run first: what is tried then
/// is not what the configuration asks for. Activations of other weights than those of the configuration are refused.
pub(super) fn training_inputs(
    configuration: &Configuration,
    terminal: &Terminal,
) -> Result<BTreeMap<String, PathBuf>, Error> {
    let store = configuration.open_store()?;
    let stages = &configuration.stages[..configuration.position(train::STAGE)?];
    let changed = |assessment: &Assessment| {
        assessment.current.is_some() && matches!(assessment.state, State::Stale(_) | State::Stored(_))
    };
    let changed: Vec<_> = assess(&store, stages)?.into_iter().filter(changed).collect();
    if changed.iter().any(|assessment| assessment.stage == FEATURES) {
        return Err(Error::Outdated(FEATURES));
    }
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
    folders(configuration)
}

/// Folders of the results that training reads, as they are.
pub(super) fn folders(configuration: &Configuration) -> Result<BTreeMap<String, PathBuf>, Error> {
    let store = configuration.open_store()?;
    let train = configuration.position(train::STAGE)?;
    let mut inputs = BTreeMap::new();
    for input in configuration.stages[train].inputs() {
        let artifact = store.current(input.stage)?.ok_or(Error::NoResult(input.stage))?;
        inputs.insert(input.stage.to_owned(), artifact.folder);
    }
    Ok(inputs)
}
