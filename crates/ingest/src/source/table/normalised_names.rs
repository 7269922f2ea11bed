//! Normalised names: for pointing out a file whose name differs from a table's in letter case or in the form of its
//! accents alone. macOS spells accents in another Unicode form (NFD).

use std::collections::BTreeMap;
use std::path::Path;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::source_folder::SourceFolder;

/// The files below a folder, by their normalised names.
#[derive(Default)]
pub(super) struct NormalisedNames(BTreeMap<String, String>);

impl NormalisedNames {
    pub(super) fn below(folder: &Path) -> Self {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let names = SourceFolder(folder).files().unwrap_or_default();
        Self(names.into_iter().map(|name| (folded(&name), name)).collect())
    }

    pub(super) fn of(&self, name: &str) -> Option<&str> {
        self.0.get(&folded(name)).map(String::as_str).filter(|found| *found != name)
    }
}

/// A name in lower case and without accents, whatever their form.
fn folded(name: &str) -> String {
    name.nfd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect()
}
