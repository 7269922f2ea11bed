//! `marque fetch`, and what `marque run` downloads before it begins.

use marque_contracts::Store;
use marque_contracts::schema::{ingest, train};
use marque_ingest::{Download, ExpectedFile, Ingest};

use crate::configuration::Configuration;
use crate::error::Error;
use crate::terminal::{Terminal, bytes};

/// Verifies all files that the configuration names with addresses or checksums, sets aside what is not the
/// published file, and downloads what is missing.
pub(super) fn fetch(configuration: &Configuration, terminal: &Terminal) -> Result<(), Error> {
    let all = [&configuration.dataset_files, &configuration.fetch.files];
    if all.iter().all(|files| files.is_empty()) {
        terminal.say("nothing to fetch: the configuration names no files");
        return Ok(());
    }
    let store = Store::open(&configuration.store)?;
    let _lock = store.lock()?;
    let download = Download::new(&configuration.fetch, terminal);
    let mut verified = 0;
    for files in all {
        let (compared, wrong) = download.verify(files)?;
        verified += compared - wrong.len();
        for error in wrong {
            terminal.say(format_args!("{error}; set aside with the ending .rejected"));
        }
    }
    let (came, size) = bring(&download, &all)?;
    let came = if came > 0 { format!(", {came} downloaded ({})", bytes(size)) } else { String::new() };
    terminal.say(format_args!("{verified} files were there and are the published ones{came}"));
    Ok(())
}

/// Downloads what is missing for the wanted stages (all if there are none): the data set for `ingest`, weights for
/// `train`, which are compared with their checksums before. Hashes the data set's files, which takes a while.
pub(super) fn bring_missing(
    configuration: &Configuration,
    wanted: &[String],
    only: bool,
    terminal: &Terminal,
) -> Result<(), Error> {
    let mut positions = Vec::with_capacity(wanted.len());
    for name in wanted {
        positions.push(configuration.position(name)?);
    }
    let needs = |stage: &str| {
        let at = configuration.position(stage)?;
        let reaches = |position: &usize| if only { *position == at } else { *position >= at };
        Ok::<_, Error>(positions.is_empty() || positions.iter().any(reaches))
    };
    let none: Vec<ExpectedFile> = Vec::new();
    let dataset = if needs(ingest::STAGE)? { &configuration.dataset_files } else { &none };
    let weights = if needs(train::STAGE)? { &configuration.fetch.files } else { &none };
    let download = Download::new(&configuration.fetch, terminal);
    // `ingest` looks at the data set's files itself; nothing else looks at these.
    for error in download.verify(weights)?.1 {
        terminal.say(format_args!("{error}; set aside with the ending .rejected"));
    }
    bring(&download, &[dataset, weights])?;
    if needs(ingest::STAGE)? {
        Ingest::new(configuration.dataset.clone()).hash_sources(terminal);
    }
    Ok(())
}

/// Downloads what is missing; everything that cannot be had is reported together. Returns number and bytes.
fn bring(download: &Download<'_>, all: &[&Vec<ExpectedFile>]) -> Result<(usize, u64), Error> {
    let (mut count, mut size, mut errors) = (0, 0, Vec::new());
    for files in all {
        match download.bring(files) {
            Ok(fetched) => {
                count += fetched.len();
                size += fetched.iter().map(|file| file.bytes).sum::<u64>();
            }
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok((count, size)) } else { Err(Error::Files { errors, after: Vec::new() }) }
}
