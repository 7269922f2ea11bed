//! `marque run --dry-run`

use std::path::Path;

use marque_contracts::counts::{counted, decimal};
use marque_contracts::schema::train;
use marque_contracts::{Job, Silent};
use marque_store::{Assessment, Request, State, assess};
use marque_train::{DryRunEstimate, Position};

use super::bench::peak_memory;
use super::run::{brief, check_columns};
use super::training_inputs::folders;
use crate::configuration::Configuration;
use crate::error::Error;
use crate::terminal::{Terminal, bytes, seconds};

/// How many reasons a line names.
const SHOWN: usize = 2;

/// Says what would run and why, and takes trial steps of the training, if it would run. Nothing is written.
pub(super) fn dry_run(
    configuration: &Configuration,
    request: &Request,
    terminal: &Terminal,
) -> Result<(), Error> {
    check_columns(configuration, request)?;
    let selected = request.selected(&configuration.stages);
    let store = configuration.open_store()?;
    let assessments = assess(&store, &configuration.stages)?;
    let (mut trains, mut inputs_change, mut interrupted) = (false, false, None);
    for position in request.needed(&configuration.stages) {
        let assessment = &assessments[position];
        let forced = request.force && selected.contains(&position);
        let (runs, text) = match &assessment.state {
            _ if forced => (true, "would run: forced".to_owned()),
            State::Fresh => (false, "fresh".to_owned()),
            State::Cached(_) => (false, "would be restored from cache".to_owned()),
            State::Stale(reasons) => (true, format!("would run: {}", brief(reasons, SHOWN))),
            State::Unreadable(problem) => {
                (false, format!("cannot run: its result cannot be read: {problem}"))
            }
            State::Blocked(failure) => (false, format!("cannot run: {failure}")),
        };
        terminal.print(format_args!("{:<10} {text}", assessment.stage));
        if runs && assessment.stage == train::STAGE {
            trains = true;
            interrupted = assessment.work.as_deref().filter(|_| !forced).and_then(Position::of);
        }
        inputs_change |= !trains && !matches!(assessment.state, State::Fresh);
    }
    if !trains {
        return Ok(());
    }
    let inputs = match folders(configuration, &assessments, |_| true) {
        Ok(inputs) => inputs,
        Err(Error::NoResult(_) | Error::Outdated(_)) => {
            let stage = last_missing(configuration, &assessments)?;
            terminal.print(format_args!(
                "\ntraining cannot be tried yet: `marque run {stage}` makes what it reads first"
            ));
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    // A path that nothing is written to; only messages name it.
    let job = Job::new(inputs, Path::new(""), &Silent);
    let found = marque_train::dry_run(&job, &configuration.train, interrupted).map_err(Error::of_training)?;
    terminal.print("");
    if inputs_change {
        terminal.print("tried on the results that are there, though stages before it would run first:");
    }
    terminal.print(describe(&found));
    if let Some(most) = peak_memory() {
        terminal.print(format_args!("memory: {} at most so far", bytes(most)));
    }
    Ok(())
}

/// The last of the stages before training whose result is missing, or of no use: running it brings all of them.
fn last_missing(configuration: &Configuration, assessments: &[Assessment]) -> Result<&'static str, Error> {
    let inputs = configuration.stages[configuration.position(train::STAGE)?].inputs();
    let mut last = train::STAGE;
    for assessment in assessments.iter().filter(|assessment| assessment.stage != train::STAGE) {
        let is_read = inputs.iter().any(|input| input.stage == assessment.stage);
        let missing = folders(configuration, assessments, |stage| stage == assessment.stage).is_err();
        if is_read && missing {
            last = assessment.stage;
        }
    }
    Ok(last)
}

fn describe(found: &DryRunEstimate) -> String {
    let DryRunEstimate { tried, batches, batch_size, loss, .. } = found;
    let epochs = counted(found.epoch_seconds.len() as u64, "epoch", "epochs");
    let what = match found.position {
        None => format!("in all: about {} for {epochs}", seconds(found.seconds())),
        Some(position) => {
            let position = position.describe(Some(found.epoch_seconds.len()));
            format!("left: about {}, as it goes on {position}", seconds(found.seconds()))
        }
    };
    let batches = counted(*batches as u64, "batch", "batches");
    let longest = found.epoch_seconds.iter().copied().fold(0.0, f64::max);
    format!(
        "training: tried {} of {}, loss {}; {} a batch\n\
         an epoch: about {} ({batches}, and {} of validation)\n\
         {what}",
        counted(*tried as u64, "batch", "batches"),
        counted(*batch_size as u64, "photo", "photos"),
        decimal(*loss, 3),
        duration(found.batch_seconds),
        seconds(longest),
        duration(found.validation_seconds),
    )
}

/// A short duration with the digits that matter.
fn duration(s: f64) -> String {
    if s < 1.0 { format!("{:.0} ms", s * 1e3) } else { seconds(s) }
}
