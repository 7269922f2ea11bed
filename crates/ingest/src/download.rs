//! Brings files that are named by address to the places where the stages expect them.

use std::collections::BTreeMap;
use std::path::Path;

use marque_contracts::{Progress, Unit};
use marque_fetch::{Checksum, Fetched, Fetcher, RemoteFile};

use crate::Error;
use crate::edition::{Edition, editions};
use crate::settings::{ExpectedFile, FetchSettings};

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
        let editions = editions(files);
        if editions.is_empty() || editions.iter().any(|edition| edition.missing.is_empty()) {
            return Ok(Vec::new());
        }
        if self.settings.offline || !editions.iter().any(Edition::is_within_reach) {
            return Err(Error::Missing { editions, offline: self.settings.offline });
        }
        let mut errors = Vec::new();
        for edition in editions.iter().filter(|edition| edition.is_within_reach()) {
            match self.fetch(&edition.missing) {
                Ok(fetched) => return Ok(fetched),
                Err(found) => errors.extend(found),
            }
        }
        Err(Error::Fetch { errors, editions })
    }

    /// Compares what is there of `files` with sizes and checksums; a file that is not the published one is kept
    /// aside under a name that ends with `.rejected`. Returns how many were compared, and what is wrong with
    /// those set aside.
    ///
    /// # Errors
    /// If a file cannot be read or renamed.
    pub fn verify(&self, files: &[ExpectedFile]) -> Result<(usize, Vec<Error>), Error> {
        let (mut compared, mut wrong) = (0, Vec::new());
        for file in files.iter().filter(|file| file.path.is_file()) {
            compared += 1;
            let Err(error) = check(file, self.progress) else { continue };
            if !matches!(error, Error::Checksum { .. } | Error::Length { .. }) {
                return Err(error);
            }
            let aside = file.path.with_file_name(format!("{}.rejected", file.name()));
            std::fs::rename(&file.path, &aside).map_err(|e| Error::io("rename", &file.path, e))?;
            wrong.push(error);
        }
        Ok((compared, wrong))
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
        return Err(Error::Length { path: path.clone(), found, expected });
    }
    if file.checksums.is_empty() {
        return Ok(());
    }
    let bar = progress.bar(&format!("verify {}", file.name()), found, Unit::Bytes);
    let checked = Checksum::check(&file.checksums, path, &|n| bar.advance(n));
    let compared = checked.map_err(|e| Error::io("read", path, e))?;
    compared.map_err(|mismatch| Error::Checksum { path: path.clone(), mismatch })
}
