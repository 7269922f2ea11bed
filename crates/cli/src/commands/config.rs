//! `marque config`

use std::path::Path;

use marque_contracts::schema::{labels, train};
use marque_settings::Resolved;

use crate::arguments::Config;
use crate::configuration::Configuration;
use crate::error::Error;
use crate::terminal::Terminal;

/// How `docs/configuration.md` begins.
const PREFACE: &str = "\
# Configuration

Every key of `pipeline.toml`. This page is written by `marque config --reference` from what the code declares; a test
keeps it so.

`marque config` prints the configuration in force, each key with where its value came from. `--set section.key=value`
changes one for a call, `make train SET=\"train.epochs=3\"` likewise; an entry of a list is named by its position:
`heads.0.min_images=50`. Relative paths start at the folder of the file. Unknown keys and values that are not allowed are
refused, all at once, before anything runs.

Each section belongs to a stage. A change of one of its keys runs this stage again, and the stages after it only if what
it writes changes. What is said to change no result runs nothing again.
";

/// Adds what the number of training photos decides over, if the photos are labelled: by the result of `labels` that is
/// there. Without one these keys stay without a value.
fn find_out(configuration: &Configuration, resolved: &mut Resolved) {
    let settings = &configuration.train;
    let labelled = || configuration.open_store().ok()?.current(labels::STAGE).ok()?;
    let Some(artifact) = settings.are_open().then(labelled).flatten() else { return };
    let Ok(photos) = settings.training_photos(&artifact.folder) else { return };
    for (key, value) in settings.chosen(photos) {
        resolved.find_out(train::STAGE, key, &value, &marque_train::Settings::why_chosen(photos));
    }
}

pub(super) fn config(
    file: &Path,
    set: &[String],
    options: &Config,
    terminal: &Terminal,
) -> Result<(), Error> {
    let text = if options.reference {
        let reference = Configuration::reference();
        match options.json {
            true => format!("{:#}", reference.to_json()),
            false => format!("{PREFACE}{}", reference.to_markdown()),
        }
    } else {
        let (configuration, mut resolved) = Configuration::resolve(file, set)?;
        find_out(&configuration, &mut resolved);
        match options.json {
            true => format!("{:#}", resolved.to_json()),
            false => resolved.to_toml(),
        }
    };
    terminal.print(text.trim_end());
    Ok(())
}
