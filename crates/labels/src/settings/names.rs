//! Names of classes, tags and columns that the configuration gives, in the form in which those of the data set are.

use marque_contracts::schema::{Spellings, normalised};
use marque_settings::Section;

/// Names in their normal form; what it leaves out or joins is a warning.
pub(super) fn list<'a>(
    section: &mut Section<'_>,
    key: &str,
    texts: impl IntoIterator<Item = &'a String>,
) -> Vec<String> {
    let mut spellings = Spellings::default();
    let mut name = |text: &String| {
        let name = normalised(text).into_owned();
        match name.is_empty() {
            true => section.problem(key, format!("{text:?} has no character that is seen")),
            false => spellings.add(text),
        }
        name
    };
    let names = texts.into_iter().map(&mut name).collect();
    for spelling in spellings.joined() {
        section.warning(key, spelling);
    }
    names
}

/// The same for one name, if given.
pub(super) fn one(section: &mut Section<'_>, key: &str, text: Option<String>) -> Option<String> {
    list(section, key, &text).pop()
}
