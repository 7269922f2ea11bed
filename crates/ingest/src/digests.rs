//! Digests of files, remembered while the program runs: sources are looked at several times.

use std::collections::HashMap;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use marque_contracts::{Digest, Progress, Unit};
use rayon::prelude::*;

/// What tells that a file has not changed since it was hashed.
#[derive(Clone, Copy, PartialEq)]
struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: SystemTime,
}

impl Stamp {
    fn of(path: &Path) -> io::Result<Self> {
        let metadata = fs_err::metadata(path)?;
        Ok(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            bytes: metadata.size(),
            modified: metadata.modified()?,
        })
    }
}

/// A file changed a shorter time ago is hashed each time: the clock of the file system is coarse.
const SETTLED: Duration = Duration::from_secs(2);

/// With fewer bytes to hash no bar is shown.
const SHOWN_FROM: u64 = 64 << 20;

static DIGESTS: LazyLock<Mutex<HashMap<PathBuf, (Stamp, Digest)>>> = LazyLock::new(Mutex::default);

/// The digest known of a file, if the file still has the stamp of then.
fn known(path: &Path, stamp: Stamp) -> Option<Digest> {
    let digests = DIGESTS.lock().unwrap_or_else(PoisonError::into_inner);
    digests.get(path).filter(|(then, _)| *then == stamp).map(|(_, digest)| *digest)
}

/// The digests of files, in their order; a bar shows how far it is if there is much to read.
///
/// # Errors
/// If a file cannot be read.
pub(crate) fn of_files(paths: &[PathBuf], progress: &dyn Progress) -> io::Result<Vec<Digest>> {
    let unread = |path: &PathBuf| {
        let stamp = Stamp::of(path).ok()?;
        known(path, stamp).is_none().then_some(stamp.bytes)
    };
    let sizes: Vec<u64> = paths.iter().map(|path| unread(path).unwrap_or(0)).collect();
    let total = sizes.iter().sum();
    let bar = (total > SHOWN_FROM).then(|| progress.bar("hash the data set", total, Unit::Bytes));
    let hash = |(path, size): (&PathBuf, &u64)| {
        let digest = of_file(path)?;
        bar.iter().for_each(|bar| bar.advance(*size));
        Ok(digest)
    };
    paths.par_iter().zip(&sizes).map(hash).collect()
}

/// The digest of a file; one that has not changed since the last time is not read again.
fn of_file(path: &Path) -> io::Result<Digest> {
    let stamp = Stamp::of(path)?;
    if let Some(digest) = known(path, stamp) {
        return Ok(digest);
    }
    let digest = Digest::of_file(path)?;
    let settled = stamp.modified + SETTLED < SystemTime::now() && path.is_file();
    if settled && Stamp::of(path).is_ok_and(|after| after == stamp) {
        let mut digests = DIGESTS.lock().unwrap_or_else(PoisonError::into_inner);
        digests.insert(path.to_owned(), (stamp, digest));
    }
    Ok(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_changes_is_hashed_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let write = |bytes: &[u8], age: u64| {
            fs_err::write(&path, bytes).unwrap();
            let changed = SystemTime::now() - Duration::from_secs(age);
            fs_err::File::options().write(true).open(&path).unwrap().set_modified(changed).unwrap();
        };
        for (bytes, age) in [(b"one", 100), (b"two", 50), (b"six", 0), (b"ten", 0)] {
            write(bytes, age);
            for _ in 0..2 {
                assert_eq!(of_file(&path).unwrap(), Digest::of_bytes(bytes));
            }
        }
        // A file with the same stamp is not read again.
        let changed = SystemTime::now() - Duration::from_secs(500);
        for bytes in [b"old", b"new"] {
            fs_err::write(&path, bytes).unwrap();
            fs_err::File::options().write(true).open(&path).unwrap().set_modified(changed).unwrap();
            assert_eq!(of_file(&path).unwrap(), Digest::of_bytes(b"old"));
        }
        fs_err::remove_file(&path).unwrap();
        assert_eq!(of_file(&path).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
