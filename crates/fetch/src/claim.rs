//! Keeps two downloads of one file apart, be they of one program or of two.

use std::fs::{File, Metadata, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::Error;

/// The right to write one partial file. The operating system takes it back when the process ends, however it ends.
pub(crate) struct Claim {
    path: PathBuf,
    /// `None` where the file system knows no locks: then nothing is kept apart.
    file: Option<File>,
    /// Whether somebody else had it before, and may have brought the file.
    pub(crate) waited: bool,
}

impl Claim {
    /// Takes the claim that the lock file at `path` stands for, or waits for whoever has it; `tell` is told who that
    /// is.
    pub(crate) fn take(path: &Path, tell: &dyn Fn(&str)) -> Result<Self, Error> {
        let io = |e| Error::io("lock", path, e);
        let mut waited = false;
        loop {
            let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
            let mut file = open.map_err(io)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    if !waited {
                        tell(&holder(&mut file));
                    }
                    waited = true;
                    file.lock().map_err(io)?;
                }
                // As some network file systems have it: then there is nothing to wait for.
                Err(TryLockError::Error(error)) => {
                    tracing::debug!("{} cannot be locked: {error}", path.display());
                    let _ = std::fs::remove_file(path);
                    return Ok(Self { path: path.to_owned(), file: None, waited });
                }
            }
            // Whoever had it before has deleted the file: then this is the lock of nothing.
            let same =
                |there: Metadata, here: Metadata| (there.dev(), there.ino()) == (here.dev(), here.ino());
            if std::fs::metadata(path).is_ok_and(|there| file.metadata().is_ok_and(|here| same(there, here)))
            {
                file.set_len(0).and_then(|()| file.rewind()).map_err(io)?;
                write!(file, "{}", std::process::id()).map_err(io)?;
                return Ok(Self { path: path.to_owned(), file: Some(file), waited });
            }
        }
    }
}

/// Who has the lock, in words; it may be writing its number this very moment.
fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let _ = file.read_to_string(&mut text);
    match text.trim().parse::<u32>() {
        Ok(number) if number == std::process::id() => "another part of this program".to_owned(),
        Ok(number) => format!("process {number}"),
        Err(_) => "another program".to_owned(),
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // Deleted while it is still locked, so that nobody can lock the file in between.
        if self.file.is_some() {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
