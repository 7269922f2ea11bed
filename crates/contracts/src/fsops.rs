//! The few file-system steps on which crash safety rests.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Above this many files one `syncfs` is cheaper than an `fsync` each.
const MANY_FILES: usize = 64;

/// The name under which this process fills what will be called `path`.
fn temporary(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    PathBuf::from(name)
}

/// Whether `name` is one that a process gave to what was to be called `wanted`.
pub(crate) fn is_temporary(name: &str, wanted: &str) -> bool {
    let process = name.strip_prefix(wanted).and_then(|rest| rest.strip_prefix('.')?.strip_suffix(".tmp"));
    process.is_some_and(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Writes a file beside its destination, flushes it to disk and renames it into place.
pub(crate) fn write_atomic(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = &temporary(path);
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
/// deleted: at every moment there is a whole folder at `to`. Where the file system cannot do that (NFS, FAT), the
/// older folder is moved to `aside` first.
pub(crate) fn replace_folder(from: &Path, to: &Path, aside: &Path) -> io::Result<()> {
    if !to.exists() {
        return std::fs::rename(from, to);
    }
    use rustix::fs::{CWD, RenameFlags};
    use rustix::io::Errno;
    match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::EXCHANGE) {
        Ok(()) => std::fs::remove_dir_all(from),
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => move_aside(from, to, aside),
        Err(error) => Err(error.into()),
    }
}

fn move_aside(from: &Path, to: &Path, aside: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    std::fs::rename(to, aside)?;
    std::fs::rename(from, to)?;
    std::fs::remove_dir_all(aside)
}

/// Points the symbolic link `link` at `target`, replacing an older link in one step.
pub(crate) fn point_link(link: &Path, target: &str) -> io::Result<()> {
    let beside = &temporary(link);
    match std::fs::remove_file(beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    std::os::unix::fs::symlink(target, beside)?;
    std::fs::rename(beside, link)?;
    link.parent().map_or(Ok(()), sync_folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_takes_anothers_place_with_and_without_the_systems_help() {
        for replace in [replace_folder, move_aside] {
            let root = tempfile::tempdir().unwrap();
            let [from, to, aside] = ["from", "to", "aside"].map(|name| root.path().join(name));
            for (folder, text) in [(&from, "new"), (&to, "old"), (&aside, "older")] {
                std::fs::create_dir(folder).unwrap();
                std::fs::write(folder.join("file"), text).unwrap();
            }
            replace(&from, &to, &aside).unwrap();
            assert_eq!(std::fs::read_to_string(to.join("file")).unwrap(), "new");
            assert!(!from.exists());
        }
    }
}
