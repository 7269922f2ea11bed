//! Stanford Cars as it was published, and as others have passed it on.
//!
//! Every known copy has photos in folders called `cars_train`, `cars_test` or `car_ims`, and annotations in
//! MATLAB files of fixed names; they differ in what is packed into which archive and in the folders around it:
//!
//! | copy | files |
//! |---|---|
//! | the publication | `cars_train.tgz`, `cars_test.tgz`, `car_devkit.tgz`, `cars_test_annos_withlabels.mat` |
//! | torchvision | `stanford_cars/` with the same, unpacked |
//! | the publication, newer part | `car_ims.tgz`, `cars_annos.mat` |
//! | fastai | all in `stanford-cars.tgz` |
//! | Kaggle | a zip with `cars_train/cars_train/`, `cars_test/cars_test/` and MATLAB files beside |
//!
//! So a file's place follows from its own name and the last such folder above it, wherever that is.

mod contents;
mod provenance;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use marque_contracts::schema::{Layout, ingest};
use marque_contracts::{Digest, Progress, Unit};

use contents::Contents;

use super::{AlternativeCopy, Destination, Imported, Source, photo_path};
use crate::archive::{self, is_archive};
use crate::distribution::{Distribution, unpacked_folder};
use crate::expected_file::ExpectedFile;
use crate::paths::tidy;
use crate::source_folder::{SourceFolder, is_hidden};
use crate::stanford_cars::{
    ALL, ALL_PHOTOS, ANNOTATIONS, CLASS_NAMES, NEEDED_ARCHIVES, PHOTO_FOLDERS, TEST, TRAIN, TRAIN_PHOTOS,
    contents_of_archive, place_of,
};
use crate::verify::verify;
use crate::warnings::warn_once;
use crate::{Error, digests};

pub(super) struct PublishedSource<'a> {
    pub(super) path: &'a Path,
    pub(super) files: &'a [ExpectedFile],
}

/// The files of a copy.
#[derive(Default)]
struct CopyFiles {
    archives: Vec<PathBuf>,
    /// Single files: where they are, and their place below the output folder.
    loose: Vec<(PathBuf, String)>,
    /// Files of which sizes or checksums are known.
    expected: Vec<ExpectedFile>,
    /// Layout and place of an alternative copy, in words; `None` for a distribution.
    alternative: Option<String>,
}

impl PublishedSource<'_> {
    /// The files to read: those of the first complete distribution, or else of an alternative copy.
    fn find(&self) -> Result<CopyFiles, Error> {
        let distributions = Distribution::all(self.files);
        if let Some(complete) = distributions.iter().find(|distribution| distribution.is_complete()) {
            return self.of_distribution(complete);
        }
        let copy = self.detect()?;
        if distributions.is_empty() {
            return if copy.is_empty() { Err(self.missing()) } else { Ok(copy) };
        }
        let contents = Contents::of(&copy);
        // Archives of a distribution that can be downloaded are what an interrupted download left.
        let interrupted = distributions
            .iter()
            .any(|distribution| distribution.is_begun() && distribution.is_downloadable());
        if !interrupted && contents.missing().is_empty() {
            return Ok(CopyFiles { alternative: Some(contents.layout()), ..copy });
        }
        Err(Error::Missing { distributions, offline: false, partial_copy: contents.partial() })
    }

    /// What belongs to the data set in the folder, wherever it lies.
    fn detect(&self) -> Result<CopyFiles, Error> {
        if self.path.is_file() {
            return Ok(CopyFiles { archives: vec![self.path.to_owned()], ..CopyFiles::default() });
        }
        let names = if self.path.is_dir() { SourceFolder(self.path).files()? } else { Vec::new() };
        let mut copy = CopyFiles::default();
        copy.add_loose(self.path, "", &names);
        let known =
            |name: &&String| contents_of_archive(name.rsplit('/').next().unwrap_or_default()).is_some();
        let mut archives: Vec<_> = names.iter().filter(known).collect();
        // An archive of any name may hold the photos, if nothing else does. With distributions named, one whose list
        // of names does not show them is left alone: other files lie there too.
        if archives.is_empty() && !Contents::of(&copy).has_photos() {
            let may_hold = |name: &&String| {
                let path = self.path.join(name);
                is_archive(name)
                    && !is_hidden(name)
                    && (self.files.is_empty()
                        || archive::names_in_zip(&path).iter().any(|name| place_of(name).is_some()))
            };
            archives = names.iter().filter(may_hold).collect();
        }
        copy.archives = archives.into_iter().map(|name| self.path.join(name)).collect();
        // An archive is read, and not the folder that was unpacked from it.
        let unpacked: Vec<_> = copy.archives.iter().filter_map(|archive| unpacked_folder(archive)).collect();
        copy.loose.retain(|(path, _)| !unpacked.iter().any(|folder| path.starts_with(folder)));
        let used = |file: &&ExpectedFile| {
            copy.archives.contains(&file.path) || copy.loose.iter().any(|(path, _)| *path == file.path)
        };
        copy.expected = self.files.iter().filter(used).cloned().collect();
        Ok(copy)
    }

    /// The layout and place of a copy that can be read, in words, and whether it lacks the test photos; `None` if there
    /// is none.
    pub(super) fn usable_copy(&self) -> Result<Option<(String, bool)>, Error> {
        let contents = Contents::of(&self.detect()?);
        let layout =
            || (format!("a copy of Stanford Cars, {}", contents.layout()), !contents.missing().is_empty());
        Ok(contents.is_usable().then(layout))
    }

    fn of_distribution(&self, distribution: &Distribution) -> Result<CopyFiles, Error> {
        let mut copy = CopyFiles::default();
        for file in &distribution.files {
            let folder = unpacked_folder(&file.path);
            match (file.path.is_file(), folder) {
                (true, _) if is_archive(file.name()) => copy.archives.push(file.path.clone()),
                (false, Some(folder)) => {
                    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
                    copy.add_loose(&folder, &format!("{name}/"), &SourceFolder(&folder).files()?);
                    continue;
                }
                _ => copy.loose.extend(place_of(file.name()).map(|place| (file.path.clone(), place))),
            }
            copy.expected.push(file.clone());
        }
        Ok(copy)
    }

    fn missing(&self) -> Error {
        let files: Vec<_> =
            NEEDED_ARCHIVES.iter().map(|name| ExpectedFile::at(self.path.join(name))).collect();
        let distribution = Distribution { name: String::new(), missing: files.clone(), files };
        Error::Missing { distributions: vec![distribution], offline: false, partial_copy: None }
    }
}

impl CopyFiles {
    fn is_empty(&self) -> bool {
        self.archives.is_empty() && self.loose.is_empty()
    }

    /// Adds the files below `folder` that belong to the data set; `prefix` goes before their names.
    fn add_loose(&mut self, folder: &Path, prefix: &str, names: &[String]) {
        let found = names.iter().filter_map(|name| {
            let place = place_of(&format!("{prefix}{name}"))?;
            Some((folder.join(name), place))
        });
        self.loose.extend(found);
    }
}

impl Source for PublishedSource<'_> {
    fn digests(&self, progress: &dyn Progress) -> Result<BTreeMap<String, Digest>, Error> {
        let copy = self.find()?;
        let mut digests = BTreeMap::new();
        for (archive, digest) in copy.archives.iter().zip(digests::of_files(&copy.archives, progress)?) {
            let name = archive.file_name().unwrap_or_default().to_string_lossy().into_owned();
            // Archives of one name lie in different folders.
            let below = || archive.strip_prefix(self.path).unwrap_or(archive).display().to_string();
            let key = if digests.contains_key(&name) { below() } else { name };
            digests.insert(key, digest);
        }
        let mut folders: BTreeMap<&str, BTreeMap<&str, Digest>> = BTreeMap::new();
        let mut first: BTreeMap<&str, &Path> = BTreeMap::new();
        let loose: Vec<_> = copy.loose.iter().map(|(path, _)| path.clone()).collect();
        for ((path, place), digest) in copy.loose.iter().zip(digests::of_files(&loose, progress)?) {
            let folder = place.rsplit_once('/').map_or("", |(folder, _)| folder);
            let before = folders.entry(folder).or_default().insert(place, digest);
            let first = first.entry(place).or_insert(path);
            if before.is_some_and(|before| before != digest) {
                return Err(Error::Conflict {
                    name: place.clone(),
                    first: tidy(first).display().to_string(),
                    second: tidy(path).display().to_string(),
                });
            }
        }
        let folders = folders.into_iter();
        digests.extend(folders.map(|(folder, files)| (format!("{folder}/"), Digest::of_named(files))));
        Ok(digests)
    }

    fn alternative_copy(&self) -> Result<AlternativeCopy, Error> {
        match self.find() {
            Ok(CopyFiles { alternative: Some(layout), .. }) => Ok(AlternativeCopy::Complete(layout)),
            Ok(_) => Ok(AlternativeCopy::None),
            Err(Error::Missing { partial_copy: Some(copy), .. }) => Ok(AlternativeCopy::Partial(copy)),
            Err(Error::Missing { .. }) => Ok(AlternativeCopy::None),
            Err(other) => Err(other),
        }
    }

    fn import(&self, to: &Destination<'_>) -> Result<Imported, Error> {
        let copy = self.find()?;
        if let Some(layout) = &copy.alternative {
            to.progress.line(&format!(
                "Stanford Cars is there {layout}: none of the editions that the configuration names, so nothing is downloaded"
            ));
        }
        let imported = self.import_copy(&copy, to)?;
        provenance::report(&copy, to)?;
        Ok(imported)
    }
}

impl PublishedSource<'_> {
    /// Imports everything that is there, without a report on its provenance.
    pub(super) fn import_all(&self, to: &Destination<'_>) -> Result<Imported, Error> {
        self.import_copy(&self.find()?, to)
    }

    fn import_copy(&self, copy: &CopyFiles, to: &Destination<'_>) -> Result<Imported, Error> {
        copy.expected.iter().try_for_each(|file| verify(file, to.progress))?;
        let mut places = BTreeSet::new();
        for archive in &copy.archives {
            places.extend(to.unpack(archive, &|member, _| place_of(member))?);
        }
        if !copy.loose.is_empty() {
            let bar = to.progress.bar("copy files", copy.loose.len() as u64, Unit::Files);
            for (path, place) in &copy.loose {
                to.copy(path, place)?;
                places.insert(place.clone());
                bar.advance(1);
            }
        }
        let layout = self.layout(&places)?;
        for folder in PHOTO_FOLDERS.iter().filter(|folder| !holds_photos(&places, folder)) {
            let folder = self.path.join(folder);
            if folder.is_dir() && SourceFolder(&folder).is_empty() {
                warn_once(format!(
                    "the folder {} is empty: there are no photos of this part",
                    folder.display()
                ));
            }
        }
        let description = describe(layout, &places);
        Ok(Imported { layout, annotations: None, description, rejected: Vec::new() })
    }

    fn layout(&self, places: &BTreeSet<String>) -> Result<Layout, Error> {
        let annotated = |name| places.contains(&format!("{}{name}", ingest::METADATA));
        let photos = |folder| holds_photos(places, folder);
        if photos(TRAIN_PHOTOS) && annotated(CLASS_NAMES) && annotated(TRAIN) {
            return Ok(Layout::StanfordCars);
        }
        if photos(ALL_PHOTOS) && annotated(ALL) {
            return Ok(Layout::CarIms);
        }
        let there: Vec<_> = (PHOTO_FOLDERS.into_iter().filter(|folder| photos(folder)))
            .map(|folder| format!("photos in {folder}"))
            .chain(ANNOTATIONS.into_iter().filter(|name| annotated(name)).map(str::to_owned))
            .collect();
        let empty = PHOTO_FOLDERS.map(|folder| self.path.join(folder));
        let empty = empty.iter().filter(|folder| folder.is_dir() && SourceFolder(folder).is_empty());
        let there: Vec<_> = there
            .into_iter()
            .chain(empty.map(|folder| format!("an empty folder {}", folder.display())))
            .collect();
        let there = if there.is_empty() { "nothing of the kind".to_owned() } else { there.join(", ") };
        Err(Error::Layout {
            path: self.path.to_owned(),
            wanted: "a copy of Stanford Cars",
            reason: format!(
                "it needs photos in {TRAIN_PHOTOS} with {CLASS_NAMES} and {TRAIN}, or photos in {ALL_PHOTOS} with {ALL}; \
                 found: {there}"
            ),
        })
    }
}

fn holds_photos(places: &BTreeSet<String>, folder: &str) -> bool {
    let start = photo_path(&format!("{folder}/"));
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
