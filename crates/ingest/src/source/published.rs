//! Stanford Cars as it was published, and as others have passed it on.
//!
//! Every known copy holds photos in folders called `cars_train`, `cars_test` or `car_ims`, and annotations in
//! MATLAB files of fixed names; they differ in what is packed into which archive and in the folders around it:
//!
//! | copy | holds |
//! |---|---|
//! | the publication | `cars_train.tgz`, `cars_test.tgz`, `car_devkit.tgz`, `cars_test_annos_withlabels.mat` |
//! | torchvision | `stanford_cars/` with the same, unpacked |
//! | the publication, newer part | `car_ims.tgz`, `cars_annos.mat` |
//! | fastai | all in `stanford-cars.tgz` |
//! | Kaggle | a zip with `cars_train/cars_train/`, `cars_test/cars_test/` and MATLAB files beside |
//!
//! So a file's place is told by its own name and by the last such folder above it, wherever that is.

mod contents;
mod names;
mod vouched;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use marque_contracts::schema::{Layout, ingest};
use marque_contracts::{Digest, Progress, Unit};

use contents::Contents;
use names::{ALL, ANNOTATIONS, CLASS_NAMES, PHOTO_FOLDERS, TEST, TRAIN, place};

use super::{Beside, Destination, Found, Source, photo, tree};
use crate::archive::{self, is_archive};
use crate::edition::{Edition, editions, holds_files, unpacked_folder};
use crate::hashes::{self, warn_once};
use crate::settings::ExpectedFile;
use crate::{Error, download};

/// What the newest part of the publication consists of at least.
const NEEDED: [&str; 2] = ["cars_train.tgz", "car_devkit.tgz"];

pub(super) struct Published<'a> {
    pub(super) path: &'a Path,
    pub(super) files: &'a [ExpectedFile],
}

/// The files to read, archives first.
#[derive(Default)]
struct Parts {
    archives: Vec<PathBuf>,
    /// Single files: where they are, and their place below the output folder.
    loose: Vec<(PathBuf, String)>,
    /// Files of which sizes or checksums are known.
    expected: Vec<ExpectedFile>,
    /// How they lie there, if they are none of the editions that the settings name.
    manner: Option<String>,
}

impl Published<'_> {
    fn find(&self) -> Result<Parts, Error> {
        let editions = editions(self.files);
        if let Some(whole) = editions.iter().find(|edition| edition.missing.is_empty()) {
            return self.of_edition(whole);
        }
        let parts = self.detect()?;
        if editions.is_empty() {
            return if parts.is_empty() { Err(self.missing()) } else { Ok(parts) };
        }
        let contents = Contents::of(&parts);
        // Archives of an edition that can be had whole are left of a download that broke off.
        let begun = editions.iter().find(|edition| edition.is_begun() && edition.is_within_reach());
        if begun.is_none() && contents.lacks().is_empty() {
            return Ok(Parts { manner: Some(contents.manner()), ..parts });
        }
        Err(Error::Missing { editions, offline: false, beside: contents.incomplete() })
    }

    /// What belongs to the data set in the folder, wherever it lies.
    fn detect(&self) -> Result<Parts, Error> {
        if self.path.is_file() {
            return Ok(Parts { archives: vec![self.path.to_owned()], ..Parts::default() });
        }
        let names = if self.path.is_dir() { tree::files_below(self.path)? } else { Vec::new() };
        let mut parts = Parts::default();
        parts.add_loose(self.path, "", &names);
        let known = |name: &&String| names::inside(name.rsplit('/').next().unwrap_or_default()).is_some();
        let mut archives: Vec<_> = names.iter().filter(known).collect();
        // An archive of any name may hold the photos, if nothing else does. With editions named, one that does not
        // say what it holds is left alone: other files lie there too.
        if archives.is_empty() && !Contents::of(&parts).has_photos() {
            let may_hold = |name: &&String| {
                let path = self.path.join(name);
                is_archive(name)
                    && !tree::is_hidden(name)
                    && (self.files.is_empty()
                        || archive::names_in_zip(&path).iter().any(|n| names::place(n).is_some()))
            };
            archives = names.iter().filter(may_hold).collect();
        }
        parts.archives = archives.into_iter().map(|name| self.path.join(name)).collect();
        // An archive wins over the folder that was unpacked from it.
        let unpacked: Vec<_> = parts.archives.iter().filter_map(|archive| unpacked_folder(archive)).collect();
        parts.loose.retain(|(path, _)| !unpacked.iter().any(|folder| path.starts_with(folder)));
        let used = |file: &&ExpectedFile| {
            parts.archives.contains(&file.path) || parts.loose.iter().any(|(path, _)| *path == file.path)
        };
        parts.expected = self.files.iter().filter(used).cloned().collect();
        Ok(parts)
    }

    fn of_edition(&self, edition: &Edition) -> Result<Parts, Error> {
        let mut parts = Parts::default();
        for file in &edition.files {
            let folder = unpacked_folder(&file.path);
            match (file.path.is_file(), folder) {
                (true, _) if is_archive(file.name()) => parts.archives.push(file.path.clone()),
                (false, Some(folder)) => {
                    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
                    parts.add_loose(&folder, &format!("{name}/"), &tree::files_below(&folder)?);
                    continue;
                }
                _ => parts.loose.extend(place(file.name()).map(|place| (file.path.clone(), place))),
            }
            parts.expected.push(file.clone());
        }
        Ok(parts)
    }

    fn missing(&self) -> Error {
        let file = |name: &&str| ExpectedFile {
            path: self.path.join(name),
            edition: String::new(),
            checksums: Vec::new(),
            bytes: None,
            urls: Vec::new(),
        };
        let files: Vec<_> = NEEDED.iter().map(file).collect();
        let edition = Edition { name: String::new(), missing: files.clone(), files };
        Error::Missing { editions: vec![edition], offline: false, beside: None }
    }
}

impl Parts {
    fn is_empty(&self) -> bool {
        self.archives.is_empty() && self.loose.is_empty()
    }

    /// Adds the files below `folder` that belong to the data set; `prefix` goes before their names.
    fn add_loose(&mut self, folder: &Path, prefix: &str, names: &[String]) {
        let found = names.iter().filter_map(|name| {
            let place = place(&format!("{prefix}{name}"))?;
            Some((folder.join(name), place))
        });
        self.loose.extend(found);
    }
}

impl Source for Published<'_> {
    fn digests(&self, progress: &dyn Progress) -> Result<BTreeMap<String, Digest>, Error> {
        let parts = self.find()?;
        let mut digests = BTreeMap::new();
        for (archive, digest) in parts.archives.iter().zip(hashes::digests(&parts.archives, progress)?) {
            digests.insert(archive.file_name().unwrap_or_default().to_string_lossy().into_owned(), digest);
        }
        let mut folders: BTreeMap<&str, BTreeMap<String, Digest>> = BTreeMap::new();
        let loose: Vec<_> = parts.loose.iter().map(|(path, _)| path.clone()).collect();
        for ((_, place), digest) in parts.loose.iter().zip(hashes::digests(&loose, progress)?) {
            let folder = place.rsplit_once('/').map_or("", |(folder, _)| folder);
            folders.entry(folder).or_default().insert(place.clone(), digest);
        }
        digests
            .extend(folders.iter().map(|(folder, files)| (format!("{folder}/"), tree::digest_of_all(files))));
        Ok(digests)
    }

    fn beside(&self) -> Result<Beside, Error> {
        match self.find() {
            Ok(Parts { manner: Some(manner), .. }) => Ok(Beside::Whole(manner)),
            Ok(_) => Ok(Beside::Nothing),
            Err(Error::Missing { beside, .. }) => Ok(beside.map_or(Beside::Nothing, Beside::Part)),
            Err(other) => Err(other),
        }
    }

    fn bring(&self, to: &Destination<'_>) -> Result<Found, Error> {
        let parts = self.find()?;
        if let Some(manner) = &parts.manner {
            to.progress.line(&format!(
                "Stanford Cars is there {manner}: none of the editions that the configuration names, so nothing is downloaded"
            ));
        }
        let found = self.take(&parts, to)?;
        vouched::tell(&parts, to)?;
        Ok(found)
    }
}

impl Published<'_> {
    /// Everything that is there, without a word on where it comes from.
    pub(super) fn take_all(&self, to: &Destination<'_>) -> Result<Found, Error> {
        self.take(&self.find()?, to)
    }

    fn take(&self, parts: &Parts, to: &Destination<'_>) -> Result<Found, Error> {
        parts.expected.iter().try_for_each(|file| download::check(file, to.progress))?;
        let mut places = BTreeSet::new();
        for archive in &parts.archives {
            places.extend(to.unpack(archive, &place)?);
        }
        if !parts.loose.is_empty() {
            let bar = to.progress.bar("copy files", parts.loose.len() as u64, Unit::Files);
            for (path, place) in &parts.loose {
                // What an archive holds as well is the archive's.
                if places.insert(place.clone()) {
                    to.copy(path, place)?;
                }
                bar.advance(1);
            }
        }
        let layout = self.layout(&places)?;
        for folder in PHOTO_FOLDERS.iter().filter(|folder| !holds_photos(&places, folder)) {
            let folder = self.path.join(folder);
            if folder.is_dir() && !holds_files(&folder) {
                warn_once(format!(
                    "the folder {} is empty: there are no photos of this part",
                    folder.display()
                ));
            }
        }
        Ok(Found { layout, annotations: None, what: describe(layout, &places), rejected: Vec::new() })
    }

    fn layout(&self, places: &BTreeSet<String>) -> Result<Layout, Error> {
        let annotated = |name| places.contains(&format!("{}{name}", ingest::METADATA));
        let photos = |folder| holds_photos(places, folder);
        if photos("cars_train") && annotated(CLASS_NAMES) && annotated(TRAIN) {
            return Ok(Layout::StanfordCars);
        }
        if photos("car_ims") && annotated(ALL) {
            return Ok(Layout::CarIms);
        }
        let there: Vec<_> = (PHOTO_FOLDERS.into_iter().filter(|folder| photos(folder)))
            .map(|folder| format!("photos in {folder}"))
            .chain(ANNOTATIONS.into_iter().filter(|name| annotated(name)).map(str::to_owned))
            .collect();
        let empty = PHOTO_FOLDERS.map(|folder| self.path.join(folder));
        let empty = empty.iter().filter(|folder| folder.is_dir() && !holds_files(folder));
        let there: Vec<_> = there
            .into_iter()
            .chain(empty.map(|folder| format!("an empty folder {}", folder.display())))
            .collect();
        let there = if there.is_empty() { "nothing of the kind".to_owned() } else { there.join(", ") };
        Err(Error::Layout {
            path: self.path.to_owned(),
            wanted: "a copy of Stanford Cars",
            reason: format!(
                "it takes photos in cars_train with {CLASS_NAMES} and {TRAIN}, or photos in car_ims with {ALL}; \
                 found: {there}"
            ),
        })
    }
}

fn holds_photos(places: &BTreeSet<String>, folder: &str) -> bool {
    let start = photo(&format!("{folder}/"));
    places.range(start.clone()..).next().is_some_and(|place| place.starts_with(&start))
}

fn describe(layout: Layout, places: &BTreeSet<String>) -> String {
    let folders: Vec<_> = PHOTO_FOLDERS.into_iter().filter(|folder| holds_photos(places, folder)).collect();
    let annotations = match layout {
        Layout::CarIms => ALL,
        _ if places.contains(&format!("{}{TEST}", ingest::METADATA)) => "the devkit and the test labels",
        _ => "the devkit, without test labels",
    };
    format!("Stanford Cars: {} with {annotations}", folders.join(" and "))
}
