//! `marque status`

use marque_contracts::schema::labels;
use marque_layout::{Alignment, Grid};
use marque_store::{State, assess};

use super::run::{brief, missing_column};
use crate::configuration::Configuration;
use crate::error::Error;
use crate::terminal::{Terminal, bytes, seconds};

pub(super) fn status(configuration: &Configuration, terminal: &Terminal) -> Result<(), Error> {
    let store = configuration.open_store()?;
    let mut rows: Vec<[String; 6]> = Vec::new();
    for assessment in assess(&store, &configuration.stages)? {
        let failed = match &assessment.state {
            State::Stale(_) if assessment.stage == labels::STAGE => missing_column(configuration),
            _ => None,
        };
        let (state, why) = match &assessment.state {
            _ if failed.is_some() => {
                ("blocked", failed.map_or_else(String::new, |failure| failure.to_string()))
            }
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
        let cell = |text: Option<String>| text.unwrap_or_else(|| "·".to_owned());
        rows.push([
            assessment.stage.to_owned(),
            state.to_owned(),
            cell(manifest.map(|manifest| bytes(manifest.size()))),
            cell(manifest.map(|manifest| manifest.finished.replacen('T', " ", 1))),
            cell(manifest.map(|manifest| seconds(manifest.seconds))),
            why,
        ]);
    }
    let mut grid = Grid::new();
    for (column, name) in ["stage", "state", "size", "finished", "took", "why"].into_iter().enumerate() {
        grid.column(name, Alignment::Left, rows.iter().map(|row| row[column].clone()).collect());
    }
    terminal.print(grid.to_text(terminal.output_width()));
    Ok(())
}
