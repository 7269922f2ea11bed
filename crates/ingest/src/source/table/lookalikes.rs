//! Files that are called nearly as a table says: names that differ in letter case, or that spell accents in another way,
//! as macOS does.

use std::collections::BTreeMap;
use std::path::Path;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::tree;

/// The files below a folder by what is left of their names without these differences.
#[derive(Default)]
pub(super) struct Lookalikes(BTreeMap<String, String>);

impl Lookalikes {
    pub(super) fn below(folder: &Path) -> Self {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let names = tree::files_below(folder).unwrap_or_default();
        Self(names.into_iter().map(|name| (plain(&name), name)).collect())
    }

    pub(super) fn of(&self, name: &str) -> Option<&str> {
        self.0.get(&plain(name)).map(String::as_str).filter(|found| *found != name)
    }
}

/// A name in small letters, without accents however they are spelled.
fn plain(name: &str) -> String {
    name.nfd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect()
}
