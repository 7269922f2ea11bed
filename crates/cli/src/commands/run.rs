//! `marque run`

use std::time::Instant;

use marque_contracts::Failure;
use marque_contracts::counts::listed;
use marque_contracts::schema::{evaluate, ingest, labels};
use marque_ingest::Ingest;
use marque_store::{Artifact, Observer, Outcome, Reason, Request, RunError, Store};

use super::fetch::{WEIGHT_READERS, bring_missing};
use crate::arguments::Run;
use crate::configuration::Configuration;
use crate::error::Error;
use crate::terminal::{Terminal, bytes, seconds};

/// How many reasons a line names.
const SHOWN: usize = 2;

/// The stages that the command line names.
pub(super) fn request(configuration: &Configuration, options: &Run) -> Result<Request, Error> {
    let stages = options.stages.iter().map(|name| configuration.position(name)).collect::<Result<_, _>>()?;
    Ok(Request { stages, force: options.force, only: options.only })
}

pub(super) fn run(
    configuration: &Configuration,
    request: &Request,
    terminal: &Terminal,
) -> Result<(), Error> {
    let started = Instant::now();
    terminal.promise_on_interrupt(match request.force {
        false => "finished stages are kept, and the next run goes on from there",
        true => "finished stages are kept, and the next run goes on from there, unless it has --force again",
    });
    let stages = &configuration.stages;
    let store = Store::open(&configuration.store)?;
    let _lock = store.lock()?;
    bring_missing(configuration, request, terminal)
        .or_else(|error| Err(with_results(error, configuration, &store, request)?))?;
    check_weights(configuration, &store, request)?;
    check_columns(configuration, request)?;
    marque_store::run(&store, stages, request, terminal, &Reporter { terminal })?;
    let report = store.current_link(evaluate::STAGE).join(evaluate::REPORT);
    let evaluated = request.selected(stages).into_iter().any(|at| stages[at].name() == evaluate::STAGE);
    if evaluated && report.exists() {
        terminal.say(format_args!("report: {}", report.display()));
    }
    terminal.say(format_args!("up to date in {}", seconds(started.elapsed().as_secs_f64())));
    Ok(())
}

/// Where files are missing and `ingest` has a result, the stages named that could do with that.
fn with_results(
    error: Error,
    configuration: &Configuration,
    store: &Store,
    request: &Request,
) -> Result<Error, Error> {
    match error {
        Error::Files { errors, .. }
            if !request.only && matches!(store.current(ingest::STAGE), Ok(Some(_))) =>
        {
            let names = request.stages.iter().map(|&position| configuration.stages[position].name());
            Ok(Error::Files { errors, downstream: names.filter(|name| *name != ingest::STAGE).collect() })
        }
        other => Ok(other),
    }
}

/// Fails if pretrained weights are missing before anything runs, not an hour later when they are needed.
fn check_weights(configuration: &Configuration, store: &Store, request: &Request) -> Result<(), Error> {
    if configuration.train.weights.as_ref().is_none_or(|path| path.exists()) {
        return Ok(());
    }
    let stages = &configuration.stages;
    for position in request.needed(stages) {
        if WEIGHT_READERS.contains(&stages[position].name())
            && let Err(failure) = stages[position].sources()
        {
            return Err(request.blocked(store, stages, position, failure).into());
        }
    }
    Ok(())
}

/// Fails if a head names a column that the data set does not have before its photos are imported.
pub(super) fn check_columns(configuration: &Configuration, request: &Request) -> Result<(), Error> {
    let needed = |stage| request.needs(&configuration.stages, stage);
    if !needed(ingest::STAGE) || !needed(labels::STAGE) {
        return Ok(());
    }
    let wrong = |failure| RunError::Stage { stage: labels::STAGE, failure }.into();
    missing_column(configuration).map_or(Ok(()), |failure| Err(wrong(failure)))
}

/// What is wrong if a head names a column that the data set does not have. What is wrong with the data set's files is left
/// to `ingest` to tell.
pub(super) fn missing_column(configuration: &Configuration) -> Option<Failure> {
    let columns = Ingest::new(configuration.dataset.clone()).label_columns().ok()?;
    configuration.labels.check_columns(&columns).err().map(Failure::from)
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
            Outcome::Restored => format!("restored from cache ({})", bytes(manifest.size())),
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
    listed(reasons, shown).join(", ")
}
