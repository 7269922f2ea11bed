//! What each command does.

mod bench;
mod config;
mod dry_run;
mod explain;
mod export;
mod fetch;
mod gc;
mod lr_find;
mod preview;
mod run;
mod status;
mod tables;
mod training_inputs;
mod verify;

pub(crate) use tables::table_names;

use marque_settings::Document;

use crate::arguments::{Arguments, Command};
use crate::configuration::Configuration;
use crate::error::Error;
use crate::terminal::Terminal;

/// Reads the configuration and does what the command line asks for.
pub(crate) fn dispatch(arguments: Arguments, terminal: &Terminal) -> Result<(), Error> {
    // Needs no configuration.
    if let Command::Bench(options) = &arguments.command {
        return bench::bench(options, terminal);
    }
    let mut set = arguments.sets.as_deref().map(Document::pairs).unwrap_or_default();
    set.extend(arguments.set);
    if let Command::Config(options) = &arguments.command {
        return config::config(&arguments.config, &set, options, terminal);
    }
    let mut configuration = Configuration::load(&arguments.config, &set)?;
    configuration.fetch.offline |= arguments.offline;
    configuration.start_threads()?;
    if let Command::Run { dry_run: false, force, .. } = arguments.command {
        terminal.promise_on_interrupt(match force {
            false => "finished stages are kept, and the next run goes on from there",
            true => {
                "finished stages are kept, and the next run goes on from there, unless it has --force again"
            }
        });
    }
    match arguments.command {
        Command::Run { stages, force, only, dry_run } => {
            let what = run::Wanted { stages, force, only };
            match dry_run {
                true => dry_run::dry_run(&configuration, &what, terminal),
                false => run::run(&configuration, &what, terminal),
            }
        }
        Command::Fetch => fetch::fetch(&configuration, terminal),
        Command::Status => status::status(&configuration, terminal),
        Command::Explain { stage } => explain::explain(&configuration, &stage, terminal),
        Command::Verify => verify::verify(&configuration, terminal),
        Command::Gc { dry_run } => gc::gc(&configuration, dry_run, terminal),
        // Done above, before the configuration was read.
        Command::Bench(_) | Command::Config(_) => Ok(()),
        Command::Preview(options) => preview::preview(&configuration, &options, terminal),
        Command::LrFind(options) => lr_find::lr_find(&configuration, &options, terminal),
        Command::Export(options) => export::export(&configuration, &options, terminal),
        Command::Inspect { table, condition, head, json, out, limit } => {
            let request = tables::Request { table, condition, head, json, out, limit };
            tables::inspect(&configuration, request, terminal)
        }
        Command::Sql { query, limit, json } => tables::sql(&configuration, &query, limit, json, terminal),
    }
}
