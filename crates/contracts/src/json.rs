//! JSON records of artifacts: read with errors that name the file, written durably.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::durable::write_atomic;

/// A file that does not hold the JSON it should, inside an [`io::Error`].
#[derive(Debug)]
struct Damaged {
    path: PathBuf,
    /// Where it stops making sense.
    source: serde_json::Error,
}

impl fmt::Display for Damaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is damaged", self.path.display())
    }
}

impl Error for Damaged {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}

/// Reads a record.
///
/// # Errors
/// If the file system refuses, or, of the kind `InvalidData`, if the file does not hold such a record: [`is_damage`].
pub fn read<T: DeserializeOwned>(path: &Path) -> io::Result<T> {
    serde_json::from_slice(&fs_err::read(path)?).map_err(|source| {
        io::Error::new(io::ErrorKind::InvalidData, Damaged { path: path.to_owned(), source })
    })
}

/// Whether [`read`] found that a file does not hold what it should; if not, the file system refused.
pub fn is_damage(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Damaged>())
}

/// Writes a record durably, indented.
///
/// # Errors
/// If the file system refuses; the old file, if there was one, is as it was.
pub fn write(path: &Path, value: &impl Serialize) -> io::Result<()> {
    write_atomic(path, &serde_json::to_vec_pretty(value)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_is_told_from_what_the_file_system_says() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("heads.json");
        assert!(!is_damage(&read::<Vec<u8>>(&path).unwrap_err()));
        write(&path, &[1, 2]).unwrap();
        assert_eq!(read::<Vec<u8>>(&path).unwrap(), [1, 2]);
        let error = read::<Vec<String>>(&path).unwrap_err();
        assert!(is_damage(&error));
        assert!(error.to_string().contains("heads.json is damaged"), "{error}");
        assert!(error.source().unwrap().to_string().contains("line 2"), "{error:?}");
    }
}
