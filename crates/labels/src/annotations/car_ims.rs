//! The layout of all photos in one folder, `car_ims/`: `cars_annos.mat` holds class names, boxes, classes, and a flag
//! for the test photos.

use std::path::Path;

use marque_contracts::schema::{Split, stanford_cars};

use super::matlab::{Entries, MatFiles, annotated_once, read_class_names};
use super::{Annotation, Annotations};
use crate::{ClassName, Error};

pub(super) fn read(metadata: &Path) -> Result<Annotations, Error> {
    let files = MatFiles::below(metadata)?;
    let path = files.required(stanford_cars::ALL)?;
    let (class_names, spellings) = read_class_names(path)?;
    let entries = Entries::read(path, "relative_im_path")?;
    let photo = |row| {
        let (crop, clipped) = entries.crop(row)?;
        Ok(Annotation {
            file_name: entries.file_name(row)?.to_owned(),
            split: Some(if entries.flag(row, "test")? { Split::Test } else { Split::Train }),
            class: entries.class(row, class_names.len())?,
            crop: Some(crop),
            clipped,
            values: Vec::new(),
        })
    };
    let mut photos = annotated_once(path, entries.read_all(photo)?)?;
    photos.sort_by(|a, b| a.file_name.cmp(&b.file_name));
    let class_names = class_names.iter().map(|name| ClassName::parse(name)).collect();
    Ok(Annotations { class_names, columns: Vec::new(), photos, spellings })
}
