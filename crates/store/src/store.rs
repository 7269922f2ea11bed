//! The artifact store: one folder per stage, one folder per result in it, and a link to the current one.
//!
//! ```text
//! data/
//!   CACHEDIR.TAG              backup programs leave the folder out
//!   store.json                layout version
//!   lock                      held by a running `marque`
//!   labels/
//!     3f0c…/manifest.json     a finished result: there is a manifest
//!     3f0c…/labels.parquet
//!     current -> 3f0c…        the current result
//!     work-81aa…/             a run in progress, or what an interrupted one left
//! ```
//!
//! A result is written in a work folder, flushed, given its manifest last, and renamed. A folder without
//! a manifest is never a result.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use marque_contracts::disk::is_missing;
use marque_contracts::durable::{
    create_folder, point_link, remove, replace_folder, sync_files, sync_folder, write_atomic,
};
use marque_contracts::{Digest, RESUME, json};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::StoreError;
use crate::files::MANIFEST;
use crate::fingerprint::Fingerprint;
use crate::key::Key;
use crate::listing::{is_leftover, list_files, record_files};
use crate::lock::{LOCK, StoreLock};
use crate::manifest::{Manifest, STORE_FORMAT};

/// The tag of <https://bford.info/cachedir/>: backup programs skip a folder that has it.
const CACHEDIR_TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n\
# This folder holds results that marque can make again.\n";

/// Name of the mark for backup programs.
pub(crate) const TAG: &str = "CACHEDIR.TAG";
/// Name of the record of the store's layout version.
pub const RECORD: &str = "store.json";
/// The link to the current result.
pub(crate) const CURRENT: &str = "current";
/// Start of the names of work folders.
pub(crate) const WORK: &str = "work-";
/// Start of the names of results that are being deleted.
pub(crate) const TRASH: &str = "trash-";

/// What `store.json` holds.
#[derive(Serialize, Deserialize)]
struct StoreRecord {
    format: u32,
}

/// A store on disk: this machine's results, by stage and key.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
}

/// A finished result.
#[derive(Clone, Debug)]
pub struct Artifact {
    /// Folder of its files.
    pub folder: PathBuf,
    /// Its manifest.
    pub manifest: Manifest,
}

/// The folder in which a run of a stage writes: [`Store::begin`].
#[derive(Debug)]
pub struct WorkFolder {
    /// The folder to fill.
    pub path: PathBuf,
    stage: String,
}

impl Store {
    /// Opens the store at `root`, creating it if need be.
    ///
    /// # Errors
    /// If the folder cannot be written, or another version of the program wrote it.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        let store = Self::open_to_read(root)?;
        create_folder(root)?;
        store.write_once(TAG, CACHEDIR_TAG)?;
        store.write_once(RECORD, &format!("{{\"format\":{STORE_FORMAT}}}\n"))?;
        Ok(store)
    }

    /// Opens the store at `root` to read: nothing is created, and a missing store is an empty one.
    ///
    /// # Errors
    /// If it is no folder or cannot be read, or if another version of the program wrote it.
    pub fn open_to_read(root: &Path) -> Result<Self, StoreError> {
        let store = Self { root: root.to_owned() };
        if is_there(root)? && !root.is_dir() {
            return Err(StoreError::NotAFolder { path: root.to_owned() });
        }
        if is_there(&root.join(RECORD))? {
            store.check_format()?;
        }
        Ok(store)
    }

    /// The store's own folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Takes the lock.
    ///
    /// # Errors
    /// [`StoreError::InUse`], with its holder, if another process has it.
    pub fn lock(&self) -> Result<StoreLock, StoreError> {
        let path = self.root.join(LOCK);
        StoreLock::acquire(&self.root, now())?.map_err(|holder| StoreError::InUse { path, holder })
    }

    /// The current result of a stage; `None` if there is no link to one.
    ///
    /// # Errors
    /// If there is a link, and what it leads to is no result or has a damaged manifest, or if `current` is no link.
    pub fn current(&self, stage: &str) -> Result<Option<Artifact>, StoreError> {
        let Some(key) = self.current_key(stage)? else { return Ok(None) };
        if let Some(artifact) = self.find(stage, &key)? {
            return Ok(Some(artifact));
        }
        let is_whole = is_there(&self.root.join(stage).join(key.as_str()))?;
        let lacks = if is_whole { format!("has no {MANIFEST}") } else { "is not there".to_owned() };
        let reason = format!("leads to the result {key}, which {lacks}");
        Err(StoreError::Dangling { path: self.current_link(stage), reason })
    }

    /// The link to the current result of a stage, `current` in its folder, whether it is there or not.
    pub fn current_link(&self, stage: &str) -> PathBuf {
        self.root.join(stage).join(CURRENT)
    }

    /// The key that the link to the current result names; `None` if there is no link.
    pub(crate) fn current_key(&self, stage: &str) -> Result<Option<Key>, StoreError> {
        let (link, folder) = (self.current_link(stage), self.root.join(stage));
        if is_there(&folder)? && !folder.is_dir() {
            return Err(StoreError::NotAFolder { path: folder });
        }
        let metadata = match fs_err::symlink_metadata(&link) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            metadata => metadata?,
        };
        if !metadata.is_symlink() {
            let what = if metadata.is_dir() { "a folder" } else { "a file" };
            return Err(StoreError::NotALink { path: link, what });
        }
        let target = fs_err::read_link(&link)?;
        match target.to_str().and_then(Key::parse) {
            Some(key) => Ok(Some(key)),
            None => {
                let reason = format!("leads to {}, which is no result", target.display());
                Err(StoreError::Dangling { path: link, reason })
            }
        }
    }

    /// A stage's result with this key, current or not; `None` if there is none.
    ///
    /// # Errors
    /// If there is one and its manifest cannot be read.
    pub fn find(&self, stage: &str, key: &Key) -> Result<Option<Artifact>, StoreError> {
        let folder = self.root.join(stage).join(key.as_str());
        if !is_there(&folder.join(MANIFEST))? {
            return Ok(None);
        }
        let manifest = Manifest::read(&folder, stage, key)?;
        Ok(Some(Artifact { folder, manifest }))
    }

    /// Where a run of a stage writes, whether the folder is there or not.
    pub(crate) fn work_folder(&self, stage: &str, key: &Key) -> PathBuf {
        self.root.join(stage).join(format!("{WORK}{key}"))
    }

    /// The same by the name of its folder.
    ///
    /// # Errors
    /// As [`find`](Self::find).
    pub fn find_named(&self, stage: &str, name: &str) -> Result<Option<Artifact>, StoreError> {
        Key::parse(name).map_or(Ok(None), |key| self.find(stage, &key))
    }

    /// Begins a result: an empty work folder, or with `resume` the one that an interrupted run left.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn begin(&self, stage: &str, key: &Key, resume: bool) -> Result<WorkFolder, StoreError> {
        let path = self.work_folder(stage, key);
        if !resume || !path.is_dir() {
            remove(&path)?;
        }
        create_folder(&path)?;
        remove(&path.join(MANIFEST))?;
        Ok(WorkFolder { path, stage: stage.to_owned() })
    }

    /// Makes a work folder the current result: hashes and flushes its files, writes the manifest last, renames the
    /// folder, swaps the link. A crash at any point leaves the old result current.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn commit(
        &self,
        work: WorkFolder,
        fingerprint: Fingerprint,
        seconds: f64,
        notes: BTreeMap<String, Value>,
    ) -> Result<Artifact, StoreError> {
        let files = record_files(&work.path)?;
        let names: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
        sync_files(&work.path, &names)?;
        let manifest = Manifest {
            store_format: STORE_FORMAT,
            key: fingerprint.key(),
            fingerprint,
            content: Digest::of_named(files.iter().map(|file| (file.path.as_str(), file.blake3))),
            files,
            finished: now(),
            seconds,
            program: format!("marque {}", env!("CARGO_PKG_VERSION")),
            notes,
        };
        json::write(&work.path.join(MANIFEST), &manifest)?;
        self.publish(work, manifest)
    }

    /// The result that a run had finished, down to its manifest, when it was interrupted before the result was in its
    /// place: hashed, and made current. `None` if there is none, or it is not whole.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn adopt(&self, stage: &str, key: &Key) -> Result<Option<Artifact>, StoreError> {
        let path = self.work_folder(stage, key);
        if !is_there(&path.join(MANIFEST))? {
            return Ok(None);
        }
        let manifest = match Manifest::read(&path, stage, key) {
            Ok(manifest) => manifest,
            Err(StoreError::Record { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let listed = |path: &String| manifest.files.iter().any(|file| file.path == *path);
        let is_whole = list_files(&path)?.iter().all(|path| listed(path) || is_leftover(path))
            && manifest.first_damage(&path).is_none();
        let work = WorkFolder { path, stage: stage.to_owned() };
        is_whole.then(|| self.publish(work, manifest)).transpose()
    }

    /// Takes from a work folder with a manifest what is no part of the result, and puts it in its place.
    fn publish(&self, work: WorkFolder, manifest: Manifest) -> Result<Artifact, StoreError> {
        remove(&work.path.join(RESUME))?;
        for path in list_files(&work.path)?.iter().filter(|path| is_leftover(path)) {
            remove(&work.path.join(path))?;
        }
        let (stage_folder, key) = (self.root.join(&work.stage), manifest.key.clone());
        let folder = stage_folder.join(key.as_str());
        replace_folder(&work.path, &folder, &stage_folder.join(format!("{TRASH}{key}")))?;
        sync_folder(&stage_folder)?;
        self.make_current(&work.stage, &key)?;
        Ok(Artifact { folder, manifest })
    }

    /// Makes the result with this key the stage's current one.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn make_current(&self, stage: &str, key: &Key) -> Result<(), StoreError> {
        Ok(point_link(&self.current_link(stage), key.as_str())?)
    }

    /// Deletes a folder or file of the store.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn delete(&self, path: &Path) -> Result<(), StoreError> {
        Ok(delete(path)?)
    }

    fn write_once(&self, name: &str, text: &str) -> Result<(), StoreError> {
        let path = self.root.join(name);
        if is_there(&path)? { Ok(()) } else { Ok(write_atomic(&path, text.as_bytes())?) }
    }

    fn check_format(&self) -> Result<(), StoreError> {
        let path = self.root.join(RECORD);
        match json::read(&path) {
            Ok(StoreRecord { format: STORE_FORMAT }) => Ok(()),
            Ok(StoreRecord { format: found }) => Err(StoreError::Format { path, found, known: STORE_FORMAT }),
            Err(error) if json::is_damage(&error) => {
                let source = error.get_ref().and_then(|inner| inner.source());
                Err(StoreError::Record { path, reason: source.map_or_else(String::new, ToString::to_string) })
            }
            Err(error) if is_missing(&error) => {
                Err(StoreError::Record { path, reason: "it is no file".to_owned() })
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Whether something is at a path, a link that leads nowhere included. That it cannot be looked at is an error, and not
/// taken for its absence.
fn is_there(path: &Path) -> io::Result<bool> {
    match fs_err::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if is_missing(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Deletes a file, link or folder, if it is there. A result is renamed first, so that one that is half deleted is never
/// taken for a result, and still known as the store's own.
fn delete(path: &Path) -> io::Result<()> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let Some(key) = Key::parse(name).filter(|_| path.is_dir()) else { return remove(path) };
    let trash = path.with_file_name(format!("{TRASH}{key}"));
    remove(&trash)?;
    fs_err::rename(path, &trash)?;
    remove(&trash)
}

/// The time: UTC, RFC 3339, whole seconds.
fn now() -> String {
    jiff::Timestamp::now().round(jiff::Unit::Second).unwrap_or_default().to_string()
}
