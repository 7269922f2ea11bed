//! `marque`: one network, several answers about a car photo, as a pipeline of cached stages.
//!
//! It reads `pipeline.toml`, turns its sections into stages, and runs, assesses, explains or inspects them.
//! All results are in the store (`data/` unless the configuration says otherwise).

mod arguments;
mod commands;
mod configuration;
mod error;
mod terminal;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::Arguments;
use crate::terminal::Terminal;

/// Page faults are a quarter of the time of a training step with the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let terminal = Terminal::new(arguments.quiet, arguments.verbose);
    terminal.log();
    terminal.stop_on_interrupt();
    match commands::dispatch(arguments, &terminal) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            terminal.error(&error);
            ExitCode::from(error.exit_code())
        }
    }
}
