//! What errors of the file system mean. They are told apart by their kind alone, so that a message never takes a full
//! disk, or a file that nobody may read, for damage.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Whether an error, or one behind it, says that there is no room left: the disk is full, a quota is used up, or a file
/// would be larger than the system lets this process write.
pub fn is_full(error: &(dyn Error + 'static)) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    let mut next = Some(error);
    while let Some(error) = next {
        let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
        if matches!(kind, Some(StorageFull | QuotaExceeded | FileTooLarge)) {
            return true;
        }
        next = error.source();
    }
    false
}

/// Whether an error says that a file is not there, or that something else is in its place. Any other error leaves open
/// what the file holds: leave to read it may be missing, the disk may have failed, too many files may be open.
pub fn is_missing(error: &io::Error) -> bool {
    use io::ErrorKind::{IsADirectory, NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory | IsADirectory)
}

/// Whether there is anything of this name. A link that leads nowhere is there: it cannot be read, and is not to be passed over.
pub fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// Whether an error says that nothing may be written there: the file system is read-only, or leave is missing.
pub fn is_forbidden(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied)
}

/// Names what was tried, and with which file, in an error of the system that does not.
pub(crate) fn named(tried: &'static str, path: &Path, source: impl Into<io::Error>) -> io::Error {
    let source = source.into();
    io::Error::new(source.kind(), Named { tried, path: path.to_owned(), source })
}

#[derive(Debug)]
struct Named {
    tried: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed to {} `{}`", self.tried, self.path.display())
    }
}

impl Error for Named {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Wrapped(io::Error);

    impl fmt::Display for Wrapped {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a table cannot be written")
        }
    }

    impl Error for Wrapped {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn a_full_disk_is_recognised_behind_other_errors() {
        let [full, quota, limit, missing] =
            [28, 122, 27, 2].map(|code| Wrapped(io::Error::from_raw_os_error(code)));
        for error in [&full, &quota, &limit] {
            assert!(is_full(error) && !is_missing(&error.0), "{error:?}");
        }
        assert!(!is_full(&missing) && is_missing(&missing.0));
        let path = Path::new("data/train");
        let error = named("flush the file system of", path, io::Error::from_raw_os_error(28));
        assert!(is_full(&error) && error.to_string().ends_with("of `data/train`"), "{error}");
        assert!(error.get_ref().unwrap().source().unwrap().to_string().contains("No space left"));
    }

    #[test]
    fn errors_of_files_that_are_there_do_not_call_them_missing() {
        // EIO, EACCES, EMFILE, ENFILE, EROFS, ESTALE.
        for code in [5, 13, 24, 23, 30, 116] {
            assert!(!is_missing(&io::Error::from_raw_os_error(code)), "{code}");
        }
        // ENOENT, ENOTDIR, EISDIR.
        for code in [2, 20, 21] {
            assert!(is_missing(&io::Error::from_raw_os_error(code)), "{code}");
        }
    }
}
