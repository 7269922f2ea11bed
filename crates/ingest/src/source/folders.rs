//! A folder of photos per class, perhaps below a folder per split.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use marque_contracts::schema::Layout;
use marque_contracts::{Digest, Unit};
use marque_formats::{AnnotationRow, AnnotationTable};
use serde_json::{Value, json};

use super::{Destination, Found, Source, photo, split_words, tree};
use crate::archive::is_archive;
use crate::edition::{editions, unpacked_folder};
use crate::settings::ExpectedFile;
use crate::{Error, download};

pub(super) struct Folders<'a> {
    pub(super) path: &'a Path,
    pub(super) files: &'a [ExpectedFile],
}

impl Folders<'_> {
    /// The archives to unpack: those of the first edition that is there, or the one that the path names.
    fn archives(&self) -> Result<Vec<ExpectedFile>, Error> {
        let editions = editions(self.files);
        if editions.is_empty() {
            let named = ExpectedFile {
                path: self.path.to_owned(),
                edition: String::new(),
                checksums: Vec::new(),
                bytes: None,
                urls: Vec::new(),
            };
            return Ok(if self.path.is_file() { vec![named] } else { Vec::new() });
        }
        match editions.iter().find(|edition| edition.missing.is_empty()) {
            Some(edition) => {
                let archive = |file: &&ExpectedFile| file.path.is_file() && is_archive(file.name());
                Ok(edition.files.iter().filter(archive).cloned().collect())
            }
            None => Err(Error::Missing { editions, offline: false }),
        }
    }

    /// The photos in folders, by their paths below [`Folders::path`].
    fn loose(&self, archives: &[ExpectedFile]) -> Result<Vec<String>, Error> {
        if !archives.is_empty() {
            return Ok(Vec::new());
        }
        if !self.path.is_dir() {
            return Err(self.wrong("there is no such folder"));
        }
        let mut names = tree::files_below(self.path)?;
        names.retain(|name| tree::is_photo(name));
        // Folders unpacked from expected archives, if there are such, and nothing beside them.
        let unpacked: Vec<_> = self.files.iter().filter_map(|file| unpacked_folder(&file.path)).collect();
        let inside = |name: &String| unpacked.iter().any(|folder| self.path.join(name).starts_with(folder));
        names.retain(|name| unpacked.is_empty() || inside(name));
        Ok(names)
    }

    fn wrong(&self, reason: impl Into<String>) -> Error {
        let wanted = "a folder, or an archive, with a folder of photos per class";
        Error::Layout { path: self.path.to_owned(), wanted, reason: reason.into() }
    }
}

impl Source for Folders<'_> {
    fn settings(&self) -> Value {
        json!({ "source": "folders" })
    }

    fn digests(&self) -> Result<BTreeMap<String, Digest>, Error> {
        let archives = self.archives()?;
        let mut digests = BTreeMap::new();
        for archive in &archives {
            let path = &archive.path;
            let digest = Digest::of_file(path).map_err(|e| Error::io("read", path, e))?;
            digests.insert(archive.name().to_owned(), digest);
        }
        let names = self.loose(&archives)?;
        if !names.is_empty() {
            let files = tree::digests(self.path, names.iter().map(String::as_str))?;
            digests.insert("photos".to_owned(), tree::digest_of_all(&files));
        }
        Ok(digests)
    }

    fn bring(&self, to: &Destination<'_>) -> Result<Found, Error> {
        let archives = self.archives()?;
        let mut names = BTreeSet::new();
        for archive in &archives {
            if !archive.checksums.is_empty() || archive.bytes.is_some() {
                download::check(archive, to.progress)?;
            }
            let place = |name: &str| tree::is_photo(name).then(|| photo(name));
            let places = to.unpack(&archive.path, &place)?;
            names.extend(places.iter().filter_map(|place| place.strip_prefix(&photo(""))).map(str::to_owned));
        }
        let loose = self.loose(&archives)?;
        if !loose.is_empty() {
            let bar = to.progress.bar("copy photos", loose.len() as u64, Unit::Files);
            for name in loose {
                to.copy(&self.path.join(&name), &photo(&name))?;
                bar.advance(1);
                names.insert(name);
            }
        }
        if names.is_empty() {
            return Err(Error::Empty { place: self.path.to_owned() });
        }
        let rows = names.iter().map(|name| self.row(name)).collect::<Result<Vec<_>, _>>()?;
        let classes: BTreeSet<_> = rows.iter().filter_map(|row| row.class_name.as_deref()).collect();
        let what = format!("{} class folders", classes.len());
        let annotations = Some(AnnotationTable { columns: Vec::new(), rows });
        Ok(Found { layout: Layout::Table, annotations, what })
    }
}

impl Folders<'_> {
    /// The folder that a photo lies in is its class; one above it may name its split.
    fn row(&self, name: &str) -> Result<AnnotationRow, Error> {
        let mut parts = name.rsplit('/').skip(1);
        let class = parts.next().filter(|class| split_words::parse(class).is_none());
        let Some(class) = class else {
            return Err(self.wrong(format!("{name} does not lie in the folder of a class")));
        };
        Ok(AnnotationRow {
            file_name: name.to_owned(),
            split: parts.find_map(split_words::parse),
            class_name: Some(class.to_owned()),
            crop: None,
            values: Vec::new(),
        })
    }
}
