//! What of the data set is in files that were found, before any of them is unpacked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::Parts;
use super::names::{ALL, CLASS_NAMES, PHOTO_FOLDERS, TRAIN, inside, place};
use crate::archive;
use crate::edition::tidy;

/// A copy that is whole without test labels, as Kaggle's is.
const NEEDED: [&str; 4] = ["cars_train", "cars_test", CLASS_NAMES, TRAIN];

/// The newer part of the publication.
const ALL_IN_ONE: [&str; 2] = ["car_ims", ALL];

/// Folders of photos and annotation files, each with where it was found first.
pub(super) struct Contents(BTreeMap<String, PathBuf>);

impl Contents {
    pub(super) fn of(parts: &Parts) -> Self {
        let mut contents = Self(BTreeMap::new());
        for archive in &parts.archives {
            let name = archive.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let items = match inside(name) {
                Some(items) => items.iter().map(|item| (*item).to_owned()).collect(),
                None => items_of_zip(archive),
            };
            for item in items {
                contents.0.entry(item).or_insert_with(|| archive.clone());
            }
        }
        for (path, place) in &parts.loose {
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

    /// What is missing for a whole copy, by names.
    pub(super) fn lacks(&self) -> Vec<&'static str> {
        let lacks = |item: &&str| !self.0.contains_key(*item);
        let in_parts: Vec<_> = NEEDED.into_iter().filter(lacks).collect();
        let all_in_one: Vec<_> = ALL_IN_ONE.into_iter().filter(lacks).collect();
        if in_parts.is_empty() || all_in_one.is_empty() {
            return Vec::new();
        }
        // Of two ways to be whole, the one that is begun.
        if in_parts.len() == NEEDED.len() && all_in_one.len() < ALL_IN_ONE.len() {
            all_in_one
        } else {
            in_parts
        }
    }

    /// What is there and what is not, for the error that says so; `None` if there is nothing.
    pub(super) fn incomplete(&self) -> Option<String> {
        let found: BTreeSet<_> = self.0.values().map(|path| tidy(path).display().to_string()).collect();
        let found: Vec<_> = found.into_iter().collect();
        let lacks: Vec<_> = self.lacks().into_iter().map(words).collect();
        (!found.is_empty() && !lacks.is_empty()).then(|| {
            format!("a part of a copy is there: {}; it lacks {}", found.join(", "), lacks.join(", "))
        })
    }

    /// How the photos lie there.
    pub(super) fn manner(&self) -> String {
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

/// What a zip archive says that it holds; unpacking finds out whether that is so.
fn items_of_zip(archive: &Path) -> Vec<String> {
    let names = archive::names_in_zip(archive);
    names.iter().filter_map(|name| Some(item(&place(name)?).to_owned())).collect()
}
