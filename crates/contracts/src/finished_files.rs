//! Files that an interrupted run of a stage has finished, noted with their digests.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::digest::Digest;
use crate::disk::is_missing;
use crate::durable::{create_folder, remove};
use crate::json;
use crate::stage::RESUME;

/// The finished files in the output folder of a stage that makes its result file by file. There is a note of each in
/// [`RESUME`], written when the file is whole and flushed; a file without one is no part of any result.
pub struct FinishedFiles {
    notes: PathBuf,
    output: PathBuf,
    /// What was noted of each, by path in the output folder.
    found: BTreeMap<String, Value>,
}

/// A note.
#[derive(Serialize, Deserialize)]
struct Note {
    /// Path in the output folder, with `/` between its parts.
    path: String,
    /// Digest of the file.
    blake3: Digest,
    /// What the stage wants to know of it when it goes on.
    value: Value,
}

impl FinishedFiles {
    /// Reads the notes in a stage's output folder, hashes the files that they are of, and removes everything else from
    /// the folder: files that have no note, or are not what was noted.
    ///
    /// # Errors
    /// If the file system refuses. A file that is there and cannot be read is an error, and not taken for damaged.
    pub fn open(output: &Path) -> io::Result<Self> {
        let notes = output.join(RESUME);
        create_folder(&notes)?;
        let mut found = BTreeMap::new();
        for entry in fs_err::read_dir(&notes)? {
            let path = entry?.path();
            match read_note(&path, output)? {
                Some(note) => {
                    found.insert(note.path, note.value);
                }
                None => remove(&path)?,
            }
        }
        let kept: BTreeSet<_> = found.keys().map(|path| output.join(path)).collect();
        clear(output, &notes, &kept)?;
        Ok(Self { notes, output: output.to_owned(), found })
    }

    /// What was noted of a file; `None` if it has to be made.
    pub fn get<T: DeserializeOwned>(&self, path: &str) -> Option<T> {
        serde_json::from_value(self.found.get(path)?.clone()).ok()
    }

    /// How many files of a folder an interrupted run has noted in its work folder, `folder` by its path with `/` at the end.
    /// They are not hashed: [`open`](Self::open) does that, and may find fewer.
    pub fn count(work: &Path, folder: &str) -> u64 {
        let Ok(notes) = fs_err::read_dir(work.join(RESUME)) else { return 0 };
        let names = notes.filter_map(|note| note.ok()?.file_name().into_string().ok());
        names.filter(|name| name.starts_with(&note_name(folder))).count() as u64
    }

    /// Notes that a file is whole. It must have been flushed and be under its own name.
    ///
    /// # Errors
    /// If the file cannot be read, or the note not be written.
    pub fn note(&self, path: &str, value: impl Serialize) -> io::Result<()> {
        let blake3 = Digest::of_file(&self.output.join(path))?;
        let note = Note { path: path.to_owned(), blake3, value: serde_json::to_value(value)? };
        json::write(&self.notes.join(format!("{}.json", note_name(path))), &note)
    }
}

/// The name of the note of a file, but for its ending; of a folder, what the names of those of its files begin with.
fn note_name(path: &str) -> String {
    path.replace('/', "-")
}

/// A note, if it is one and its file is as it says.
fn read_note(path: &Path, output: &Path) -> io::Result<Option<Note>> {
    let note: Note = match json::read(path) {
        Ok(note) => note,
        Err(error) if json::is_damage(&error) || is_missing(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    match Digest::of_file(&output.join(&note.path)) {
        Ok(found) => Ok((found == note.blake3).then_some(note)),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Removes what is in a folder but for `notes` and the files to keep.
fn clear(folder: &Path, notes: &Path, kept: &BTreeSet<PathBuf>) -> io::Result<()> {
    for entry in fs_err::read_dir(folder)? {
        let (path, kind) = entry.and_then(|entry| Ok((entry.path(), entry.file_type()?)))?;
        if path.components().eq(notes.components()) {
            continue;
        }
        let holds_kept = kept.range(path.clone()..).next().is_some_and(|next| next.starts_with(&path));
        match kind.is_dir() && holds_kept {
            true => clear(&path, notes, kept)?,
            false if kept.contains(&path) => {}
            false => remove(&path)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_noted_and_whole_is_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path();
        let files = FinishedFiles::open(output).unwrap();
        fs_err::create_dir(output.join("shards")).unwrap();
        for name in ["shards/0", "shards/1", "shards/2", "index"] {
            fs_err::write(output.join(name), name).unwrap();
            files.note(name, name.len()).unwrap();
        }
        let counts = ["shards/", "webdataset/"].map(|folder| FinishedFiles::count(output, folder));
        assert_eq!(counts, [3, 0]);
        assert_eq!(FinishedFiles::count(&output.join("never"), "shards/"), 0);
        fs_err::write(output.join("shards/1"), "shards/!").unwrap();
        fs_err::remove_file(output.join("shards/2")).unwrap();
        for stray in ["shards/3", "notes.txt", "index-1"] {
            fs_err::write(output.join(stray), "mine").unwrap();
        }
        fs_err::create_dir_all(output.join("a/b")).unwrap();
        fs_err::write(output.join("resume/half.json"), "{").unwrap();
        fs_err::create_dir(output.join("resume/folder.json")).unwrap();
        let files = FinishedFiles::open(output).unwrap();
        let found = ["shards/0", "shards/1", "shards/2", "index"].map(|name| files.get::<usize>(name));
        assert_eq!(found, [Some(8), None, None, Some(5)]);
        let names = |folder: &Path| -> BTreeSet<_> {
            let entries = fs_err::read_dir(folder).unwrap();
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
        };
        assert_eq!(names(output), ["index", "resume", "shards"].map(str::to_owned).into());
        assert_eq!(names(&output.join("shards")), ["0".to_owned()].into());
        assert_eq!(names(&output.join("resume")), ["index.json", "shards-0.json"].map(str::to_owned).into());
    }
}
