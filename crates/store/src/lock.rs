//! The lock that keeps two runs on one store apart.

use std::io::{self, Read, Seek, Write};
use std::path::Path;

use fs_err::{File, OpenOptions};
use serde::{Deserialize, Serialize};

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
#[derive(Debug)]
pub struct StoreLock {
    _file: File,
}

impl StoreLock {
    /// Takes the lock; if another process holds it, says who, as far as the file tells.
    pub(crate) fn acquire(path: &Path, since: String) -> io::Result<Result<Self, Option<Holder>>> {
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        if let Err(error) = file.try_lock().map_err(io::Error::from) {
            if error.kind() == io::ErrorKind::WouldBlock {
                let mut text = String::new();
                // The holder may be writing its name this very moment: an unreadable name is no error.
                let _ = file.read_to_string(&mut text);
                return Ok(Err(serde_json::from_str(&text).ok()));
            }
            let message = format!("failed to lock file `{}`: {error}", path.display());
            return Err(io::Error::new(error.kind(), message));
        }
        let words: Vec<_> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
        let holder = Holder { pid: std::process::id(), command: words.join(" "), since };
        let text = serde_json::to_string(&holder)?;
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(text.as_bytes())?;
        Ok(Ok(Self { _file: file }))
    }
}
