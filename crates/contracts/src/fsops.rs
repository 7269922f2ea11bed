//! The few file-system steps on which crash safety rests.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// Above this many files one `syncfs` is cheaper than an `fsync` each.
const MANY_FILES: usize = 64;

/// Writes a file beside its destination, flushes it to disk and renames it into place.
pub(crate) fn write_atomic(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.tmp", std::process::id()));
    let beside = Path::new(&beside);
    let mut file = File::create(beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(beside, path)?;
    path.parent().map_or(Ok(()), sync_folder)
}

/// Flushes a folder's entries, so that a rename in it survives a power cut.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Flushes the content of all `files` (paths relative to `folder`), and the folders they lie in, to disk.
pub(crate) fn sync_files(folder: &Path, files: &[&str]) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    if files.len() > MANY_FILES {
        return Ok(rustix::fs::syncfs(File::open(folder)?)?);
    }
    let mut folders = std::collections::BTreeSet::from([folder.to_path_buf()]);
    for file in files {
        let path = folder.join(file);
        File::open(&path)?.sync_all()?;
        folders.extend(path.parent().map(Path::to_path_buf));
    }
    folders.iter().try_for_each(|folder| sync_folder(folder))
}

/// Moves folder `from` to `to`. A folder already at `to` changes places with it, in one step, and is then
/// deleted: at every moment there is a whole folder at `to`.
pub(crate) fn replace_folder(from: &Path, to: &Path) -> io::Result<()> {
    if !to.exists() {
        return std::fs::rename(from, to);
    }
    use rustix::fs::{CWD, RenameFlags};
    rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::EXCHANGE)?;
    std::fs::remove_dir_all(from)
}

/// Points the symbolic link `link` at `target`, replacing an older link in one step.
pub(crate) fn point_link(link: &Path, target: &str) -> io::Result<()> {
    let mut beside = link.as_os_str().to_owned();
    beside.push(format!(".{}.tmp", std::process::id()));
    let beside = Path::new(&beside);
    match std::fs::remove_file(beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    std::os::unix::fs::symlink(target, beside)?;
    std::fs::rename(beside, link)?;
    link.parent().map_or(Ok(()), sync_folder)
}
