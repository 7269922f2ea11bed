//! Stanford Cars (Krause et al. 2013) in every copy: names of its files, where they belong, published checksums.

use marque_contracts::schema::ingest;
pub(crate) use marque_contracts::schema::stanford_cars::{ALL, CLASS_NAMES, TEST, TEST_UNLABELLED, TRAIN};

use crate::source_folder::{is_hidden, is_photo};

/// Folders of photos.
pub(crate) const PHOTO_FOLDERS: [&str; 3] = [TRAIN_PHOTOS, TEST_PHOTOS, ALL_PHOTOS];
pub(crate) const TRAIN_PHOTOS: &str = "cars_train";
pub(crate) const TEST_PHOTOS: &str = "cars_test";
pub(crate) const ALL_PHOTOS: &str = "car_ims";

/// The folder of annotation files, and the archive, without its ending, that unpacks to it.
pub(crate) const DEVKIT: &str = "devkit";
pub(crate) const DEVKIT_ARCHIVE: &str = "car_devkit";

/// Annotation files.
pub(crate) const ANNOTATIONS: [&str; 5] = [CLASS_NAMES, TRAIN, TEST_UNLABELLED, TEST, ALL];

/// What the publication consists of at least.
pub(crate) const NEEDED_ARCHIVES: [&str; 2] = ["cars_train.tgz", "car_devkit.tgz"];

/// Published MD5 checksums of annotation files: those inside the devkit, and the one beside it.
pub(crate) const CHECKSUMS: [(&str, &str); 3] = [
    (CLASS_NAMES, "4591ba8ddb31503892280ed8c6ed1c16"),
    (TRAIN, "7b154abe023e6274e597db035347ff56"),
    (TEST, "b0a2b23655a3edd16d84508592a98d10"),
];

/// Archives that are taken for the data set's wherever they lie, and what is in them: folders of photos, annotation
/// files.
const ARCHIVES: [(&str, &[&str]); 5] = [
    ("cars_train.tgz", &[TRAIN_PHOTOS]),
    ("cars_test.tgz", &[TEST_PHOTOS]),
    ("car_devkit.tgz", &[CLASS_NAMES, TRAIN]),
    ("car_ims.tgz", &[ALL_PHOTOS]),
    ("stanford-cars.tgz", &[TRAIN_PHOTOS, TEST_PHOTOS, CLASS_NAMES, TRAIN, TEST]),
];

/// What is in an archive of the data set, by its name.
pub(crate) fn contents_of_archive(archive: &str) -> Option<&'static [&'static str]> {
    ARCHIVES.iter().find(|(name, _)| *name == archive).map(|(_, contents)| *contents)
}

/// Annotation files without which a folder that an archive unpacked to is incomplete, by the folder's name.
pub(crate) fn annotations_below(folder: &str) -> &'static [&'static str] {
    match folder {
        DEVKIT | "stanford-cars" => &[CLASS_NAMES, TRAIN],
        _ => &[],
    }
}

/// Place of a file below the output folder; `None` if it does not belong to the data set.
pub(crate) fn place_of(path: &str) -> Option<String> {
    if is_hidden(path) {
        return None;
    }
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    if is_photo(name) {
        let mut inside = name.to_owned();
        for folder in folders.rsplit('/') {
            inside = format!("{folder}/{inside}");
            if PHOTO_FOLDERS.contains(&folder) {
                return Some(format!("{}{inside}", ingest::PHOTOS));
            }
        }
        return None;
    }
    let name = without_copy_number(name)?;
    ANNOTATIONS.contains(&name.as_str()).then(|| format!("{}{name}", ingest::METADATA))
}

/// The name of a MATLAB file without the number that browsers add to a second copy: Kaggle has a
/// `cars_test_annos_withlabels (1).mat`.
fn without_copy_number(name: &str) -> Option<String> {
    let stem = name.strip_suffix(".mat")?;
    let original = stem.rsplit_once(" (").filter(|(_, number)| {
        number.strip_suffix(')').is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()))
    });
    Some(format!("{}.mat", original.map_or(stem, |(original, _)| original)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_find_their_places_in_every_copy() {
        let cases = [
            ("cars_train/00001.jpg", Some("photos/cars_train/00001.jpg")),
            ("cars_test/cars_test/00001.jpg", Some("photos/cars_test/00001.jpg")),
            ("stanford_cars/cars_train/00001.JPG", Some("photos/cars_train/00001.JPG")),
            ("a/car_ims/000001.jpg", Some("photos/car_ims/000001.jpg")),
            ("devkit/cars_meta.mat", Some("metadata/cars_meta.mat")),
            ("x/cars_test_annos_withlabels (1).mat", Some("metadata/cars_test_annos_withlabels.mat")),
            ("cars_annos.mat", Some("metadata/cars_annos.mat")),
            ("other/00001.jpg", None),
            ("devkit/eval_train.m", None),
            ("other.mat", None),
            ("__MACOSX/cars_train/00001.jpg", None),
            ("cars_train/._00001.jpg", None),
            ("cars_train/Thumbs.db", None),
        ];
        for (path, expected) in cases {
            assert_eq!(place_of(path).as_deref(), expected, "{path}");
        }
    }
}
