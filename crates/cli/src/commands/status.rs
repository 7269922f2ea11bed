//! `marque status`

use marque_inspect::{Answer, Value};
use marque_store::{State, assess};

use super::run::brief;
use crate::configuration::Configuration;
use crate::error::Error;
use crate::terminal::{Terminal, bytes, seconds};

pub(super) fn status(configuration: &Configuration, terminal: &Terminal) -> Result<(), Error> {
    let store = configuration.open_store()?;
    let mut rows = Vec::new();
    for assessment in assess(&store, &configuration.stages)? {
        let (state, why) = match &assessment.state {
            State::Fresh => ("fresh", String::new()),
            State::Cached(_) => ("cached", "an earlier result would be restored".to_owned()),
            State::Stale(reasons) => ("stale", brief(reasons, 1)),
            State::Unreadable(problem) => ("blocked", format!("its result cannot be read: {problem}")),
            State::Blocked(failure) => {
                // The full message, with addresses and all, is for `run`.
                let message = failure.to_string();
                let line = message.lines().next().unwrap_or_default();
                ("blocked", line.trim_end_matches(':').to_owned())
            }
        };
        let manifest = assessment.current.as_ref().map(|current| &current.manifest);
        let cell = |text: Option<String>| Value::Text(text.unwrap_or_else(|| "·".to_owned()));
        rows.push(vec![
            Value::Text(assessment.stage.to_owned()),
            Value::Text(state.to_owned()),
            cell(manifest.map(|manifest| bytes(manifest.size()))),
            cell(manifest.map(|manifest| manifest.finished.replacen('T', " ", 1))),
            cell(manifest.map(|manifest| seconds(manifest.seconds))),
            Value::Text(why),
        ]);
    }
    let columns = ["stage", "state", "size", "finished", "took", "why"].map(String::from).to_vec();
    terminal.print(Answer { columns, rows }.to_table(usize::MAX, terminal.output_width()));
    Ok(())
}
