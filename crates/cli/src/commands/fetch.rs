//! `marque fetch`, and what `marque run` downloads before it begins.

use marque_contracts::Store;
use marque_contracts::schema::{ingest, train};
use marque_ingest::{Download, ExpectedFile, Ingest, Settings, Verified};

use crate::configuration::Configuration;
use crate::error::Error;
use crate::terminal::{Terminal, bytes};

/// Verifies all files that the configuration names with addresses or checksums, sets aside what is not the
/// published file, and downloads what is missing.
pub(super) fn fetch(configuration: &Configuration, terminal: &Terminal) -> Result<(), Error> {
    let all = [&configuration.dataset.files, &configuration.fetch.files];
    if all.iter().all(|files| files.is_empty()) {
        terminal.say("nothing to fetch: the configuration names no files");
        return Ok(());
    }
    let store = Store::open(&configuration.store)?;
    let _lock = store.lock()?;
    let download = Download::new(&configuration.fetch, terminal);
    let mut verified = Vec::new();
    for files in all {
        let compared = download.verify(files)?;
        for error in &compared.wrong {
            terminal.say(format_args!("{error}; set aside with the ending .rejected"));
        }
        verified.push(compared);
    }
    let (came, size) = bring(&download, Some(&configuration.dataset), &configuration.fetch.files)?;
    if let Some(layout) = Ingest::new(configuration.dataset.clone()).alternative_copy() {
        terminal.say(format_args!(
            "the data set is there {layout}: none of the editions that the configuration names, so unverified"
        ));
    }
    terminal.say(compared(&verified, came, size));
    Ok(())
}

/// What was compared with what: a size alone is no proof.
fn compared(verified: &[Verified], came: usize, size: u64) -> String {
    let sum = |of: fn(&Verified) -> usize| verified.iter().map(of).sum::<usize>();
    let by_checksum = sum(|files| files.by_checksum);
    let mut text = match by_checksum {
        1 => "1 file was there and is the published one".to_owned(),
        count => format!("{count} files were there and are the published ones"),
    };
    let others = [
        (sum(|files| files.by_size), "of the published size, without a known checksum"),
        (sum(|files| files.unknown), "unverified, as neither size nor checksum is known"),
        (sum(|files| files.unpacked), "unpacked, so unverified"),
    ];
    for (count, what) in others.into_iter().filter(|(count, _)| *count > 0) {
        text.push_str(&format!(", {count} {what}"));
    }
    if came > 0 {
        text.push_str(&format!(", {came} downloaded ({})", bytes(size)));
    }
    text
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
    let dataset = needs(ingest::STAGE)?.then_some(&configuration.dataset);
    let weights = if needs(train::STAGE)? { &configuration.fetch.files } else { &none };
    let download = Download::new(&configuration.fetch, terminal);
    // `ingest` looks at the data set's files itself; nothing else looks at these.
    for error in download.verify(weights)?.wrong {
        terminal.say(format_args!("{error}; set aside with the ending .rejected"));
    }
    bring(&download, dataset, weights)?;
    if needs(ingest::STAGE)? {
        Ingest::new(configuration.dataset.clone()).hash_sources(terminal);
    }
    Ok(())
}

/// Downloads what is missing; everything that cannot be had is reported together. Returns number and bytes.
fn bring(
    download: &Download<'_>,
    dataset: Option<&Settings>,
    weights: &[ExpectedFile],
) -> Result<(usize, u64), Error> {
    let (mut count, mut size, mut errors) = (0, 0, Vec::new());
    let dataset = dataset.map(|dataset| download.fetch_dataset(dataset));
    for brought in dataset.into_iter().chain([download.fetch_missing(weights)]) {
        match brought {
            Ok(fetched) => {
                count += fetched.len();
                size += fetched.iter().map(|file| file.bytes).sum::<u64>();
            }
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok((count, size)) } else { Err(Error::Files { errors, after: Vec::new() }) }
}
