//! Durable writes: the few file-system steps on which crash safety rests.
//!
//! A file is written under a temporary name in the folder of its destination, flushed (`fsync`), and renamed; then the
//! folder's entry is flushed. Whatever ends the process or the machine, there is the whole old file or the whole new
//! one. Errors are `std::io::Error`s that name the path (`fs_err`); their kind is the system's.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use fs_err::File;

/// Above this many files one `syncfs` is cheaper than an `fsync` each.
const MANY_FILES: usize = 64;

/// The temporary name under which this process writes the file `path`.
pub fn temporary(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    PathBuf::from(name)
}

/// Whether `name` is a temporary name of the file `wanted`, of any process.
pub fn is_temporary(name: &str, wanted: &str) -> bool {
    name.strip_prefix(wanted).is_some_and(|rest| rest.starts_with('.')) && is_unfinished(name)
}

/// Whether `name` is one that some process gave to a file that it was writing: after a crash nobody will finish it.
pub fn is_unfinished(name: &str) -> bool {
    let process = name.strip_suffix(".tmp").and_then(|rest| rest.rsplit_once('.'));
    process.is_some_and(|(_, id)| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Writes a file under a temporary name, flushes it to disk and renames it into place.
///
/// # Errors
/// If the file system refuses; the old file, if there was one, is as it was, and no temporary file is left.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_atomic_with(path, |file| file.write_all(bytes))
}

/// As [`write_atomic`], by a function that writes the content.
///
/// # Errors
/// Those of `write` and of the file system; the old file, if there was one, is as it was.
pub fn write_atomic_with<E: From<io::Error>>(
    path: &Path,
    write: impl FnOnce(&mut File) -> Result<(), E>,
) -> Result<(), E> {
    let unfinished = &temporary(path);
    let written = File::create(unfinished).map_err(E::from).and_then(|mut file| {
        write(&mut file)?;
        Ok(file.sync_all()?)
    });
    if let Err(error) = written.and_then(|()| Ok(fs_err::rename(unfinished, path)?)) {
        // The first error is what the caller has to know.
        let _ = fs_err::remove_file(unfinished);
        return Err(error);
    }
    Ok(sync_parent(path)?)
}

/// Flushes a file that was written under another name and moves it to `path`, replacing an older file in one step.
///
/// # Errors
/// If the file system refuses.
pub fn move_into_place(unfinished: &Path, path: &Path) -> io::Result<()> {
    sync_file(unfinished)?;
    fs_err::rename(unfinished, path)?;
    sync_parent(path)
}

/// Flushes the content of a file.
///
/// # Errors
/// If the file system refuses.
pub fn sync_file(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Flushes the entries of the folder that `path` lies in.
///
/// # Errors
/// If the file system refuses.
pub fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if folder.as_os_str().is_empty() => sync_folder(Path::new(".")),
        Some(folder) => sync_folder(folder),
        None => Ok(()),
    }
}

/// Flushes a folder's entries, so that a rename in it survives a power cut.
///
/// # Errors
/// If the file system refuses.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    sync_file(folder)
}

/// Flushes the content of all `files` (paths relative to `folder`), and the folders they lie in, to disk.
///
/// # Errors
/// If the file system refuses.
pub fn sync_files(folder: &Path, files: &[&str]) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    if files.len() > MANY_FILES {
        return Ok(rustix::fs::syncfs(File::open(folder)?)?);
    }
    let mut folders = std::collections::BTreeSet::from([folder.to_path_buf()]);
    for file in files {
        let path = folder.join(file);
        sync_file(&path)?;
        folders.extend(path.parent().map(Path::to_path_buf));
    }
    folders.iter().try_for_each(|folder| sync_folder(folder))
}

/// Moves folder `from` to `to`. A folder already at `to` changes places with it, in one step, and is then
/// deleted: at every moment there is a whole folder at `to`. Where the file system cannot do that (NFS, FAT), the
/// older folder is moved to `aside` first.
///
/// # Errors
/// If the file system refuses.
pub fn replace_folder(from: &Path, to: &Path, aside: &Path) -> io::Result<()> {
    if !to.exists() {
        return fs_err::rename(from, to);
    }
    use rustix::fs::{CWD, RenameFlags};
    use rustix::io::Errno;
    match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::EXCHANGE) {
        Ok(()) => fs_err::remove_dir_all(from),
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => move_aside(from, to, aside),
        Err(error) => Err(error.into()),
    }
}

fn move_aside(from: &Path, to: &Path, aside: &Path) -> io::Result<()> {
    remove_folder(aside)?;
    fs_err::rename(to, aside)?;
    fs_err::rename(from, to)?;
    fs_err::remove_dir_all(aside)
}

/// Removes a folder and all in it, if it is there.
///
/// # Errors
/// If the file system refuses.
pub fn remove_folder(folder: &Path) -> io::Result<()> {
    match fs_err::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Points the symbolic link `link` at `target`, replacing an older link in one step.
///
/// # Errors
/// If the file system refuses.
pub fn point_link(link: &Path, target: &str) -> io::Result<()> {
    let unfinished = &temporary(link);
    match fs_err::remove_file(unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs_err::os::unix::fs::symlink(target, unfinished)?;
    fs_err::rename(unfinished, link)?;
    sync_parent(link)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_that_fails_leaves_the_old_file_alone() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("file");
        write_atomic(&path, b"old").unwrap();
        let failed = write_atomic_with(&path, |file| {
            file.write_all(b"half")?;
            Err(io::Error::from(io::ErrorKind::StorageFull))
        });
        assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_takes_anothers_place_with_and_without_the_systems_help() {
        for replace in [replace_folder, move_aside] {
            let root = tempfile::tempdir().unwrap();
            let [from, to, aside] = ["from", "to", "aside"].map(|name| root.path().join(name));
            for (folder, text) in [(&from, "new"), (&to, "old"), (&aside, "older")] {
                fs_err::create_dir(folder).unwrap();
                fs_err::write(folder.join("file"), text).unwrap();
            }
            replace(&from, &to, &aside).unwrap();
            assert_eq!(fs_err::read_to_string(to.join("file")).unwrap(), "new");
            assert!(!from.exists());
        }
    }
}
