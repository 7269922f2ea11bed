//! `marque`: one network, several answers about a car photo, as a pipeline of cached stages.
//!
//! It reads `pipeline.toml`, turns its sections into stages, and runs, assesses, explains or inspects them.
//! All results are in the store (`data/` unless the configuration says otherwise).

mod arguments;
mod commands;
mod configuration;
mod error;
mod memory;
mod names;
mod signals;
mod terminal;
mod whole_results;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::Arguments;
use crate::terminal::Terminal;

#[global_allocator]
static ALLOCATOR: memory::Allocator = memory::Allocator;

/// candle's own threads spin this often before they sleep. Its default takes a sixth of a training step from
/// our threads, which share the cores with them.
const CANDLE_SPINS: (&str, &str) = ("CANDLE_BARRIER_POOL_SPIN_LIMIT", "100");

fn main() -> ExitCode {
    if std::env::var_os(CANDLE_SPINS.0).is_none() {
        // SAFETY: the first statement of the program; no other thread is there to read the environment.
        unsafe { std::env::set_var(CANDLE_SPINS.0, CANDLE_SPINS.1) };
    }
    signals::say_before_the_end();
    let arguments = Arguments::parse();
    let terminal = Terminal::new(arguments.quiet, arguments.verbose);
    terminal.log();
    terminal.stop_on_interrupt();
    match commands::dispatch(arguments, &terminal).and_then(|()| terminal.finish()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            terminal.error(&error);
            ExitCode::from(error.exit_code())
        }
    }
}
