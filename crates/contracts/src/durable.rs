//! Durable writes: the few file-system steps on which crash safety rests.
//!
//! A file is written under a temporary name in the folder of its destination, flushed (`fsync`), and renamed; then the
//! folder's entry is flushed. Whatever ends the process or the machine, there is the whole old file or the whole new
//! one. Errors are `std::io::Error`s that name the path (`fs_err`); their kind is the system's.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use fs_err::File;

use crate::disk::{is_missing, named};

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

/// As [`write_atomic`], by a function that writes the content. Where `path` is a link to a file, that file is replaced;
/// what is no regular file, such as `/dev/stdout` or a pipe, is written to as it is.
///
/// # Errors
/// Those of `write` and of the file system; the old file, if there was one, is as it was.
pub fn write_atomic_with<E: From<io::Error>>(
    path: &Path,
    write: impl FnOnce(&mut File) -> Result<(), E>,
) -> Result<(), E> {
    let target = match fs_err::metadata(path) {
        Ok(metadata) if metadata.is_file() => fs_err::canonicalize(path)?,
        Ok(metadata) if !metadata.is_dir() => {
            return write(&mut fs_err::OpenOptions::new().write(true).open(path)?);
        }
        _ => path.to_owned(),
    };
    let unfinished = write_unfinished(&target, write)?;
    if let Err(error) = fs_err::rename(&unfinished, &target) {
        // The first error is what the caller has to know.
        let _ = fs_err::remove_file(&unfinished);
        return Err(error.into());
    }
    Ok(sync_parent(&target)?)
}

/// Writes and flushes the file `path` under its temporary name, which is returned; if that fails, none is left.
fn write_unfinished<E: From<io::Error>>(
    path: &Path,
    write: impl FnOnce(&mut File) -> Result<(), E>,
) -> Result<PathBuf, E> {
    let unfinished = temporary(path);
    let written = File::create(&unfinished).map_err(E::from).and_then(|mut file| {
        write(&mut file)?;
        Ok(file.sync_all()?)
    });
    match written {
        Ok(()) => Ok(unfinished),
        Err(error) => {
            let _ = fs_err::remove_file(&unfinished);
            Err(error)
        }
    }
}

/// Writes several files of a folder, which is created if need be, as are folders in it that their names lead through: all
/// under temporary names, and only when all are whole and flushed are they renamed, in the order given.
///
/// # Errors
/// If the file system refuses; unless that is in the midst of renaming, the folder is as it was.
pub fn write_files(folder: &Path, files: &[(&str, &[u8])]) -> io::Result<()> {
    let (mut made, mut unfinished) = (Vec::new(), Vec::new());
    let written = files.iter().try_for_each(|(name, bytes)| {
        let path = folder.join(name);
        let missing =
            path.ancestors().skip(1).take_while(|above| above.starts_with(folder) && !above.exists());
        let mut missing: Vec<_> = missing.map(Path::to_owned).collect();
        missing.reverse();
        made.extend(missing);
        create_folder(path.parent().unwrap_or(folder))?;
        unfinished.push((write_unfinished(&path, |file| file.write_all(bytes))?, path));
        Ok(())
    });
    let moved = written.and_then(|()| unfinished.iter().try_for_each(|(from, to)| fs_err::rename(from, to)));
    if let Err(error) = moved {
        unfinished.iter().for_each(|(path, _)| _ = fs_err::remove_file(path));
        made.iter().rev().for_each(|folder| _ = fs_err::remove_dir(folder));
        return Err(error);
    }
    unfinished.iter().try_for_each(|(_, path)| sync_parent(path))
}

/// Creates a folder and those above it that are missing, and flushes the entries of the new ones.
///
/// # Errors
/// If the file system refuses, or a file is in the way.
pub fn create_folder(folder: &Path) -> io::Result<()> {
    let missing: Vec<_> =
        folder.ancestors().take_while(|path| !path.as_os_str().is_empty() && !path.exists()).collect();
    fs_err::create_dir_all(folder)?;
    missing.iter().rev().try_for_each(|path| sync_parent(path))
}

/// Gives a finished file a second name: a hard link where the file system has them, else a copy, flushed. The folder
/// that the new name lies in is created if need be; flushing its entry is left to the caller.
///
/// # Errors
/// If the file system refuses.
pub fn link_or_copy(from: &Path, to: &Path) -> io::Result<()> {
    if let Some(folder) = to.parent() {
        create_folder(folder)?;
    }
    match fs_err::hard_link(from, to) {
        Err(error) if !is_missing(&error) && error.kind() != io::ErrorKind::AlreadyExists => {
            fs_err::copy(from, to)?;
            sync_file(to)
        }
        linked => linked,
    }
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
        let synced = rustix::fs::syncfs(File::open(folder)?);
        return synced.map_err(|error| named("flush the file system of", folder, error));
    }
    let mut folders = std::collections::BTreeSet::from([folder.to_path_buf()]);
    for file in files {
        let path = folder.join(file);
        sync_file(&path)?;
        folders.extend(path.parent().map(Path::to_path_buf));
    }
    folders.iter().try_for_each(|folder| sync_folder(folder))
}

/// Moves folder `from` to `to`. A folder, or whatever else is already at `to`, changes places with it, in one step, and is then
/// deleted: at every moment there is a whole folder at `to`. Where the file system cannot do that (NFS, FAT), the
/// older folder is moved to `aside` first.
///
/// # Errors
/// If the file system refuses.
pub fn replace_folder(from: &Path, to: &Path, aside: &Path) -> io::Result<()> {
    if fs_err::symlink_metadata(to).is_err() {
        return fs_err::rename(from, to);
    }
    use rustix::fs::{CWD, RenameFlags};
    use rustix::io::Errno;
    match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::EXCHANGE) {
        Ok(()) => remove(from),
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => move_aside(from, to, aside),
        Err(error) => Err(named("put a new folder in the place of", to, error)),
    }
}

fn move_aside(from: &Path, to: &Path, aside: &Path) -> io::Result<()> {
    remove(aside)?;
    fs_err::rename(to, aside)?;
    fs_err::rename(from, to)?;
    remove(aside)
}

/// Removes a file, a link, or a folder and all in it, if it is there.
///
/// # Errors
/// If the file system refuses.
pub fn remove(path: &Path) -> io::Result<()> {
    match fs_err::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(metadata) if metadata.is_dir() => fs_err::remove_dir_all(path),
        Ok(_) => fs_err::remove_file(path),
    }
}

/// Points the symbolic link `link` at `target`, replacing an older link in one step.
///
/// # Errors
/// If the file system refuses.
pub fn point_link(link: &Path, target: &str) -> io::Result<()> {
    let unfinished = &temporary(link);
    remove(unfinished)?;
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
    fn several_files_come_together_or_not_at_all() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("published");
        write_files(&folder, &[("model", b"old"), ("card", b"old")]).unwrap();
        // Something that cannot be replaced by a file is in the place of the last one.
        let refused = write_files(&folder, &[("model", b"new"), ("parts/one", b"new"), ("card/of", b"new")]);
        refused.unwrap_err();
        let names = |folder: &Path| -> Vec<_> {
            let entries = std::fs::read_dir(folder).unwrap();
            let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            names
        };
        assert_eq!(names(&folder), ["card", "model"]);
        assert_eq!(std::fs::read(folder.join("model")).unwrap(), b"old");
        let never = root.path().join("never");
        write_files(&never, &[("parts/one", b"new"), ("parts/one/two", b"new")]).unwrap_err();
        assert!(!never.exists());
        write_files(&never, &[("parts/one", b"new")]).unwrap();
        assert_eq!(std::fs::read(never.join("parts/one")).unwrap(), b"new");
    }

    #[test]
    fn links_and_devices_are_written_through() {
        let root = tempfile::tempdir().unwrap();
        let [file, link] = ["file", "link"].map(|name| root.path().join(name));
        write_atomic(&file, b"old").unwrap();
        std::os::unix::fs::symlink("file", &link).unwrap();
        write_atomic(&link, b"new").unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), b"new");
        assert!(link.is_symlink());
        write_atomic(Path::new("/dev/null"), b"gone").unwrap();
        assert!(!std::fs::metadata("/dev/null").unwrap().is_file());
    }

    #[test]
    fn a_second_name_is_of_the_same_content() {
        let root = tempfile::tempdir().unwrap();
        let [file, second] = ["file", "kept/model/file"].map(|name| root.path().join(name));
        write_atomic(&file, b"first").unwrap();
        link_or_copy(&file, &second).unwrap();
        // Files are replaced, never written again: the second name keeps what the first had.
        write_atomic(&file, b"second").unwrap();
        assert_eq!(std::fs::read(&second).unwrap(), b"first");
        link_or_copy(&root.path().join("missing"), &root.path().join("other")).unwrap_err();
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
