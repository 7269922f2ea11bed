//! Brings files that are named by address to the places where the stages expect them.

use std::collections::BTreeMap;
use std::path::Path;

use marque_contracts::{Progress, Unit};
use marque_fetch::{Checksum, Fetched, Fetcher, RemoteFile, set_aside};

use crate::Error;
use crate::edition::{Edition, editions, is_there};
use crate::settings::{ExpectedFile, FetchSettings, Settings};
use crate::source::{self, Beside};

/// What came of comparing files with what is known of them.
#[derive(Debug, Default)]
pub struct Verified {
    /// Files with the published checksums.
    pub by_checksum: usize,
    /// Files with the published size, of which no checksum is known.
    pub by_size: usize,
    /// Files of which neither is known.
    pub unknown: usize,
    /// Archives that are there unpacked, which nothing is known of.
    pub unpacked: usize,
    /// What is wrong with those set aside.
    pub wrong: Vec<Error>,
}

/// Brings and verifies files by the settings of `[fetch]`.
pub struct Download<'a> {
    settings: &'a FetchSettings,
    progress: &'a dyn Progress,
}

impl<'a> Download<'a> {
    /// With the settings of `[fetch]`.
    pub fn new(settings: &'a FetchSettings, progress: &'a dyn Progress) -> Self {
        Self { settings, progress }
    }

    /// Brings what is missing of `files`; of several editions, one. What is there is left alone. Returns what
    /// came.
    ///
    /// # Errors
    /// [`Error::Missing`] if files are missing and cannot be fetched: offline, or no address is known;
    /// [`Error::Fetch`] if no address gives them.
    pub fn bring(&self, files: &[ExpectedFile]) -> Result<Vec<Fetched>, Error> {
        self.bring_unless(files, || Ok(Beside::Nothing))
    }

    /// Brings what is missing of the data set's files, unless a whole copy lies beside them that is none of the
    /// editions.
    ///
    /// # Errors
    /// As [`Download::bring`], and if folders cannot be read.
    pub fn bring_dataset(&self, settings: &Settings) -> Result<Vec<Fetched>, Error> {
        self.bring_unless(&settings.files, || source::of(settings).beside())
    }

    fn bring_unless(
        &self,
        files: &[ExpectedFile],
        beside: impl FnOnce() -> Result<Beside, Error>,
    ) -> Result<Vec<Fetched>, Error> {
        let there = editions(files);
        if there.is_empty() || there.iter().any(|edition| edition.missing.is_empty()) {
            return Ok(Vec::new());
        }
        let beside = match beside()? {
            Beside::Whole(_) => return Ok(Vec::new()),
            Beside::Part(part) => Some(part),
            Beside::Nothing => None,
        };
        if self.settings.offline || !there.iter().any(Edition::is_within_reach) {
            return Err(Error::Missing { editions: there, offline: self.settings.offline, beside });
        }
        if let Some(part) = beside {
            tracing::warn!("{part}; a whole edition is downloaded");
        }
        let mut errors = Vec::new();
        for edition in there.iter().filter(|edition| edition.is_within_reach()) {
            match self.fetch(&edition.missing) {
                Ok(fetched) => return Ok(fetched),
                Err(found) => errors.extend(found),
            }
        }
        // What came meanwhile is not to be had by hand any more.
        Err(Error::Fetch { errors, editions: editions(files) })
    }

    /// Compares what is there of `files` with sizes and checksums; a file that is not the published one is kept
    /// aside under a name that ends with `.rejected`.
    ///
    /// # Errors
    /// If a file cannot be read or renamed.
    pub fn verify(&self, files: &[ExpectedFile]) -> Result<Verified, Error> {
        let mut verified = Verified::default();
        for file in files {
            if !file.path.is_file() {
                verified.unpacked += usize::from(is_there(file));
                continue;
            }
            let Err(error) = check(file, self.progress) else {
                match (file.checksums.is_empty(), file.bytes) {
                    (false, _) => verified.by_checksum += 1,
                    (true, Some(_)) => verified.by_size += 1,
                    (true, None) => verified.unknown += 1,
                }
                continue;
            };
            if !matches!(error, Error::Checksum { .. } | Error::Length { .. }) {
                return Err(error);
            }
            set_aside(&file.path).map_err(|e| Error::io("rename", &file.path, e))?;
            verified.wrong.push(error);
        }
        Ok(verified)
    }

    fn fetch(&self, files: &[ExpectedFile]) -> Result<Vec<Fetched>, Vec<marque_fetch::Error>> {
        let fetcher = Fetcher::new(self.settings.policy.clone()).map_err(|error| vec![error])?;
        let mut by_folder: BTreeMap<&Path, Vec<RemoteFile>> = BTreeMap::new();
        for file in files {
            by_folder.entry(file.path.parent().unwrap_or(Path::new(""))).or_default().push(RemoteFile {
                name: file.name().to_owned(),
                urls: file.urls.clone(),
                checksums: file.checksums.clone(),
                bytes: file.bytes,
            });
        }
        let (mut fetched, mut errors) = (Vec::new(), Vec::new());
        for (folder, files) in by_folder {
            for result in fetcher.fetch_all(&files, folder, self.progress) {
                match result {
                    Ok(file) => fetched.push(file),
                    Err(error) => errors.push(error),
                }
            }
        }
        for file in &fetched {
            let resumed = if file.resumed > 0 { ", the rest of it now" } else { "" };
            let from = match &file.url {
                Some(url) => format!("came from {url}{resumed}"),
                None => "was downloaded by another program meanwhile".to_owned(),
            };
            self.progress.line(&format!("{} {from}", file.path.display()));
        }
        if errors.is_empty() { Ok(fetched) } else { Err(errors) }
    }
}

/// Compares a file with its published size and checksums.
pub(crate) fn check(file: &ExpectedFile, progress: &dyn Progress) -> Result<(), Error> {
    let path = &file.path;
    let found = std::fs::metadata(path).map_err(|e| Error::io("look at", path, e))?.len();
    if let Some(expected) = file.bytes.filter(|expected| *expected != found) {
        return Err(Error::Length { path: path.clone(), found, expected, to_be_had: !file.urls.is_empty() });
    }
    if file.checksums.is_empty() {
        return Ok(());
    }
    let bar = progress.bar(&format!("verify {}", file.name()), found, Unit::Bytes);
    let checked = Checksum::check(&file.checksums, path, &|n| bar.advance(n));
    let compared = checked.map_err(|e| Error::io("read", path, e))?;
    let to_be_had = !file.urls.is_empty();
    compared.map_err(|mismatch| Error::Checksum { path: path.clone(), mismatch, to_be_had })
}
