//! A folder of photos per class, perhaps below a folder per split.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use marque_contracts::counts::counted;
use marque_contracts::schema::Layout;
use marque_contracts::{Digest, Progress, Unit};
use marque_formats::{AnnotationRow, AnnotationTable, RejectedRow};

use super::{Destination, Imported, Source, complete_distribution, photo_path, split_words};
use crate::archive::is_archive;
use crate::distribution::unpacked_folder;
use crate::expected_file::ExpectedFile;
use crate::source_folder::{Listing, SourceFolder, is_hidden, is_photo, is_photo_content};
use crate::verify::verify;
use crate::warnings::warn_once;
use crate::{Error, digests};

pub(super) struct FolderSource<'a> {
    pub(super) path: &'a Path,
    pub(super) files: &'a [ExpectedFile],
}

impl FolderSource<'_> {
    /// The archives to unpack: those of the first complete distribution, or the one that the path names.
    fn archives(&self) -> Result<Vec<ExpectedFile>, Error> {
        let archive = |file: &ExpectedFile| file.path.is_file() && is_archive(file.name());
        Ok(match complete_distribution(self.files)? {
            Some(complete) => complete.files.into_iter().filter(archive).collect(),
            None if self.path.is_file() => vec![ExpectedFile::at(self.path.to_owned())],
            None => Vec::new(),
        })
    }

    /// The photos in folders, by their paths below [`FolderSource::path`], and broken links to photos.
    pub(super) fn loose(&self, archives: &[ExpectedFile]) -> Result<Listing, Error> {
        if !archives.is_empty() {
            return Ok(Listing::default());
        }
        if !self.path.is_dir() {
            return Err(Error::Layout {
                path: self.path.to_owned(),
                wanted: "a folder, or an archive, with a folder of photos per class",
                reason: "there is no such folder".to_owned(),
            });
        }
        let folder = SourceFolder(self.path);
        let mut listing = folder.list()?;
        // With expected archives, the folders that these unpack to alone.
        let unpacked: Vec<_> = self.files.iter().filter_map(|file| unpacked_folder(&file.path)).collect();
        let inside = |name: &String| unpacked.iter().any(|folder| self.path.join(name).starts_with(folder));
        let wanted = |name: &String| unpacked.is_empty() || inside(name);
        let by_content = |name: &String| !is_hidden(name) && folder.holds_photo(name);
        listing.files.retain(|name| wanted(name) && (is_photo(name) || by_content(name)));
        listing.broken_links.retain(|name| wanted(name) && is_photo(name));
        Ok(listing)
    }
}

impl Source for FolderSource<'_> {
    fn digests(&self, progress: &dyn Progress) -> Result<BTreeMap<String, Digest>, Error> {
        let archives = self.archives()?;
        let paths: Vec<_> = archives.iter().map(|archive| archive.path.clone()).collect();
        let names = archives.iter().map(|archive| archive.name().to_owned());
        let mut digests: BTreeMap<_, _> = names.zip(digests::of_files(&paths, progress)?).collect();
        let listing = self.loose(&archives)?;
        if !listing.files.is_empty() {
            let names: Vec<_> = listing.files.iter().map(String::as_str).collect();
            digests.insert("photos".to_owned(), SourceFolder(self.path).digest(&names, progress)?);
        }
        if !listing.broken_links.is_empty() {
            let names = Digest::of_bytes(listing.broken_links.join("\0").as_bytes());
            digests.insert("broken links".to_owned(), names);
        }
        Ok(digests)
    }

    fn import(&self, to: &Destination<'_>) -> Result<Imported, Error> {
        let archives = self.archives()?;
        let mut names = BTreeSet::new();
        let outside = RefCell::new(BTreeSet::new());
        for archive in &archives {
            if !archive.checksums.is_empty() || archive.bytes.is_some() {
                verify(archive, to.progress)?;
            }
            let place = |name: &str, head: &[u8]| {
                let wanted = is_photo(name) || (!is_hidden(name) && is_photo_content(head));
                if wanted && class_of(name).is_none() {
                    outside.borrow_mut().insert(name.to_owned());
                    return None;
                }
                wanted.then(|| photo_path(name))
            };
            let places = to.unpack(&archive.path, &place)?;
            names.extend(
                places.iter().filter_map(|place| place.strip_prefix(&photo_path(""))).map(str::to_owned),
            );
        }
        let Listing { files: loose, broken_links } = self.loose(&archives)?;
        if !loose.is_empty() {
            let bar = to.progress.bar("copy photos", loose.len() as u64, Unit::Files);
            for name in loose {
                bar.advance(1);
                if class_of(&name).is_none() {
                    outside.borrow_mut().insert(name);
                    continue;
                }
                to.copy(&self.path.join(&name), &photo_path(&name))?;
                names.insert(name);
            }
        }
        let outside = outside.into_inner();
        if names.is_empty() && outside.is_empty() {
            return Err(Error::Empty { place: self.path.to_owned() });
        }
        let unnamed: Vec<_> = names.iter().filter(|name| !is_photo(name)).collect();
        if let [first, ..] = unnamed.as_slice() {
            let files = counted(unnamed.len() as u64, "file is a photo", "files are photos");
            to.progress.line(&format!("{files} by content, though not by name, and taken, such as {first}"));
        }
        let rows: Vec<_> = names.iter().filter_map(|name| row(name)).collect();
        let classes: BTreeSet<_> = rows.iter().filter_map(|row| row.class_name.as_deref()).collect();
        warn_of_few(&rows, &classes);
        let description = counted(classes.len() as u64, "class folder", "class folders");
        let annotations = Some(AnnotationTable { columns: Vec::new(), rows });
        let broken = broken_links.into_iter().map(|name| RejectedRow {
            reason: format!("it is a link to a file that is not there: {}", target(&self.path.join(&name))),
            file_name: name,
        });
        let outside = outside.into_iter().map(|file_name| RejectedRow {
            reason: "it does not lie in the folder of a class".to_owned(),
            file_name,
        });
        let rejected = broken.chain(outside).collect();
        Ok(Imported { layout: Layout::Table, annotations, description, rejected })
    }
}

/// Warns where there are too few classes or photos to train on.
fn warn_of_few(rows: &[AnnotationRow], classes: &BTreeSet<&str>) {
    if let [only] = classes.iter().collect::<Vec<_>>().as_slice() {
        warn_once(format!(
            "there is only one class folder, {only}: a head of these classes has nothing to tell apart"
        ));
    }
    let photos =
        |class: &&&str| rows.iter().filter(|row| row.class_name.as_deref() == Some(**class)).take(2).count();
    let single: Vec<_> = classes.iter().filter(|class| photos(class) == 1).copied().collect();
    if let [first, ..] = single.as_slice() {
        let classes = counted(single.len() as u64, "class has", "classes have");
        warn_once(format!(
            "{classes} a single photo, such as {first}: it cannot be both trained on and evaluated"
        ));
    }
}

/// What a link points to.
fn target(link: &Path) -> String {
    fs_err::read_link(link).map_or_else(|_| "elsewhere".to_owned(), |path| path.display().to_string())
}

/// The folder that a photo lies in is its class, unless it is that of a split.
fn class_of(name: &str) -> Option<&str> {
    name.rsplit('/').nth(1).filter(|class| split_words::parse(class).is_none())
}

/// A photo in the folder of its class; one above it may name its split.
pub(super) fn row(name: &str) -> Option<AnnotationRow> {
    Some(AnnotationRow {
        file_name: name.to_owned(),
        split: name.rsplit('/').skip(2).find_map(split_words::parse),
        class_name: Some(class_of(name)?.to_owned()),
        crop: None,
        values: Vec::new(),
    })
}
