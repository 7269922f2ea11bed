//! What each command does.

mod bench;
mod compare;
mod config;
mod dry_run;
mod explain;
mod export;
mod fetch;
mod gc;
mod init;
mod inspect;
mod lr_find;
mod predict;
mod preview;
mod run;
mod status;
mod training_inputs;
mod verify;

use crate::arguments::{Arguments, Command};
use crate::configuration::Configuration;
use crate::error::Error;
use crate::terminal::Terminal;

/// Reads the configuration and does what the command line asks for.
pub(crate) fn dispatch(arguments: Arguments, terminal: &Terminal) -> Result<(), Error> {
    // These need no configuration.
    match &arguments.command {
        Command::Bench(options) => return bench::bench(options, terminal),
        Command::Init(options) => return init::init(&arguments.config, options, terminal),
        _ => {}
    }
    let mut set = arguments.sets.as_deref().map(marque_settings::pairs).unwrap_or_default();
    set.extend(arguments.set);
    if let Command::Config(options) = &arguments.command {
        return config::config(&arguments.config, &set, options, terminal);
    }
    // A model's folder is all that answers need: without one of its own, the configuration is the default.
    if let Command::Predict(options) = &arguments.command
        && options.model.is_some()
        && !arguments.config.exists()
    {
        return predict::predict(None, options, terminal);
    }
    // Nor does a comparison of tables.
    if let Command::Compare(options) = &arguments.command
        && !arguments.config.exists()
    {
        return compare::compare(None, options, terminal);
    }
    let mut configuration = Configuration::load(&arguments.config, &set)?;
    configuration.fetch.offline |= arguments.offline;
    configuration.start_threads()?;
    match arguments.command {
        Command::Run(options) => {
            let request = run::request(&configuration, &options)?;
            match options.dry_run {
                true => dry_run::dry_run(&configuration, &request, terminal),
                false => run::run(&configuration, &request, terminal),
            }
        }
        Command::Fetch => fetch::fetch(&configuration, terminal),
        Command::Status => status::status(&configuration, terminal),
        Command::Explain { stage } => explain::explain(&configuration, &stage, terminal),
        Command::Verify => verify::verify(&configuration, terminal),
        Command::Gc { dry_run } => gc::gc(&configuration, dry_run, terminal),
        // Done above, before the configuration was read.
        Command::Bench(_) | Command::Init(_) | Command::Config(_) => Ok(()),
        Command::Preview(options) => preview::preview(&configuration, &options, terminal),
        Command::LrFind(options) => lr_find::lr_find(&configuration, &options, terminal),
        Command::Export(options) => export::export(&configuration, &options, terminal),
        Command::Compare(options) => compare::compare(Some(&configuration), &options, terminal),
        Command::Predict(options) => predict::predict(Some(&configuration), &options, terminal),
        Command::Inspect(options) => inspect::inspect(&configuration, &options, terminal),
        Command::Sql { query, limit, json } => inspect::sql(&configuration, &query, limit, json, terminal),
    }
}
