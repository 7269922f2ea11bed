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
//!     current -> 3f0c…        the result in use
//!     work-81aa…/             a run in progress, or what an interrupted one left
//! ```
//!
//! A result is written in a work folder, flushed, given its manifest last, and renamed. A folder without
//! a manifest is never a result.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::durable::{is_temporary, point_link, replace_folder, sync_files, sync_folder, write_atomic};
use crate::manifest::record_files;
use crate::{Digest, Fingerprint, Holder, Key, MANIFEST, Manifest, StoreLock};

/// Layout version that this program reads and writes.
pub const STORE_FORMAT: u32 = 1;

/// The tag of <https://bford.info/cachedir/>: backup programs skip a folder that has it.
const CACHEDIR_TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n\
# This folder holds results that marque can make again.\n";

pub(crate) const CURRENT: &str = "current";
pub(crate) const WORK: &str = "work-";
/// Results that are being deleted.
pub(crate) const DOOMED: &str = "doomed-";

/// What can go wrong with the store itself.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system refused.
    #[error("cannot {action} {path}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process holds the lock.
    #[error("the store is in use{}", held_by(.holder))]
    InUse {
        /// The lock file.
        path: PathBuf,
        /// Who holds it, if that could be read.
        holder: Option<Holder>,
    },
    /// Another version of the program wrote the store.
    #[error(
        "{path} says that {} marque wrote this store, in format {found}; this one knows format {STORE_FORMAT}",
        if *.found > STORE_FORMAT { "a newer" } else { "an older" }
    )]
    Format {
        /// The store's `store.json`.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
    /// What should be the link to the result in use is a folder or a file.
    #[error("{path} should be a link to the result in use, and is {what}")]
    NoLink {
        /// Where the link should be.
        path: PathBuf,
        /// "a folder", "a file".
        what: &'static str,
    },
    /// A record of the store's own is not readable.
    #[error("{path} is damaged")]
    Manifest {
        /// The file.
        path: PathBuf,
        /// Where it stops making sense.
        source: serde_json::Error,
    },
    /// An artifact holds a file whose name is not UTF-8.
    #[error("the file name {path:?} is not UTF-8")]
    FileName {
        /// The file.
        path: PathBuf,
    },
}

impl StoreError {
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), source }
    }
}

fn held_by(holder: &Option<Holder>) -> String {
    match holder {
        Some(Holder { pid, command, since }) => format!(" by process {pid} (`{command}`) since {since}"),
        None => String::from(" by another process"),
    }
}

#[derive(Serialize, Deserialize)]
struct StoreRecord {
    format: u32,
}

/// A store on disk.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
}

/// A finished result.
#[derive(Clone, Debug)]
pub struct Artifact {
    /// Its folder.
    pub folder: PathBuf,
    /// Its record.
    pub manifest: Manifest,
}

/// A result in the making.
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
        std::fs::create_dir_all(root).map_err(|e| StoreError::io("create", root, e))?;
        let store = Self { root: root.to_owned() };
        store.write_once("CACHEDIR.TAG", CACHEDIR_TAG)?;
        store.write_once("store.json", &format!("{{\"format\":{STORE_FORMAT}}}\n"))?;
        store.check_format()?;
        Ok(store)
    }

    /// Opens the store at `root` only to look: nothing is created, a missing store is an empty one.
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

    /// Takes the lock, or says who has it.
    ///
    /// # Errors
    /// [`StoreError::InUse`] if another process holds it.
    pub fn lock(&self) -> Result<StoreLock, StoreError> {
        StoreLock::acquire(&self.root.join("lock"))
    }

    /// The result in use of a stage; `None` if there is none.
    ///
    /// # Errors
    /// If there is one and its manifest cannot be read, or if `current` is no link.
    pub fn current(&self, stage: &str) -> Result<Option<Artifact>, StoreError> {
        match self.current_key(stage)? {
            Some(key) => self.find(stage, &key),
            None => Ok(None),
        }
    }

    /// What the link to the result in use names; `None` if there is no link or it names no result.
    pub(crate) fn current_key(&self, stage: &str) -> Result<Option<Key>, StoreError> {
        let link = self.root.join(stage).join(CURRENT);
        let metadata = match std::fs::symlink_metadata(&link) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            metadata => metadata.map_err(|e| StoreError::io("look at", &link, e))?,
        };
        if !metadata.is_symlink() {
            let what = if metadata.is_dir() { "a folder" } else { "a file" };
            return Err(StoreError::NoLink { path: link, what });
        }
        let target = std::fs::read_link(&link).map_err(|e| StoreError::io("read", &link, e))?;
        Ok(target.to_str().and_then(Key::parse))
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

    /// Begins a result: an empty work folder, or with `resume` the one that an interrupted run left.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn begin(&self, stage: &str, key: &Key, resume: bool) -> Result<WorkFolder, StoreError> {
        let path = self.root.join(stage).join(format!("{WORK}{key}"));
        if !resume {
            remove(&path)?;
        }
        std::fs::create_dir_all(&path).map_err(|e| StoreError::io("create", &path, e))?;
        Ok(WorkFolder { path, stage: stage.to_owned() })
    }

    /// Makes a work folder a result and the current one: hashes and flushes its files, writes the manifest
    /// last, renames the folder, swaps the link. A crash at any point leaves the old result current.
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
        sync_files(&work.path, &names).map_err(|e| StoreError::io("flush", &work.path, e))?;
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
        let path = work.path.join(MANIFEST);
        let text = serde_json::to_vec_pretty(&manifest)
            .map_err(|source| StoreError::Manifest { path: path.clone(), source })?;
        write_atomic(&path, &text).map_err(|e| StoreError::io("write", &path, e))?;
        let folder = stage_folder.join(key.as_str());
        let aside = stage_folder.join(format!("{DOOMED}{key}"));
        replace_folder(&work.path, &folder, &aside)
            .map_err(|e| StoreError::io("move into place", &folder, e))?;
        sync_folder(&stage_folder).map_err(|e| StoreError::io("flush", &stage_folder, e))?;
        self.make_current(&work.stage, &key)?;
        Ok(Artifact { folder, manifest })
    }

    /// Makes an older result of a stage the current one again.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn make_current(&self, stage: &str, key: &Key) -> Result<(), StoreError> {
        let link = self.root.join(stage).join(CURRENT);
        point_link(&link, key.as_str()).map_err(|e| StoreError::io("point", &link, e))
    }

    /// Deletes a folder or file of the store.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn discard(&self, path: &Path) -> Result<(), StoreError> {
        remove(path)
    }

    fn write_once(&self, name: &str, text: &str) -> Result<(), StoreError> {
        let path = self.root.join(name);
        if path.exists() {
            return Ok(());
        }
        write_atomic(&path, text.as_bytes()).map_err(|e| StoreError::io("write", &path, e))
    }

    fn check_format(&self) -> Result<(), StoreError> {
        let path = self.root.join("store.json");
        let text = std::fs::read_to_string(&path).map_err(|e| StoreError::io("read", &path, e))?;
        let record: StoreRecord = serde_json::from_str(&text)
            .map_err(|source| StoreError::Manifest { path: path.clone(), source })?;
        match record.format {
            STORE_FORMAT => Ok(()),
            found => Err(StoreError::Format { path, found }),
        }
    }
}

/// Deletes what a run left that was killed while it wrote the manifest: it must not become part of a result.
fn clear_leftovers(work: &Path) -> Result<(), StoreError> {
    for entry in std::fs::read_dir(work).map_err(|e| StoreError::io("list", work, e))? {
        let path = entry.map_err(|e| StoreError::io("list", work, e))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name == MANIFEST || is_temporary(name, MANIFEST) {
            std::fs::remove_file(&path).map_err(|e| StoreError::io("delete", &path, e))?;
        }
    }
    Ok(())
}

/// Gives a result another name first, so that a half-deleted one is never taken for a whole one, and is known for
/// what it is later.
fn remove(path: &Path) -> Result<(), StoreError> {
    let io = |e| StoreError::io("delete", path, e);
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(io(error)),
        Ok(metadata) if metadata.is_dir() => {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let Some(key) = Key::parse(name) else { return std::fs::remove_dir_all(path).map_err(io) };
            let doomed = path.with_file_name(format!("{DOOMED}{key}"));
            if doomed.exists() {
                std::fs::remove_dir_all(&doomed).map_err(io)?;
            }
            std::fs::rename(path, &doomed).map_err(io)?;
            std::fs::remove_dir_all(&doomed).map_err(io)
        }
        Ok(_) => std::fs::remove_file(path).map_err(io),
    }
}

pub(crate) fn now() -> String {
    jiff::Timestamp::now().round(jiff::Unit::Second).unwrap_or_default().to_string()
}
