//! `marque init`: looks at photos and a table, and writes the configuration that trains on them.

mod columns;
mod heads;
mod plan;
mod report;
mod text;

use std::path::Path;

use marque_contracts::durable::{create_folder, write_atomic};
use marque_ingest::SourceSettings;

use crate::arguments::Init;
use crate::configuration::Configuration;
use crate::error::Error;
use crate::terminal::Terminal;

pub(super) fn init(config: &Path, options: &Init, terminal: &Terminal) -> Result<(), Error> {
    let output = options.output.as_deref().unwrap_or(config);
    if output.symlink_metadata().is_ok() && !options.force {
        return Err(Error::Usage(format!(
            "{} is there already: --output FILE writes another, --force writes over it",
            output.display()
        )));
    }
    let survey = marque_ingest::survey(&options.photos, options.table.as_deref(), terminal)?;
    let proposal = heads::propose(&survey);
    if proposal.heads.is_empty() && !matches!(survey.source, SourceSettings::Published(_)) {
        return Err(Error::NoHeads(proposal.others));
    }
    let plan = plan::Plan::of(&survey)?;
    let folder = output.parent().unwrap_or(Path::new(""));
    let text = text::write(&command(options), &survey, &proposal, &plan, folder);
    Configuration::check(output, &text)?;
    if !folder.as_os_str().is_empty() {
        create_folder(folder)?;
    }
    write_atomic(output, text.as_bytes())?;
    terminal.print(report::report(&survey, &proposal, &plan, output));
    Ok(())
}

/// The command line, as it could be called again.
fn command(options: &Init) -> String {
    let paths = [Some(&options.photos), options.table.as_ref()].into_iter().flatten();
    let words = paths.map(|path| report::shell(&path.display().to_string()).replace(char::is_control, " "));
    ["marque init".to_owned()].into_iter().chain(words).collect::<Vec<_>>().join(" ")
}
