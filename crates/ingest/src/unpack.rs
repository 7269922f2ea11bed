//! Unpacking archives that may mean harm.
//!
//! Only regular files and folders are taken, each under a relative path without `..`, each name once, up to
//! limits on count and size. Links, devices and all else are refused, and with them the whole archive: the
//! published archives have none.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Component, Path, PathBuf};

use flate2::read::MultiGzDecoder;
use tar::{Archive, EntryType};

use crate::Error;

/// What an archive may hold at most.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Number of files.
    pub files: usize,
    /// Bytes of all files together.
    pub bytes: u64,
}

impl Default for Limits {
    /// A million files, 64 GiB.
    fn default() -> Self {
        Self { files: 1_000_000, bytes: 64 << 30 }
    }
}

/// Unpacks a gzip-compressed tar archive. `place` says where a member goes, by its path in the archive;
/// `None` leaves it out. `read` is told how many compressed bytes were read since the last time.
///
/// # Errors
/// If the archive is broken or holds anything but harmless files; what was unpacked until then stays.
pub fn unpack_tar_gz(
    archive: &Path,
    limits: Limits,
    place: &dyn Fn(&str) -> Option<PathBuf>,
    read: &dyn Fn(u64),
) -> Result<(), Error> {
    let refuse = |reason: String| Error::Archive { archive: archive.to_owned(), reason };
    let file = File::open(archive).map_err(|e| Error::io("open", archive, e))?;
    let counted = Counted { inner: BufReader::with_capacity(1 << 18, file), read };
    let mut tar = Archive::new(MultiGzDecoder::new(counted));
    let mut seen = BTreeSet::new();
    let mut bytes = 0u64;
    for entry in tar.entries().map_err(|e| refuse(e.to_string()))? {
        let mut entry = entry.map_err(|e| refuse(e.to_string()))?;
        let kind = entry.header().entry_type();
        let path = entry.path().map_err(|e| refuse(e.to_string()))?.into_owned();
        let name = harmless(&path).ok_or_else(|| refuse(format!("the path {path:?} leads out of it")))?;
        match kind {
            EntryType::Directory | EntryType::XGlobalHeader => continue,
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {}
            other => return Err(refuse(format!("{name} is neither file nor folder but {other:?}"))),
        }
        if name.is_empty() || !seen.insert(name.clone()) {
            return Err(refuse(format!("the name {name:?} is there twice or empty")));
        }
        bytes = bytes.saturating_add(entry.size());
        if seen.len() > limits.files || bytes > limits.bytes {
            return Err(refuse(format!(
                "it holds more than {} files or {} bytes",
                limits.files, limits.bytes
            )));
        }
        let Some(target) = place(&name) else { continue };
        if let Some(folder) = target.parent() {
            std::fs::create_dir_all(folder).map_err(|e| Error::io("create", folder, e))?;
        }
        // Fails if the file is there: two names that the file system takes for one are refused as well.
        let mut out = File::create_new(&target).map_err(|e| Error::io("create", &target, e))?;
        std::io::copy(&mut entry, &mut out).map_err(|e| refuse(format!("{name} is cut short: {e}")))?;
    }
    Ok(())
}

/// The path with `/` between its parts if it stays below where it starts and is UTF-8.
fn harmless(path: &Path) -> Option<String> {
    let mut parts = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(part) => parts.push(part.to_str()?),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(parts.join("/"))
}

struct Counted<'a, R> {
    inner: R,
    read: &'a dyn Fn(u64),
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.inner.read(buffer)?;
        (self.read)(n as u64);
        Ok(n)
    }
}
