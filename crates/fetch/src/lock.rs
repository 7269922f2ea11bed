//! A lock file for each download, so that two downloads of one file, of one program or of two, do not mix.

use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use fs_err::{File, OpenOptions};

/// The right to write one partial file. The operating system releases it when the process ends, however it ends.
pub(crate) struct DownloadLock {
    path: PathBuf,
    /// `None` where the file system has no locks: then nothing is locked.
    file: Option<File>,
    /// Whether somebody else held it before, and may have downloaded the file.
    pub(crate) waited: bool,
}

impl DownloadLock {
    /// Locks the file at `path`, or waits for whoever holds it; `tell` is told who that is.
    pub(crate) fn acquire(path: &Path, tell: &dyn Fn(&str)) -> io::Result<Self> {
        let mut waited = false;
        loop {
            let mut file =
                OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
            match file.try_lock().map_err(io::Error::from) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if !waited {
                        tell(&holder(&mut file));
                    }
                    waited = true;
                    file.lock()?;
                }
                // As some network file systems have it: then there is nothing to wait for.
                Err(error) => {
                    tracing::debug!("{} cannot be locked: {error}", path.display());
                    let _ = fs_err::remove_file(path);
                    return Ok(Self { path: path.to_owned(), file: None, waited });
                }
            }
            // Whoever held it before deletes the file: then this lock is one of a file that is gone.
            let locked = file.metadata()?;
            let is_current = fs_err::metadata(path)
                .is_ok_and(|there| (there.dev(), there.ino()) == (locked.dev(), locked.ino()));
            if is_current {
                file.set_len(0)?;
                file.rewind()?;
                write!(file, "{}", std::process::id())?;
                return Ok(Self { path: path.to_owned(), file: Some(file), waited });
            }
        }
    }
}

/// Whether somebody holds the lock of a download.
pub(crate) fn is_held(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| file.try_lock().is_err())
}

/// Who holds the lock, in words; it may be about to write its process id.
fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let _ = file.read_to_string(&mut text);
    match text.trim().parse::<u32>() {
        Ok(number) if number == std::process::id() => "another part of this program".to_owned(),
        Ok(number) => format!("process {number}"),
        Err(_) => "another program".to_owned(),
    }
}

impl Drop for DownloadLock {
    fn drop(&mut self) {
        // Deleted while it is still locked, so that nobody can lock the file in between.
        if self.file.is_some() {
            let _ = fs_err::remove_file(&self.path);
        }
    }
}
