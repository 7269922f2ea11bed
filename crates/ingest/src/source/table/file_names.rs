//! The file names of a table, and the files that they mean. macOS spells accents in another Unicode form (NFD) than most
//! tables do, and people leave out endings and folders.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use marque_contracts::schema::{folded, normalised};

use crate::paths::tidy;
use crate::source_folder::SourceFolder;

/// The folder in which the file names of a table start.
pub(super) struct FileNames<'a> {
    folder: SourceFolder<'a>,
    /// Its absolute path as it is named, and without links.
    absolute: PathBuf,
    real: PathBuf,
    /// What is below it, if a name is not there.
    listed: OnceLock<Listed>,
}

/// What a file name of a table means.
pub(super) enum Found {
    /// The file of this name.
    File,
    /// The only file whose name has the same normal form.
    Spelled(String),
    /// None: why, in words, perhaps with one that is probably meant.
    None(String),
}

/// The files below a folder.
#[derive(Default)]
struct Listed {
    by_normal_form: BTreeMap<String, Vec<String>>,
    by_folded: BTreeMap<String, String>,
    /// By the last part of the name, with and without its ending.
    by_last: BTreeMap<String, String>,
    by_stem: BTreeMap<String, String>,
}

impl<'a> FileNames<'a> {
    pub(super) fn below(folder: &'a Path) -> io::Result<Self> {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let (absolute, real) = (tidy(&std::path::absolute(folder)?), fs_err::canonicalize(folder)?);
        Ok(Self { folder: SourceFolder(folder), absolute, real, listed: OnceLock::new() })
    }

    /// A file name as a path below the folder; `None` if it leads elsewhere.
    pub(super) fn path_below(&self, name: &str) -> Option<String> {
        let path = tidy(&self.absolute.join(name.replace('\\', "/")));
        let below = path.strip_prefix(&self.absolute).or_else(|_| path.strip_prefix(&self.real));
        let below = below.map(Path::to_owned).ok().or_else(|| {
            // An absolute path with links in it.
            let real = fs_err::canonicalize(path.parent()?).ok()?.join(path.file_name()?);
            real.strip_prefix(&self.real).map(Path::to_owned).ok()
        })?;
        Some(below.to_str()?.to_owned()).filter(|below| !below.is_empty())
    }

    /// The file that a path below the folder means.
    pub(super) fn find(&self, name: &str) -> Found {
        if self.folder.contains(name) {
            return Found::File;
        }
        let listed = self.listed.get_or_init(|| Listed::of(self.folder));
        if let Some([only]) = listed.by_normal_form.get(&*normalised(name)).map(Vec::as_slice) {
            return Found::Spelled(only.clone());
        }
        let path = self.folder.path(name);
        Found::None(match path.is_file() {
            true => format!(
                "{} lies in a store of results or another cache, where nothing is input",
                path.display()
            ),
            false => {
                format!("there is no photo {}{}", path.display(), listed.similar(name).unwrap_or_default())
            }
        })
    }
}

impl Listed {
    fn of(folder: SourceFolder<'_>) -> Self {
        let mut listed = Self::default();
        for name in folder.files().unwrap_or_default() {
            let last = last_part(&name);
            listed.by_normal_form.entry(normalised(&name).into_owned()).or_default().push(name.clone());
            listed.by_folded.entry(folded(&name)).or_insert_with(|| name.clone());
            listed.by_last.entry(folded(last)).or_insert_with(|| name.clone());
            listed.by_stem.entry(folded(stem(last))).or_insert_with(|| name.clone());
        }
        listed
    }

    /// A file that is probably meant by a name, and how it differs, in words.
    fn similar(&self, name: &str) -> Option<String> {
        let last = folded(last_part(name));
        let say = |file: &String, how: &str| format!(", but there is {file}{how}");
        let case = ", which differs in letter case or in the form of its accents";
        let place = ": the folders above a file belong to its name, from dataset.path on";
        let ending = ": the ending belongs to a file's name";
        let by = |files: &BTreeMap<String, String>, key: &str, how| Some(say(files.get(key)?, how));
        by(&self.by_folded, &folded(name), case)
            .or_else(|| by(&self.by_last, &last, place))
            .or_else(|| by(&self.by_stem, &last, ending))
            .or_else(|| by(&self.by_stem, stem(&last), ", which has another ending"))
    }
}

fn last_part(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

fn stem(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}
