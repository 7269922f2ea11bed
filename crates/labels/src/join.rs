//! Photos and their annotations, brought together by name.

use std::collections::BTreeMap;

use marque_contracts::schema::normalised;
use marque_formats::PhotoRow;

use crate::{Annotation, Annotations, Error};

/// The photos that are annotated.
pub(crate) struct Joined<'a> {
    /// Sorted by the name of the photo.
    pub(crate) photos: Vec<(&'a PhotoRow, &'a Annotation)>,
    /// Those whose annotation spells the name in another form than the file: both, in words.
    pub(crate) spelled: Vec<String>,
}

/// Joins photos and annotations by name. Where no photo has the very name, the only one whose name has the same normal form
/// is meant: file systems and archives spell accents in either form.
///
/// # Errors
/// [`Error::Unmatched`] if no annotation is about a photo that is there.
pub(crate) fn join<'a>(photos: &'a [PhotoRow], annotations: &'a Annotations) -> Result<Joined<'a>, Error> {
    let mut left: BTreeMap<_, _> = photos.iter().map(|photo| (photo.file_name.as_str(), photo)).collect();
    let (mut joined, mut others) = (Vec::with_capacity(photos.len()), Vec::new());
    for annotation in &annotations.photos {
        match left.remove(annotation.file_name.as_str()) {
            Some(photo) => joined.push((photo, annotation)),
            None => others.push(annotation),
        }
    }
    let mut spelled = Vec::new();
    if !others.is_empty() {
        let photos = only_of_a_form(left.into_values(), |photo| &photo.file_name);
        for (form, annotation) in only_of_a_form(others, |annotation| &annotation.file_name) {
            if let (Some(photo), Some(annotation)) = (photos.get(&form).copied().flatten(), annotation) {
                spelled.push(format!("{} for {}", annotation.file_name, photo.file_name));
                joined.push((photo, annotation));
            }
        }
    }
    if joined.is_empty() {
        let none = || "none".to_owned();
        return Err(Error::Unmatched {
            annotations: annotations.photos.len(),
            photos: photos.len(),
            annotated: annotations.photos.first().map_or_else(none, |first| first.file_name.clone()),
            photo: photos.first().map_or_else(none, |first| first.file_name.clone()),
        });
    }
    joined.sort_by_key(|(photo, _)| photo.file_name.as_str());
    Ok(Joined { photos: joined, spelled })
}

/// Items by the normal form of their names; `None` where several have one.
fn only_of_a_form<'a, T>(
    items: impl IntoIterator<Item = &'a T>,
    name: impl Fn(&T) -> &str,
) -> BTreeMap<String, Option<&'a T>> {
    let mut of_form = BTreeMap::new();
    for item in items {
        let several = of_form.contains_key(&*normalised(name(item)));
        of_form.insert(normalised(name(item)).into_owned(), (!several).then_some(item));
    }
    of_form
}
