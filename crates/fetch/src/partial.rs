//! The part of a file that has come so far, and where it comes from.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};

use crate::checksum::Hasher;
use crate::{Checksum, Error};

/// Where a partial file comes from, so that only what belongs together is put together.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Origin {
    pub(crate) url: String,
    /// Strong entity tag or time of change that the server gave: the same one, the same bytes.
    pub(crate) validator: Option<String>,
}

/// Names of the files that belong to one download.
pub(crate) struct Place {
    /// The file itself.
    pub(crate) whole: PathBuf,
    /// What has come so far.
    pub(crate) partial: PathBuf,
    /// What came and was not the published file.
    pub(crate) rejected: PathBuf,
    /// Stands for the right to write the others.
    pub(crate) lock: PathBuf,
    origin: PathBuf,
}

impl Place {
    pub(crate) fn new(folder: &Path, name: &str) -> Self {
        let beside = |ending: &str| folder.join(format!("{name}{ending}"));
        Self {
            whole: beside(""),
            partial: beside(".partial"),
            rejected: beside(".rejected"),
            lock: beside(".partial.lock"),
            origin: beside(".partial.origin"),
        }
    }

    /// Bytes that have come so far.
    pub(crate) fn length(&self) -> u64 {
        std::fs::metadata(&self.partial).map_or(0, |metadata| metadata.len())
    }

    pub(crate) fn origin(&self) -> Origin {
        let Ok(text) = std::fs::read_to_string(&self.origin) else { return Origin::default() };
        let mut lines = text.lines().map(str::to_owned);
        Origin { url: lines.next().unwrap_or_default(), validator: lines.next().filter(|v| !v.is_empty()) }
    }

    /// Opens the partial file to write at its end, or emptied; what is kept is read into `hasher` first.
    /// Gives its length as well.
    pub(crate) fn open(
        &self,
        origin: &Origin,
        keep: bool,
        hasher: &mut Hasher,
    ) -> Result<(File, u64), Error> {
        let path = &self.partial;
        let io = |action| move |e| Error::io(action, path, e);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(!keep)
            .open(path)
            .map_err(io("create"))?;
        let length = if keep { hasher.read(&mut file, &|_| {}).map_err(io("read"))? } else { 0 };
        file.seek(io::SeekFrom::End(0)).map_err(io("read"))?;
        let text = format!("{}\n{}\n", origin.url, origin.validator.as_deref().unwrap_or_default());
        std::fs::write(&self.origin, text).map_err(|e| Error::io("write", &self.origin, e))?;
        Ok((file, length))
    }

    /// Gives a whole and verified file its name.
    pub(crate) fn finish(&self) -> Result<(), Error> {
        let io = |action, e| Error::io(action, &self.partial, e);
        File::open(&self.partial).and_then(|file| file.sync_all()).map_err(|e| io("flush", e))?;
        std::fs::rename(&self.partial, &self.whole).map_err(|e| io("rename", e))?;
        self.forget_origin();
        Ok(())
    }

    /// Keeps aside what is not the published file.
    pub(crate) fn reject(&self) -> Result<(), Error> {
        std::fs::rename(&self.partial, &self.rejected).map_err(|e| Error::io("rename", &self.partial, e))?;
        self.forget_origin();
        Ok(())
    }

    /// Deletes what has come so far.
    pub(crate) fn discard(&self) -> Result<(), Error> {
        self.forget_origin();
        match std::fs::remove_file(&self.partial) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::io("delete", &self.partial, error))
            }
            _ => Ok(()),
        }
    }

    fn forget_origin(&self) {
        let _ = std::fs::remove_file(&self.origin);
    }
}

/// Writes to a file and hashes what is written.
pub(crate) struct HashedFile {
    file: io::BufWriter<File>,
    pub(crate) hasher: Hasher,
    pub(crate) length: u64,
}

impl HashedFile {
    /// Goes on with (`keep`) or begins the partial file of `place`.
    pub(crate) fn open(
        place: &Place,
        origin: &Origin,
        keep: bool,
        checksums: &[Checksum],
    ) -> Result<Self, Error> {
        let mut hasher = Hasher::new(checksums);
        let (file, length) = place.open(origin, keep, &mut hasher)?;
        Ok(Self { file: io::BufWriter::with_capacity(1 << 20, file), hasher, length })
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.hasher.update(bytes);
        self.length += bytes.len() as u64;
        Ok(())
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
