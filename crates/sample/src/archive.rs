//! Gzip-compressed tar archives whose bytes depend on nothing but their contents.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::{Compression, GzBuilder};
use fs_err::File;
use tar::{Builder, EntryType, Header};

use crate::Error;

/// Time stamp of every entry: 2 December 2013, the day of the published devkit.
const TIME: u64 = 1_385_942_400;

/// Writes `entries`, each a path within the archive and its bytes, to `path`.
pub(crate) fn write<'a>(
    path: &Path,
    level: u32,
    entries: impl IntoIterator<Item = (String, &'a [u8])>,
) -> Result<PathBuf, Error> {
    let file = BufWriter::new(File::create(path)?);
    let gzip = GzBuilder::new().mtime(0).operating_system(255).write(file, Compression::new(level));
    let mut archive = Builder::new(gzip);
    for (name, bytes) in entries {
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::Regular);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(TIME);
        header.set_uid(0);
        header.set_gid(0);
        archive.append_data(&mut header, name, bytes)?;
    }
    archive.into_inner()?.finish()?.flush()?;
    Ok(path.to_owned())
}
