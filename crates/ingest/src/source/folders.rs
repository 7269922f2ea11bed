//! A folder of photos per class, perhaps below a folder per split.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use marque_contracts::schema::Layout;
use marque_contracts::{Digest, Progress, Unit};
use marque_formats::{AnnotationRow, AnnotationTable, RejectedRow};

use super::tree::{self, Listing};
use super::{Destination, Found, Source, photo, split_words};
use crate::archive::is_archive;
use crate::edition::{editions, unpacked_folder};
use crate::error::count;
use crate::hashes::{self, warn_once};
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
            None => Err(Error::Missing { editions, offline: false, beside: None }),
        }
    }

    /// The photos in folders, by their paths below [`Folders::path`], and links to photos that are not there.
    fn loose(&self, archives: &[ExpectedFile]) -> Result<Listing, Error> {
        if !archives.is_empty() {
            return Ok(Listing::default());
        }
        if !self.path.is_dir() {
            return Err(self.wrong("there is no such folder"));
        }
        let mut listing = tree::list(self.path)?;
        // Folders unpacked from expected archives, if there are such, and nothing beside them.
        let unpacked: Vec<_> = self.files.iter().filter_map(|file| unpacked_folder(&file.path)).collect();
        let inside = |name: &String| unpacked.iter().any(|folder| self.path.join(name).starts_with(folder));
        for names in [&mut listing.files, &mut listing.broken] {
            names.retain(|name| tree::is_photo(name) && (unpacked.is_empty() || inside(name)));
        }
        Ok(listing)
    }

    fn wrong(&self, reason: impl Into<String>) -> Error {
        let wanted = "a folder, or an archive, with a folder of photos per class";
        Error::Layout { path: self.path.to_owned(), wanted, reason: reason.into() }
    }
}

impl Source for Folders<'_> {
    fn digests(&self, progress: &dyn Progress) -> Result<BTreeMap<String, Digest>, Error> {
        let archives = self.archives()?;
        let mut digests = BTreeMap::new();
        let paths: Vec<_> = archives.iter().map(|archive| archive.path.clone()).collect();
        for (archive, digest) in archives.iter().zip(hashes::digests(&paths, progress)?) {
            digests.insert(archive.name().to_owned(), digest);
        }
        let listing = self.loose(&archives)?;
        if !listing.files.is_empty() {
            let files = tree::digests(self.path, listing.files.iter().map(String::as_str), progress)?;
            digests.insert("photos".to_owned(), tree::digest_of_all(&files));
        }
        if !listing.broken.is_empty() {
            let names = Digest::of_bytes(listing.broken.join("\0").as_bytes());
            digests.insert("broken links".to_owned(), names);
        }
        Ok(digests)
    }

    fn bring(&self, to: &Destination<'_>) -> Result<Found, Error> {
        let archives = self.archives()?;
        let mut names = BTreeSet::new();
        let outside = RefCell::new(BTreeSet::new());
        for archive in &archives {
            if !archive.checksums.is_empty() || archive.bytes.is_some() {
                download::check(archive, to.progress)?;
            }
            let place = |name: &str| {
                let wanted = tree::is_photo(name);
                if wanted && class_of(name).is_none() {
                    outside.borrow_mut().insert(name.to_owned());
                    return None;
                }
                wanted.then(|| photo(name))
            };
            let places = to.unpack(&archive.path, &place)?;
            names.extend(places.iter().filter_map(|place| place.strip_prefix(&photo(""))).map(str::to_owned));
        }
        let Listing { files: loose, broken } = self.loose(&archives)?;
        if !loose.is_empty() {
            let bar = to.progress.bar("copy photos", loose.len() as u64, Unit::Files);
            for name in loose {
                bar.advance(1);
                if class_of(&name).is_none() {
                    outside.borrow_mut().insert(name);
                    continue;
                }
                to.copy(&self.path.join(&name), &photo(&name))?;
                names.insert(name);
            }
        }
        let outside = outside.into_inner();
        if names.is_empty() && outside.is_empty() {
            return Err(Error::Empty { place: self.path.to_owned() });
        }
        let rows: Vec<_> = names.iter().filter_map(|name| row(name)).collect();
        let classes: BTreeSet<_> = rows.iter().filter_map(|row| row.class_name.as_deref()).collect();
        warn_of_few(&rows, &classes);
        let what = count(classes.len(), "class folder", "class folders");
        let annotations = Some(AnnotationTable { columns: Vec::new(), rows });
        let rejected = broken.into_iter().map(|name| RejectedRow {
            reason: format!("it is a link to a file that is not there: {}", target(&self.path.join(&name))),
            file_name: name,
        });
        let outside = outside.into_iter().map(|file_name| RejectedRow {
            reason: "it does not lie in the folder of a class".to_owned(),
            file_name,
        });
        let rejected = rejected.chain(outside).collect();
        Ok(Found { layout: Layout::Table, annotations, what, rejected })
    }
}

/// Says where there is little to learn from.
fn warn_of_few(rows: &[AnnotationRow], classes: &BTreeSet<&str>) {
    if let [only] = classes.iter().collect::<Vec<_>>().as_slice() {
        warn_once(format!(
            "there is one class folder only, {only}: a head of these classes has nothing to tell apart"
        ));
    }
    let photos =
        |class: &&&str| rows.iter().filter(|row| row.class_name.as_deref() == Some(**class)).take(2).count();
    let single: Vec<_> = classes.iter().filter(|class| photos(class) == 1).copied().collect();
    if let [first, ..] = single.as_slice() {
        let classes = count(single.len(), "class has", "classes have");
        warn_once(format!(
            "{classes} a single photo, as {first}: it cannot both be learnt from and measured"
        ));
    }
}

/// Where a link points.
fn target(link: &Path) -> String {
    std::fs::read_link(link).map_or_else(|_| "elsewhere".to_owned(), |path| path.display().to_string())
}

/// The folder that a photo lies in is its class, unless it is that of a split.
fn class_of(name: &str) -> Option<&str> {
    name.rsplit('/').nth(1).filter(|class| split_words::parse(class).is_none())
}

/// A photo in the folder of its class; one above it may name its split.
fn row(name: &str) -> Option<AnnotationRow> {
    Some(AnnotationRow {
        file_name: name.to_owned(),
        split: name.rsplit('/').skip(2).find_map(split_words::parse),
        class_name: Some(class_of(name)?.to_owned()),
        crop: None,
        values: Vec::new(),
    })
}
