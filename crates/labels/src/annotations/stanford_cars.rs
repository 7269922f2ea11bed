//! The published layout: `cars_meta.mat` with the class names, `cars_train_annos.mat` with the training
//! photos and, once it was published, `cars_test_annos_withlabels.mat` with the test photos.

use std::path::Path;

use marque_contracts::schema::Split;
use marque_contracts::schema::stanford_cars::{CLASS_NAMES, TEST, TRAIN};

use super::matlab::{Entries, MatFiles, annotated_once, read_class_names};
use super::{Annotation, Annotations};
use crate::{ClassName, Error};

pub(super) fn read(metadata: &Path) -> Result<Annotations, Error> {
    let files = MatFiles::below(metadata)?;
    let (class_names, spellings) = read_class_names(files.required(CLASS_NAMES)?)?;
    let classes = class_names.len();
    let mut photos = read_photos(files.required(TRAIN)?, "cars_train/", Split::Train, classes)?;
    if let Some(test) = files.find(TEST)? {
        photos.extend(read_photos(test, "cars_test/", Split::Test, classes)?);
    }
    photos.sort_by(|a, b| a.file_name.cmp(&b.file_name));
    let class_names = class_names.iter().map(|name| ClassName::parse(name)).collect();
    Ok(Annotations { class_names, columns: Vec::new(), photos, spellings })
}

fn read_photos(path: &Path, folder: &str, split: Split, classes: usize) -> Result<Vec<Annotation>, Error> {
    let entries = Entries::read(path, "fname")?;
    let photo = |row| {
        let (crop, clipped) = entries.crop(row)?;
        Ok(Annotation {
            file_name: format!("{folder}{}", entries.file_name(row)?),
            split: Some(split),
            class: entries.class(row, classes)?,
            crop: Some(crop),
            clipped,
            values: Vec::new(),
        })
    };
    annotated_once(path, entries.read_all(photo)?)
}
