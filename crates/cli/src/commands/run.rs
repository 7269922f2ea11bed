//! `marque run`

use std::time::Instant;

use marque_contracts::schema::{evaluate, ingest, train};
use marque_contracts::{Artifact, Store};
use marque_pipeline::{Observer, Outcome, Reason, Request};

use crate::configuration::Configuration;
use crate::error::Error;
use crate::terminal::{Terminal, bytes, seconds};

/// How many reasons a line names.
const SHOWN: usize = 2;

/// What a run is asked for.
pub(super) struct Wanted {
    /// Names of stages; all if empty.
    pub(super) stages: Vec<String>,
    pub(super) force: bool,
    pub(super) only: bool,
}

impl Wanted {
    pub(super) fn request(&self, configuration: &Configuration) -> Result<Request, Error> {
        let stages = self.stages.iter().map(|name| configuration.position(name)).collect::<Result<_, _>>()?;
        Ok(Request { stages, force: self.force, only: self.only })
    }
}

pub(super) fn run(configuration: &Configuration, wanted: &Wanted, terminal: &Terminal) -> Result<(), Error> {
    let started = Instant::now();
    let request = wanted.request(configuration)?;
    let stages = &wanted.stages;
    let store = Store::open(&configuration.store)?;
    let _lock = store.lock()?;
    super::fetch::bring_missing(configuration, stages, wanted.only, terminal)
        .or_else(|error| Err(with_results(error, &store, wanted)?))?;
    weights_are_there(configuration, &store, wanted)?;
    let reporter = Reporter { terminal };
    marque_pipeline::run(&store, &configuration.stages, &request, terminal, &reporter)?;
    let report = store.root().join("evaluate/current/report.html");
    let measured = stages.is_empty() || stages.iter().any(|stage| stage == evaluate::STAGE);
    if measured && report.exists() {
        terminal.say(format_args!("report: {}", report.display()));
    }
    terminal.say(format_args!("up to date in {}", seconds(started.elapsed().as_secs_f64())));
    Ok(())
}

/// Files are missing: says which stages could do without, where there are results.
fn with_results(error: Error, store: &Store, wanted: &Wanted) -> Result<Error, Error> {
    match error {
        Error::Files { errors, .. } if !wanted.only && store.current(ingest::STAGE)?.is_some() => {
            let after = wanted.stages.iter().filter(|stage| *stage != ingest::STAGE).cloned().collect();
            Ok(Error::Files { errors, after })
        }
        other => Ok(other),
    }
}

/// Says that pretrained weights are missing before anything runs, not an hour later when they are needed.
fn weights_are_there(configuration: &Configuration, store: &Store, wanted: &Wanted) -> Result<(), Error> {
    if configuration.train.weights.as_ref().is_none_or(|path| path.exists()) {
        return Ok(());
    }
    let at = configuration.position(train::STAGE)?;
    let positions: Vec<_> =
        wanted.stages.iter().map(|name| configuration.position(name)).collect::<Result<_, _>>()?;
    let needed = |position: &usize| if wanted.only { *position == at } else { *position >= at };
    if !positions.is_empty() && !positions.iter().any(needed) {
        return Ok(());
    }
    let Err(failure) = configuration.stages[at].sources() else { return Ok(()) };
    let stage = train::STAGE.to_owned();
    let after: Vec<_> = positions
        .iter()
        .filter(|position| **position > at)
        .map(|at| configuration.stages[*at].name().to_owned())
        .collect();
    Err(match store.current(train::STAGE)? {
        Some(_) if !after.is_empty() => marque_pipeline::Error::Unsettled { stage, failure, after }.into(),
        _ => marque_pipeline::Error::Stage { stage, failure }.into(),
    })
}

struct Reporter<'a> {
    terminal: &'a Terminal,
}

impl Observer for Reporter<'_> {
    fn starts(&self, stage: &str, reasons: &[Reason]) {
        self.terminal.say(format_args!("{stage:<10} runs: {}", brief(reasons, SHOWN)));
    }

    fn done(&self, stage: &str, artifact: &Artifact, outcome: &Outcome) {
        let manifest = &artifact.manifest;
        let text = match outcome {
            Outcome::Fresh => format!("fresh ({})", bytes(manifest.size())),
            Outcome::Restored => format!("an older result is right again ({})", bytes(manifest.size())),
            Outcome::Ran { summary, unchanged } => {
                let same = if *unchanged { ", the same files as before" } else { "" };
                let (took, size) = (seconds(manifest.seconds), bytes(manifest.size()));
                format!("done in {took}: {} ({size}{same})", summary.line)
            }
        };
        self.terminal.say(format_args!("{stage:<10} {text}"));
    }
}

/// The first reasons, and how many more there are.
pub(super) fn brief(reasons: &[Reason], shown: usize) -> String {
    let mut words: Vec<_> = reasons.iter().take(shown).map(ToString::to_string).collect();
    if reasons.len() > shown {
        words.push(format!("and {} more", reasons.len() - shown));
    }
    words.join(", ")
}
