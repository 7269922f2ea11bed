//! Downloads and verifies the files that the configuration names.

use std::collections::BTreeMap;
use std::path::Path;

use marque_contracts::Progress;
use marque_fetch::{Fetched, Fetcher, RemoteFile, set_aside};

use crate::Error;
use crate::distribution::{Distribution, is_present};
use crate::expected_file::{ExpectedFile, FetchSettings};
use crate::settings::Settings;
use crate::source::{self, AlternativeCopy};
use crate::verify::verify;

/// How many files were compared with what is published of them, and by what.
#[derive(Debug, Default)]
pub struct Verified {
    /// Files with the published checksums.
    pub by_checksum: usize,
    /// Files with the published size, of which no checksum is known.
    pub by_size: usize,
    /// Files of which neither is known: unverified.
    pub unknown: usize,
    /// Archives that are there unpacked, of which nothing is known: unverified.
    pub unpacked: usize,
    /// What is wrong with those set aside.
    pub wrong: Vec<Error>,
}

/// Downloads and verifies files by the settings of `[fetch]`.
pub struct Download<'a> {
    settings: &'a FetchSettings,
    progress: &'a dyn Progress,
}

impl<'a> Download<'a> {
    /// With the settings of `[fetch]`.
    pub fn new(settings: &'a FetchSettings, progress: &'a dyn Progress) -> Self {
        Self { settings, progress }
    }

    /// Downloads what is missing of `files`; of several distributions, of one. What is there is left alone. Returns
    /// what was downloaded.
    ///
    /// # Errors
    /// [`Error::Missing`] if files are missing and cannot be fetched: offline, or no address is known;
    /// [`Error::Fetch`] if no address gives them.
    pub fn fetch_missing(&self, files: &[ExpectedFile]) -> Result<Vec<Fetched>, Error> {
        self.fetch_unless(files, || Ok(AlternativeCopy::None))
    }

    /// Downloads what is missing of the data set's files, unless there is a complete alternative copy.
    ///
    /// # Errors
    /// As [`Download::fetch_missing`], and if folders cannot be read.
    pub fn fetch_dataset(&self, settings: &Settings) -> Result<Vec<Fetched>, Error> {
        self.fetch_unless(&settings.files, || source::of(settings)?.alternative_copy())
    }

    fn fetch_unless(
        &self,
        files: &[ExpectedFile],
        alternative_copy: impl FnOnce() -> Result<AlternativeCopy, Error>,
    ) -> Result<Vec<Fetched>, Error> {
        let distributions = Distribution::all(files);
        if distributions.is_empty() || distributions.iter().any(Distribution::is_complete) {
            return Ok(Vec::new());
        }
        let partial_copy = match alternative_copy()? {
            AlternativeCopy::Complete(_) => return Ok(Vec::new()),
            AlternativeCopy::Partial(copy) => Some(copy),
            AlternativeCopy::None => None,
        };
        let offline = self.settings.offline;
        if offline || !distributions.iter().any(Distribution::is_downloadable) {
            return Err(Error::Missing { distributions, offline, partial_copy });
        }
        if let Some(copy) = partial_copy {
            tracing::warn!("{copy}; a complete edition is downloaded");
        }
        let mut errors = Vec::new();
        for distribution in distributions.iter().filter(|distribution| distribution.is_downloadable()) {
            match self.fetch_all(&distribution.missing) {
                Ok(fetched) => return Ok(fetched),
                Err(found) => errors.extend(found),
            }
        }
        // Where nothing can be written, no other address would do.
        if let Some(at) = errors.iter().position(|error| matches!(error, marque_fetch::Error::Io(_)))
            && let marque_fetch::Error::Io(error) = errors.swap_remove(at)
        {
            return Err(error.into());
        }
        // What was downloaded meanwhile is not missing any more.
        Err(Error::Fetch { errors, distributions: Distribution::all(files) })
    }

    /// Compares what is there of `files` with sizes and checksums; a file that is not the published one is set
    /// aside under a name that ends with `.rejected`.
    ///
    /// # Errors
    /// If a file cannot be read or renamed.
    pub fn verify(&self, files: &[ExpectedFile]) -> Result<Verified, Error> {
        let mut verified = Verified::default();
        for file in files {
            if !file.path.is_file() {
                verified.unpacked += usize::from(is_present(file));
                continue;
            }
            let Err(error) = verify(file, self.progress) else {
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
            set_aside(&file.path)?;
            verified.wrong.push(error);
        }
        Ok(verified)
    }

    fn fetch_all(&self, files: &[ExpectedFile]) -> Result<Vec<Fetched>, Vec<marque_fetch::Error>> {
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
                Some(url) => format!("was downloaded from {url}{resumed}"),
                None => "was downloaded by another program meanwhile".to_owned(),
            };
            self.progress.line(&format!("{} {from}", file.path.display()));
        }
        if errors.is_empty() { Ok(fetched) } else { Err(errors) }
    }
}
