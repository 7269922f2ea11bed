//! The lock that keeps two runs on one store apart.

use std::io::{self, Read, Seek, Write};
use std::path::Path;

use fs_err::{File, OpenOptions};
use serde::{Deserialize, Serialize};

/// Name of the file that says who holds the lock.
pub(crate) const LOCK: &str = "lock";

/// Who holds a store's lock: the content of `data/lock`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Holder {
    /// Process id.
    pub pid: u32,
    /// Its command line.
    pub command: String,
    /// Since when, UTC, RFC 3339.
    pub since: String,
}

/// An exclusive hold on a store. The operating system releases it when the process ends, however it ends, so a killed
/// run never leaves a lock behind.
///
/// The store's folder is locked and, in it, the file that says who holds it. Either would do: file systems that lock no
/// folders (NFS) lock the file, and where the file cannot be written (a read-only or a full disk), or is deleted in the
/// midst of a run, the folder is locked all the same.
#[derive(Debug)]
pub struct StoreLock {
    _folder: Option<File>,
    _file: Option<File>,
}

impl StoreLock {
    /// Takes the lock of the store at `root`; if another process holds it, says who, as far as the file tells.
    pub(crate) fn acquire(root: &Path, since: String) -> io::Result<Result<Self, Option<Holder>>> {
        let path = root.join(LOCK);
        let folder = match lock(File::open(root)?) {
            Ok(Some(folder)) => Some(folder),
            Ok(None) => return Ok(Err(holder(&path))),
            Err(_) => None,
        };
        let open = || OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let file = match open() {
            Ok(file) => file,
            Err(_) if folder.is_some() => return Ok(Ok(Self { _folder: folder, _file: None })),
            Err(error) => return Err(error),
        };
        let mut file = match lock(file) {
            Ok(Some(file)) => file,
            Ok(None) => return Ok(Err(holder(&path))),
            Err(_) if folder.is_some() => return Ok(Ok(Self { _folder: folder, _file: None })),
            Err(error) => {
                let message = format!("failed to lock file `{}`: {error}", path.display());
                return Err(io::Error::new(error.kind(), message));
            }
        };
        let words: Vec<_> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
        let text =
            serde_json::to_string(&Holder { pid: std::process::id(), command: words.join(" "), since })?;
        // Who it is can be said later: a full disk is no reason not to hold the lock.
        let _ = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(text.as_bytes()));
        Ok(Ok(Self { _folder: folder, _file: Some(file) }))
    }
}

/// Locks a file or folder; `None` if another process has it locked.
fn lock(file: File) -> io::Result<Option<File>> {
    match file.try_lock().map_err(io::Error::from) {
        Ok(()) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

/// Who the file says has the lock. The holder may be writing its name this very moment, or the file may be gone: that
/// nobody can be named is no error.
fn holder(path: &Path) -> Option<Holder> {
    let mut text = String::new();
    File::open(path).ok()?.read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}
