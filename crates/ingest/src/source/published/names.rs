//! How the files of Stanford Cars are called, in every copy.

use marque_contracts::schema::{ingest, stanford_cars};

use super::super::{photo, tree};

pub(super) const PHOTO_FOLDERS: [&str; 3] = ["cars_train", "cars_test", "car_ims"];

pub(super) use stanford_cars::{ALL, CLASS_NAMES, TEST, TRAIN};
pub(super) const ANNOTATIONS: [&str; 5] = [CLASS_NAMES, TRAIN, stanford_cars::TEST_UNLABELLED, TEST, ALL];

/// Published MD5 checksums of annotation files: those inside the devkit, and the one beside it.
pub(super) const PUBLISHED: [(&str, &str); 3] = [
    (CLASS_NAMES, "4591ba8ddb31503892280ed8c6ed1c16"),
    (TRAIN, "7b154abe023e6274e597db035347ff56"),
    (TEST, "b0a2b23655a3edd16d84508592a98d10"),
];

/// Archives that are taken for the data set's wherever they lie, and what is in them: folders of photos, annotation
/// files.
const ARCHIVES: [(&str, &[&str]); 5] = [
    ("cars_train.tgz", &["cars_train"]),
    ("cars_test.tgz", &["cars_test"]),
    ("car_devkit.tgz", &[CLASS_NAMES, TRAIN]),
    ("car_ims.tgz", &["car_ims"]),
    ("stanford-cars.tgz", &["cars_train", "cars_test", CLASS_NAMES, TRAIN, TEST]),
];

/// What is in an archive of the data set, by its name.
pub(super) fn inside(archive: &str) -> Option<&'static [&'static str]> {
    ARCHIVES.iter().find(|(name, _)| *name == archive).map(|(_, inside)| *inside)
}

/// Place of a file below the output folder; `None` if it does not belong to the data set.
pub(super) fn place(path: &str) -> Option<String> {
    if tree::is_hidden(path) {
        return None;
    }
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    if tree::is_photo(name) {
        let mut inside = name.to_owned();
        for folder in folders.rsplit('/') {
            inside = format!("{folder}/{inside}");
            if PHOTO_FOLDERS.contains(&folder) {
                return Some(photo(&inside));
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
            assert_eq!(place(path).as_deref(), expected, "{path}");
        }
    }
}
