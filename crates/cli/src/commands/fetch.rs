//! `marque fetch`, and what `marque run` downloads before it begins.

use marque_contracts::counts::counted;
use marque_contracts::schema::{features, ingest, train};
use marque_ingest::{Download, ExpectedFile, Ingest, Settings, Verified};
use marque_store::{Request, Store};

use crate::configuration::Configuration;
use crate::error::Error;
use crate::terminal::{Terminal, bytes};

/// Stages that read pretrained weights.
pub(super) const WEIGHT_READERS: [&str; 2] = [features::STAGE, train::STAGE];

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
    let mut text = counted(
        by_checksum as u64,
        "file was there and is the published one",
        "files were there and are the published ones",
    );
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

/// Downloads what is missing for a run: the data set for `ingest`, pretrained weights for the stages that read them,
/// which are compared with their checksums before. Hashes the data set's files, which takes a while.
pub(super) fn bring_missing(
    configuration: &Configuration,
    request: &Request,
    terminal: &Terminal,
) -> Result<(), Error> {
    let needs = |stage: &str| request.needs(&configuration.stages, stage);
    let dataset = needs(ingest::STAGE).then_some(&configuration.dataset);
    let weights = match WEIGHT_READERS.into_iter().any(needs) {
        true => &configuration.fetch.files[..],
        false => &[],
    };
    let download = Download::new(&configuration.fetch, terminal);
    // `ingest` looks at the data set's files itself; nothing else looks at these.
    for error in download.verify(weights)?.wrong {
        terminal.say(format_args!("{error}; set aside with the ending .rejected"));
    }
    bring(&download, dataset, weights)?;
    if let Some(dataset) = dataset {
        Ingest::new(dataset.clone()).hash_sources(terminal);
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
    if errors.is_empty() { Ok((count, size)) } else { Err(Error::Files { errors, downstream: Vec::new() }) }
}
