//! `marque config`

use std::path::Path;

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
        let (_, resolved) = Configuration::resolve(file, set)?;
        match options.json {
            true => format!("{:#}", resolved.to_json()),
            false => resolved.to_toml(),
        }
    };
    terminal.print(text.trim_end());
    Ok(())
}
