//! Which parts of the data set a copy has, before any of it is unpacked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::CopyFiles;
use crate::archive;
use crate::paths::tidy;
use crate::stanford_cars::{
    ALL, ALL_PHOTOS, CLASS_NAMES, PHOTO_FOLDERS, TEST_PHOTOS, TRAIN, TRAIN_PHOTOS, contents_of_archive,
    place_of,
};

/// What a complete copy has at least: test labels may be missing, as in Kaggle's.
const BY_SPLIT: [&str; 4] = [TRAIN_PHOTOS, TEST_PHOTOS, CLASS_NAMES, TRAIN];

/// What a complete copy of the newer part of the publication has.
const ALL_IN_ONE: [&str; 2] = [ALL_PHOTOS, ALL];

/// Folders of photos and annotation files, each with where it was found first.
pub(super) struct Contents(BTreeMap<String, PathBuf>);

impl Contents {
    pub(super) fn of(copy: &CopyFiles) -> Self {
        let mut contents = Self(BTreeMap::new());
        for archive in &copy.archives {
            let name = archive.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let items = match contents_of_archive(name) {
                Some(items) => items.iter().map(|item| (*item).to_owned()).collect(),
                None => items_of_zip(archive),
            };
            for item in items {
                contents.0.entry(item).or_insert_with(|| archive.clone());
            }
        }
        for (path, place) in &copy.loose {
            let item = item(place);
            let folder = path.ancestors().find(|above| above.ends_with(item)).unwrap_or(path);
            contents.0.entry(item.to_owned()).or_insert_with(|| folder.to_owned());
        }
        contents
    }

    /// Whether there are photos, of whatever part.
    pub(super) fn has_photos(&self) -> bool {
        PHOTO_FOLDERS.iter().any(|folder| self.0.contains_key(*folder))
    }

    /// What is missing for a complete copy, by names.
    pub(super) fn missing(&self) -> Vec<&'static str> {
        let missing = |item: &&str| !self.0.contains_key(*item);
        let by_split: Vec<_> = BY_SPLIT.into_iter().filter(missing).collect();
        let all_in_one: Vec<_> = ALL_IN_ONE.into_iter().filter(missing).collect();
        if by_split.is_empty() || all_in_one.is_empty() {
            return Vec::new();
        }
        // Of the two layouts, the one of which something is there.
        if by_split.len() == BY_SPLIT.len() && all_in_one.len() < ALL_IN_ONE.len() {
            all_in_one
        } else {
            by_split
        }
    }

    /// Whether there are photos with their labels, be it of the training split alone.
    pub(super) fn is_usable(&self) -> bool {
        self.has_photos() && self.missing().iter().all(|item| *item == TEST_PHOTOS)
    }

    /// What is there and what is missing, in words; `None` for a complete copy or none at all.
    pub(super) fn partial(&self) -> Option<String> {
        let found: BTreeSet<_> = self.0.values().map(|path| tidy(path).display().to_string()).collect();
        let found: Vec<_> = found.into_iter().collect();
        let missing: Vec<_> = self.missing().into_iter().map(words).collect();
        (!found.is_empty() && !missing.is_empty()).then(|| {
            format!("a part of a copy is there: {}; it lacks {}", found.join(", "), missing.join(", "))
        })
    }

    /// How the photos are laid out and where they are, in words.
    pub(super) fn layout(&self) -> String {
        let photos = PHOTO_FOLDERS.iter().find_map(|folder| Some((*folder, self.0.get(*folder)?)));
        let Some((folder, path)) = photos else { return "unpacked".to_owned() };
        let shown = tidy(path).display().to_string();
        let nested = path.parent().is_some_and(|above| above.ends_with(folder));
        let torchvision = path.parent().is_some_and(|above| above.ends_with("stanford_cars"));
        match (path.is_file(), nested, torchvision) {
            (true, ..) => format!("packed, {shown}"),
            (_, true, _) => format!("as Kaggle nests it, {shown}"),
            (_, _, true) => format!("as torchvision lays it out, {shown}"),
            _ => format!("unpacked, {shown}"),
        }
    }
}

/// The folder of photos, or the annotation file, that a place below the output folder belongs to.
fn item(place: &str) -> &str {
    let place = place.split_once('/').map_or(place, |(_, inside)| inside);
    place.split_once('/').map_or(place, |(folder, _)| folder)
}

fn words(item: &str) -> String {
    if PHOTO_FOLDERS.contains(&item) { format!("photos in {item}") } else { item.to_owned() }
}

/// What a zip archive has by its list of names; unpacking finds out whether that is so.
fn items_of_zip(archive: &Path) -> Vec<String> {
    let names = archive::names_in_zip(archive);
    names.iter().filter_map(|name| Some(item(&place_of(name)?).to_owned())).collect()
}
