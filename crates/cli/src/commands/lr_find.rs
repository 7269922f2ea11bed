//! `marque lr-find`

mod plot;

use std::path::Path;

use marque_contracts::Job;
use marque_contracts::counts::counted;
use marque_contracts::durable::write_atomic;
use marque_train::SweepRange;

use super::training_inputs::training_inputs;
use crate::arguments::LrFind;
use crate::configuration::Configuration;
use crate::error::Error;
use crate::terminal::Terminal;

/// Sweeps the learning rate, draws the losses, and suggests a rate. Nothing is written into the store.
pub(super) fn lr_find(
    configuration: &Configuration,
    options: &LrFind,
    terminal: &Terminal,
) -> Result<(), Error> {
    if options.from >= options.to {
        return Err(Error::Usage(format!("--from {} must be below --to {}", options.from, options.to)));
    }
    if options.out.extension().is_none_or(|ending| !ending.eq_ignore_ascii_case("svg")) {
        let named = options.out.display();
        return Err(Error::Usage(format!("--out {named}: the plot is an SVG drawing, so name it with .svg")));
    }
    check_writable(&options.out)?;
    let range = SweepRange { from: options.from, to: options.to, steps: options.steps.into() };
    // A path that nothing is written to; only messages name it.
    let job = Job::new(training_inputs(configuration, terminal, |_| true)?, Path::new(""), terminal);
    let found =
        marque_train::sweep(&job, &configuration.train, range, terminal).map_err(Error::of_training)?;
    let drawing = plot::draw(&found);
    write_atomic(&options.out, drawing.as_bytes())?;
    let steps = counted(found.points.len() as u64, "step", "steps");
    let last = found.points.last().map_or(0.0, |point| point.learning_rate);
    let end = if found.diverged { ", where the loss ran away" } else { "" };
    terminal.print(format_args!("{steps}, from {:.1e} to {last:.1e}{end}", options.from));
    match found.suggestion {
        Some(rate) => {
            terminal.print(format_args!("the loss falls fastest at train.learning_rate = {rate:.1e}"))
        }
        None => terminal.print("the loss never falls: there is nothing to suggest"),
    }
    terminal.print(format_args!("plot: {}", options.out.display()));
    Ok(())
}

/// Fails if a file cannot be written, before minutes are spent on its content. One that is there keeps its own.
fn check_writable(path: &Path) -> std::io::Result<()> {
    let before = path.symlink_metadata().is_ok();
    fs_err::OpenOptions::new().append(true).create(true).open(path)?;
    if before { Ok(()) } else { fs_err::remove_file(path) }
}
