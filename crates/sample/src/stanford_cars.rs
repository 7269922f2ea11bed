//! Names of the files of Stanford Cars (Krause et al. 2013), as published.

use crate::Split;

/// The folder of annotation files, and its archive.
pub(crate) const DEVKIT: &str = "devkit";
pub(crate) const DEVKIT_ARCHIVE: &str = "car_devkit.tgz";

pub(crate) use marque_contracts::schema::stanford_cars::{CLASS_NAMES, TEST, TEST_UNLABELLED, TRAIN};

/// The folder of a split's photos; their archive is called so too, with the ending `.tgz`.
pub(crate) fn photo_folder(split: Split) -> &'static str {
    match split {
        Split::Train => "cars_train",
        Split::Test => "cars_test",
    }
}

/// The name of photo `index` (from 0) of a split: the published names count from 1.
pub(crate) fn photo_name(index: usize) -> String {
    format!("{:05}.jpg", index + 1)
}
