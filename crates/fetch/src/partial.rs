//! The part of a file that has come so far, and where it comes from.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};

use marque_contracts::Digest;

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

    /// Keeps aside what is not the published file; says where.
    pub(crate) fn reject(&self) -> Result<PathBuf, Error> {
        let kept = aside(&self.partial, &self.whole).map_err(|e| Error::io("rename", &self.partial, e))?;
        self.forget_origin();
        Ok(kept)
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

/// Renames a file that is not the published one to `NAME.rejected`, or `NAME.rejected.2` and so on where other content
/// is kept aside under that name already. Returns the new path.
///
/// # Errors
/// If the file system refuses.
pub fn set_aside(file: &Path) -> io::Result<PathBuf> {
    aside(file, file)
}

fn aside(file: &Path, name: &Path) -> io::Result<PathBuf> {
    let name = name.file_name().unwrap_or_default().to_string_lossy();
    for number in 1_u32.. {
        let number = if number == 1 { String::new() } else { format!(".{number}") };
        let kept = file.with_file_name(format!("{name}.rejected{number}"));
        // The same content need not be kept twice.
        if !kept.exists() || same(file, &kept)? {
            std::fs::rename(file, &kept)?;
            return Ok(kept);
        }
    }
    Err(io::Error::other("all names are taken"))
}

fn same(one: &Path, other: &Path) -> io::Result<bool> {
    let length = |path: &Path| std::fs::metadata(path).map(|metadata| metadata.len());
    Ok(length(one)? == length(other)? && Digest::of_file(one)? == Digest::of_file(other)?)
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
