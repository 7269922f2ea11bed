//! What was found out once and need not be again in this run of the program: digests of files, and warnings.

use std::collections::{BTreeSet, HashMap};
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use marque_contracts::{Digest, Progress, Unit};
use rayon::prelude::*;

use crate::Error;

/// A file as it was when it was hashed: device, number, size, and time of change to the nanosecond.
type Stamp = (u64, u64, u64, i64, i64);

/// A file changed a shorter time ago is hashed anew each time: the clock of the file system is coarse.
const SETTLED: Duration = Duration::from_secs(2);

static DIGESTS: LazyLock<Mutex<HashMap<PathBuf, (Stamp, Digest)>>> = LazyLock::new(Mutex::default);

static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Bytes that are hashed without a word.
const SOON_DONE: u64 = 64 << 20;

/// The digests of files, in their order; a bar shows how far it is if there is much to read.
pub(crate) fn digests(paths: &[PathBuf], progress: &dyn Progress) -> Result<Vec<Digest>, Error> {
    let unread = |path: &PathBuf| {
        let metadata = std::fs::metadata(path).ok()?;
        let known = DIGESTS.lock().unwrap_or_else(PoisonError::into_inner).get(path).copied();
        known.is_none_or(|(stamp, _)| stamp != stamp_of(&metadata)).then_some(metadata.len())
    };
    let sizes: Vec<u64> = paths.iter().map(|path| unread(path).unwrap_or(0)).collect();
    let total = sizes.iter().sum();
    let bar = (total > SOON_DONE).then(|| progress.bar("hash the data set", total, Unit::Bytes));
    let hash = |(path, size): (&PathBuf, &u64)| {
        let digest = digest(path)?;
        bar.iter().for_each(|bar| bar.advance(*size));
        Ok(digest)
    };
    paths.par_iter().zip(&sizes).map(hash).collect()
}

/// The digest of a file; one that has not changed since the last time is not read again.
fn digest(path: &Path) -> Result<Digest, Error> {
    let hash = || -> io::Result<Digest> {
        let before = std::fs::metadata(path)?;
        let known = DIGESTS.lock().unwrap_or_else(PoisonError::into_inner).get(path).copied();
        if let Some((stamp, digest)) = known
            && stamp == stamp_of(&before)
        {
            return Ok(digest);
        }
        let digest = Digest::of_file(path)?;
        let settled =
            before.modified().is_ok_and(|changed| changed + SETTLED < SystemTime::now()) && before.is_file();
        if settled && std::fs::metadata(path).is_ok_and(|after| stamp_of(&after) == stamp_of(&before)) {
            let mut digests = DIGESTS.lock().unwrap_or_else(PoisonError::into_inner);
            digests.insert(path.to_owned(), (stamp_of(&before), digest));
        }
        Ok(digest)
    };
    hash().map_err(|e| Error::io("read", path, e))
}

fn stamp_of(metadata: &Metadata) -> Stamp {
    (metadata.dev(), metadata.ino(), metadata.size(), metadata.mtime(), metadata.mtime_nsec())
}

/// Logs a warning, once in a run of the program: sources are looked at several times.
pub(crate) fn warn_once(text: String) {
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    if !said.contains(&text) {
        tracing::warn!("{text}");
        said.insert(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_changes_is_hashed_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let write = |bytes: &[u8], age: u64| {
            std::fs::write(&path, bytes).unwrap();
            let changed = SystemTime::now() - Duration::from_secs(age);
            std::fs::File::options().write(true).open(&path).unwrap().set_modified(changed).unwrap();
        };
        for (bytes, age) in [(b"one", 100), (b"two", 50), (b"six", 0), (b"ten", 0)] {
            write(bytes, age);
            for _ in 0..2 {
                assert_eq!(digest(&path).unwrap(), Digest::of_bytes(bytes));
            }
        }
        // The same stamp is taken for the same content: this is what saves the second reading.
        let changed = SystemTime::now() - Duration::from_secs(500);
        for bytes in [b"old", b"new"] {
            std::fs::write(&path, bytes).unwrap();
            std::fs::File::options().write(true).open(&path).unwrap().set_modified(changed).unwrap();
            assert_eq!(digest(&path).unwrap(), Digest::of_bytes(b"old"));
        }
        std::fs::remove_file(&path).unwrap();
        assert!(digest(&path).unwrap_err().to_string().starts_with("cannot read"));
    }
}
