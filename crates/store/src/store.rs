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

use marque_contracts::durable::{
    is_unfinished, point_link, replace_folder, sync_files, sync_folder, write_atomic,
};
use marque_contracts::{Digest, json};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::StoreError;
use crate::fingerprint::Fingerprint;
use crate::key::Key;
use crate::lock::StoreLock;
use crate::manifest::{MANIFEST, Manifest, record_files};

/// Layout version that this program reads and writes.
pub const STORE_FORMAT: u32 = 1;

/// The tag of <https://bford.info/cachedir/>: backup programs skip a folder that has it.
const CACHEDIR_TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n\
# This folder holds results that marque can make again.\n";

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
        fs_err::create_dir_all(root)?;
        let store = Self { root: root.to_owned() };
        store.write_once("CACHEDIR.TAG", CACHEDIR_TAG)?;
        store.write_once("store.json", &format!("{{\"format\":{STORE_FORMAT}}}\n"))?;
        store.check_format()?;
        Ok(store)
    }

    /// Opens the store at `root` to read: nothing is created, and a missing store is an empty one.
    ///
    /// # Errors
    /// If another version of the program wrote it.
    pub fn open_to_read(root: &Path) -> Result<Self, StoreError> {
        let store = Self { root: root.to_owned() };
        if root.join("store.json").exists() {
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
        let path = self.root.join("lock");
        StoreLock::acquire(&path, now())?.map_err(|holder| StoreError::InUse { path, holder })
    }

    /// The current result of a stage; `None` if there is none.
    ///
    /// # Errors
    /// If there is one and its manifest cannot be read, or if `current` is no link.
    pub fn current(&self, stage: &str) -> Result<Option<Artifact>, StoreError> {
        match self.current_key(stage)? {
            Some(key) => self.find(stage, &key),
            None => Ok(None),
        }
    }

    /// The link to the current result of a stage, `current` in its folder, whether it is there or not.
    pub fn current_link(&self, stage: &str) -> PathBuf {
        self.root.join(stage).join(CURRENT)
    }

    /// The key that the link to the current result names; `None` if there is no link or it names no key.
    pub(crate) fn current_key(&self, stage: &str) -> Result<Option<Key>, StoreError> {
        let link = self.current_link(stage);
        let metadata = match fs_err::symlink_metadata(&link) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            metadata => metadata?,
        };
        if !metadata.is_symlink() {
            let what = if metadata.is_dir() { "a folder" } else { "a file" };
            return Err(StoreError::NotALink { path: link, what });
        }
        Ok(fs_err::read_link(&link)?.to_str().and_then(Key::parse))
    }

    /// A stage's result with this key, current or not; `None` if there is none.
    ///
    /// # Errors
    /// If there is one and its manifest cannot be read.
    pub fn find(&self, stage: &str, key: &Key) -> Result<Option<Artifact>, StoreError> {
        let folder = self.root.join(stage).join(key.as_str());
        if !folder.join(MANIFEST).exists() {
            return Ok(None);
        }
        let manifest = Manifest::read(&folder)?;
        Ok(Some(Artifact { folder, manifest }))
    }

    /// Where a run of a stage writes, whether the folder is there or not.
    pub(crate) fn work_folder(&self, stage: &str, key: &Key) -> PathBuf {
        self.root.join(stage).join(format!("{WORK}{key}"))
    }

    /// Begins a result: an empty work folder, or with `resume` the one that an interrupted run left.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn begin(&self, stage: &str, key: &Key, resume: bool) -> Result<WorkFolder, StoreError> {
        let path = self.work_folder(stage, key);
        if !resume {
            delete(&path)?;
        }
        fs_err::create_dir_all(&path)?;
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
        let stage_folder = self.root.join(&work.stage);
        let key = fingerprint.key();
        clear_leftovers(&work.path)?;
        let files = record_files(&work.path)?;
        let names: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
        sync_files(&work.path, &names)?;
        let manifest = Manifest {
            store_format: STORE_FORMAT,
            key: key.clone(),
            fingerprint,
            content: Digest::of_named(files.iter().map(|file| (file.path.as_str(), file.blake3))),
            files,
            finished: now(),
            seconds,
            program: format!("marque {}", env!("CARGO_PKG_VERSION")),
            notes,
        };
        json::write(&work.path.join(MANIFEST), &manifest)?;
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

    fn write_once(&self, name: &str, text: &str) -> io::Result<()> {
        let path = self.root.join(name);
        if path.exists() { Ok(()) } else { write_atomic(&path, text.as_bytes()) }
    }

    fn check_format(&self) -> Result<(), StoreError> {
        let path = self.root.join("store.json");
        let text = fs_err::read(&path)?;
        match serde_json::from_slice(&text) {
            Ok(StoreRecord { format: STORE_FORMAT }) => Ok(()),
            Ok(StoreRecord { format: found }) => Err(StoreError::Format { path, found, known: STORE_FORMAT }),
            Err(source) => Err(StoreError::Record { path, source }),
        }
    }
}

/// Deletes what an interrupted run left half written: a manifest, and files under temporary names, anywhere in the work
/// folder. They must not become part of a result.
fn clear_leftovers(work: &Path) -> io::Result<()> {
    let mut folders = vec![work.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(&folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_str().unwrap_or_default();
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else if is_unfinished(name) || (name == MANIFEST && folder == work) {
                fs_err::remove_file(entry.path())?;
            }
        }
    }
    Ok(())
}

/// Deletes a file, link or folder, if it is there. A result is renamed first, so that one that is half deleted is never
/// taken for a result, and still known as the store's own.
fn delete(path: &Path) -> io::Result<()> {
    match fs_err::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(metadata) if metadata.is_dir() => {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let Some(key) = Key::parse(name) else { return fs_err::remove_dir_all(path) };
            let trash = path.with_file_name(format!("{TRASH}{key}"));
            delete(&trash)?;
            fs_err::rename(path, &trash)?;
            fs_err::remove_dir_all(&trash)
        }
        Ok(_) => fs_err::remove_file(path),
    }
}

/// The time: UTC, RFC 3339, whole seconds.
fn now() -> String {
    jiff::Timestamp::now().round(jiff::Unit::Second).unwrap_or_default().to_string()
}
