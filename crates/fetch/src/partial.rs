//! Partial downloads on disk: what was received so far, and from which address.

use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};

use fs_err::{File, OpenOptions};
use marque_contracts::{Digest, durable};

use crate::Checksum;
use crate::checksum::Hasher;
use crate::lock::is_held;

/// Where a partial file comes from, so that only what belongs together is put together.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Origin {
    pub(crate) url: String,
    /// Strong entity tag or `Last-Modified` that the server gave: the same one, the same bytes.
    pub(crate) validator: Option<String>,
}

/// Names of the files that belong to one download.
pub(crate) struct DownloadPaths {
    /// The file itself, once it is complete and verified.
    pub(crate) complete: PathBuf,
    /// What was received so far.
    partial: PathBuf,
    /// The lock file.
    pub(crate) lock: PathBuf,
    origin: PathBuf,
}

impl DownloadPaths {
    pub(crate) fn new(folder: &Path, name: &str) -> Self {
        let with_ending = |ending: &str| folder.join(format!("{name}{ending}"));
        Self {
            complete: with_ending(""),
            partial: with_ending(".partial"),
            lock: with_ending(".partial.lock"),
            origin: with_ending(".partial.origin"),
        }
    }

    /// Bytes received so far.
    pub(crate) fn length(&self) -> u64 {
        fs_err::metadata(&self.partial).map_or(0, |metadata| metadata.len())
    }

    pub(crate) fn origin(&self) -> Origin {
        let Ok(text) = fs_err::read_to_string(&self.origin) else { return Origin::default() };
        let mut lines = text.lines().map(str::to_owned);
        Origin { url: lines.next().unwrap_or_default(), validator: lines.next().filter(|v| !v.is_empty()) }
    }

    /// Opens the partial file to write at its end, or emptied; what it has is read into `hasher` first. Returns its
    /// length as well.
    fn open(&self, origin: &Origin, resume: bool, hasher: &mut Hasher) -> io::Result<(File, u64)> {
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(!resume).open(&self.partial)?;
        let length = if resume { hasher.read(&mut file, &|_| {})? } else { 0 };
        file.seek(io::SeekFrom::End(0))?;
        let text = format!("{}\n{}\n", origin.url, origin.validator.as_deref().unwrap_or_default());
        fs_err::write(&self.origin, text)?;
        Ok((file, length))
    }

    /// Gives a complete and verified file its name, durably.
    pub(crate) fn finish(&self) -> io::Result<()> {
        durable::move_into_place(&self.partial, &self.complete)?;
        self.delete_origin();
        Ok(())
    }

    /// Sets aside what is not the published file; returns its new path.
    pub(crate) fn reject(&self) -> io::Result<PathBuf> {
        let aside = rename_aside(&self.partial, &self.complete)?;
        self.delete_origin();
        Ok(aside)
    }

    /// Deletes what was received so far.
    pub(crate) fn discard(&self) -> io::Result<()> {
        self.delete_origin();
        match fs_err::remove_file(&self.partial) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn delete_origin(&self) {
        let _ = fs_err::remove_file(&self.origin);
    }
}

/// Deletes what a program that ended in the moment between left beside files that are complete: their locks and origins. What
/// another program holds stays.
pub(crate) fn tidy(folder: &Path) {
    let names = fs_err::read_dir(folder).into_iter().flatten();
    let names = names.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let of = |name: String| {
        let endings = [".partial.origin", ".partial.lock"].into_iter();
        Some(endings.filter_map(|ending| name.strip_suffix(ending)).next()?.to_owned())
    };
    for name in names.filter_map(of) {
        let paths = DownloadPaths::new(folder, &name);
        if paths.complete.exists() && !paths.partial.exists() && !is_held(&paths.lock) {
            paths.delete_origin();
            let _ = fs_err::remove_file(&paths.lock);
        }
    }
}

/// Renames a file that is not the published one to `NAME.rejected`, or `NAME.rejected.2` and so on where other content
/// was set aside under that name already. Returns the new path.
///
/// # Errors
/// If the file system refuses.
pub fn set_aside(file: &Path) -> io::Result<PathBuf> {
    rename_aside(file, file)
}

fn rename_aside(file: &Path, name: &Path) -> io::Result<PathBuf> {
    let name = name.file_name().unwrap_or_default().to_string_lossy();
    for number in 1_u32.. {
        let number = if number == 1 { String::new() } else { format!(".{number}") };
        let aside = file.with_file_name(format!("{name}.rejected{number}"));
        // The same content need not be there twice.
        if !aside.exists() || same_content(file, &aside)? {
            fs_err::rename(file, &aside)?;
            return Ok(aside);
        }
    }
    Err(io::Error::other("all names are taken"))
}

fn same_content(one: &Path, other: &Path) -> io::Result<bool> {
    let length = |path: &Path| fs_err::metadata(path).map(|metadata| metadata.len());
    Ok(length(one)? == length(other)? && Digest::of_file(one)? == Digest::of_file(other)?)
}

/// Writes to a file and hashes what is written.
pub(crate) struct HashedFile {
    file: io::BufWriter<File>,
    pub(crate) hasher: Hasher,
    pub(crate) length: u64,
}

impl HashedFile {
    /// Resumes or begins a partial file.
    pub(crate) fn open(
        paths: &DownloadPaths,
        origin: &Origin,
        resume: bool,
        checksums: &[Checksum],
    ) -> io::Result<Self> {
        let mut hasher = Hasher::new(checksums);
        let (file, length) = paths.open(origin, resume, &mut hasher)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_complete_downloads_is_tidied_up_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let names = [
            "done",
            "done.partial.lock",
            "done.partial.origin",
            "locked",
            "locked.partial.lock",
            "half.partial",
            "half.partial.lock",
            "half.partial.origin",
            "held",
            "held.partial.lock",
        ];
        for name in names {
            fs_err::write(folder.path().join(name), "").unwrap();
        }
        let held = File::open(folder.path().join("held.partial.lock")).unwrap();
        held.lock().unwrap();
        tidy(folder.path());
        let there: Vec<_> = names.into_iter().filter(|name| folder.path().join(name).exists()).collect();
        assert_eq!(
            there,
            [
                "done",
                "locked",
                "half.partial",
                "half.partial.lock",
                "half.partial.origin",
                "held",
                "held.partial.lock"
            ]
        );
    }
}
