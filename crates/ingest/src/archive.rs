//! Unpacking untrusted archives: tar, tar.gz and zip.
//!
//! Only regular files and folders are taken, each under a relative path without `..`, each name once, up to
//! [`Limits`] on their number, their size and their compression ratio. Links, devices and all else are refused, and
//! with them the whole archive: the published archives have none. Nothing of an archive reaches its place
//! before all of it was read.

mod extract;
mod guard;
mod gzip;
mod tar_gz;
mod unread;
mod zip;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use fs_err::File;
use marque_contracts::guarded;

use crate::paths::tidy;

/// What an archive may hold at most.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Number of files and folders.
    pub files: u64,
    /// Bytes of everything in it together.
    pub bytes: u64,
    /// Unpacked bytes per byte of the archive; looked at from [`Limits::SMALL`] on.
    pub ratio: u64,
}

impl Limits {
    /// Up to this many unpacked bytes any ratio is allowed.
    pub const SMALL: u64 = 16 << 20;

    /// Folders within folders.
    pub const LEVELS: usize = 64;

    /// Bytes of a name, and of a whole path: what file systems take, with room for the folders above.
    const NAME: usize = 255;
    const PATH: usize = 2048;
}

impl Default for Limits {
    /// A million files, 64 GiB, a hundredfold.
    fn default() -> Self {
        Self { files: 1_000_000, bytes: 64 << 30, ratio: 100 }
    }
}

/// Why an archive cannot be unpacked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is damaged, or has members that are not allowed.
    #[error("refused to unpack {}: {reason}", tidy(.archive).display())]
    Refused {
        /// The archive.
        archive: PathBuf,
        /// What is wrong with it.
        reason: Refusal,
    },
    /// The file system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// What is wrong with an archive.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// Path traversal: a path is absolute, or has `..` in it.
    PathTraversal(String),
    /// A name is not UTF-8.
    NotUtf8(String),
    /// A symbolic or hard link.
    Link(String),
    /// A device, a pipe, or something else that is neither file nor folder.
    SpecialFile(String),
    /// Two members have one name, or names that the file system takes for one.
    DuplicateName(String),
    /// Two members that belong in one place, and are not the same.
    Different(String, String),
    /// A member has no name.
    NoName,
    /// A member is encrypted.
    Encrypted(String),
    /// A file lies below what is a file itself, so that one of them cannot be written.
    BelowFile(String),
    /// A path has more levels than [`Limits::LEVELS`].
    TooDeep(String),
    /// A path, or a name in it, is longer than file systems take.
    LongName(String),
    /// A member's name or other record is longer than any real one.
    LongRecord,
    /// More files than the limit.
    TooMany(u64),
    /// More bytes than the limit.
    TooLarge(u64),
    /// A higher compression ratio than the limit: a zip bomb.
    TooCompressed(u64),
    /// Damaged or cut short.
    Damaged(String),
    /// An archive of a kind that is known, and not read.
    Unread(&'static str),
    /// A member is packed by a method that is known, and not read.
    UnreadMethod(String, &'static str),
    /// Not an archive of a known kind.
    UnknownFormat,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PathTraversal(name) => write!(f, "the path {name:?} leads out of it"),
            Self::NotUtf8(name) => {
                write!(f, "the name {name:?} in it is not UTF-8; pack it again with names in UTF-8")
            }
            Self::Link(name) => write!(f, "{name} is a link"),
            Self::SpecialFile(name) => write!(f, "{name} is neither file nor folder"),
            Self::DuplicateName(name) => write!(f, "the name {name} is there twice"),
            Self::Different(first, second) => {
                write!(f, "{first} and {second} in it belong in one place, and are different files")
            }
            Self::BelowFile(name) => write!(f, "{name} lies below a file of it, or is a folder as well"),
            Self::TooDeep(name) => {
                write!(f, "a file in it lies more than {} folders deep: {}", Limits::LEVELS, shortened(name))
            }
            Self::LongName(name) => {
                write!(f, "a file in it has a name that is too long: {}", shortened(name))
            }
            Self::NoName => f.write_str("a file in it has no name"),
            Self::Encrypted(name) => write!(f, "{name} is encrypted"),
            Self::LongRecord => f.write_str("a file in it has a name of absurd length"),
            Self::TooMany(limit) => write!(f, "it holds more than dataset.max_files = {limit} files"),
            Self::TooLarge(limit) => write!(f, "it holds more than dataset.max_bytes = {limit} bytes"),
            Self::TooCompressed(limit) => {
                write!(f, "it unpacks to more than dataset.max_ratio = {limit} times its size")
            }
            Self::Damaged(reason) => write!(f, "it is damaged: {reason}"),
            Self::Unread(what) => write!(
                f,
                "it is {what}, which is not read: unpack it and name the folder, or pack it again as zip or tar.gz"
            ),
            Self::UnreadMethod(name, method) => write!(
                f,
                "{name} in it is packed by {method}, which is not read: unpack it and name the folder, or pack it \
                 again as zip (by Deflate) or tar.gz"
            ),
            Self::UnknownFormat => f.write_str("it is neither a tar, a gzipped tar nor a zip file"),
        }
    }
}

impl std::error::Error for Refusal {}

/// The beginning of a path that is too long to be shown.
fn shortened(name: &str) -> String {
    const SHOWN: usize = 60;
    name.char_indices().nth(SHOWN).map_or(name.to_owned(), |(end, _)| format!("{}…", &name[..end]))
}

/// Endings of archives' names.
const ENDINGS: [&str; 4] = [".tgz", ".tar.gz", ".tar", ".zip"];

/// Whether a file's name is that of an archive.
pub(crate) fn is_archive(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// The name of an archive without its ending; `None` if it is not an archive's.
pub(crate) fn stem(name: &str) -> Option<&str> {
    ENDINGS.iter().find_map(|ending| name.strip_suffix(ending))
}

/// Bytes of a member that tell what it is.
const HEAD: u64 = 64;

/// Unpacks an archive into `staging`, which must not be there yet. `place` says where a member goes, below `staging`, by
/// its path in the archive and its first bytes; `None` leaves it out. Members that belong in one place have to be the
/// same. `read` is told how many bytes of the archive were read since the last time. Returns the places of the files,
/// each with the path in the archive of the first member there. The kind of the archive is told by its content.
///
/// # Errors
/// If the archive is damaged or holds anything but regular files and folders, or different files for one place; nothing
/// is left in `staging` then.
pub fn unpack(
    archive: &Path,
    limits: Limits,
    staging: &Path,
    place: &dyn Fn(&str, &[u8]) -> Option<String>,
    read: &dyn Fn(u64),
) -> Result<BTreeMap<String, String>, Error> {
    fs_err::create_dir_all(staging)?;
    let mut placed = BTreeMap::new();
    let walked = walk(archive, limits, read, &mut |name, content| {
        let mut head = Vec::with_capacity(HEAD as usize);
        (&mut *content).take(HEAD).read_to_end(&mut head).map_err(|e| guard::fault(&e))?;
        let Some(place) = place(name, &head) else { return extract::skip(content) };
        let target = staging.join(&place);
        let mut content = head.as_slice().chain(content);
        match placed.get(&place) {
            None => {
                extract::write(name, &target, &mut content)?;
                placed.insert(place, name.to_owned());
                Ok(())
            }
            Some(_) if extract::is_same(&target, &mut content)? => Ok(()),
            Some(first) => Err(Refusal::Different(String::clone(first), name.to_owned()).into()),
        }
    });
    match walked {
        Ok(()) => Ok(placed),
        Err(fault) => {
            let _ = fs_err::remove_dir_all(staging);
            Err(fault.of(archive))
        }
    }
}

/// Reads an archive to its end and hands over its members; what they hold is thrown away. For looking at
/// archives without unpacking them, and for fuzzing.
///
/// # Errors
/// As [`unpack`].
pub fn list(archive: &Path, limits: Limits) -> Result<Vec<String>, Error> {
    let mut names = BTreeSet::new();
    let walked = walk(archive, limits, &|_| {}, &mut |name, content| {
        names.insert(name.to_owned());
        extract::skip(content)
    });
    walked.map(|()| names.into_iter().collect()).map_err(|fault| fault.of(archive))
}

/// The names that the directory of a zip archive lists, not to be trusted; none if it is not one.
pub(crate) fn names_in_zip(archive: &Path) -> Vec<String> {
    File::open(archive).map(zip::names).unwrap_or_default()
}

/// What stops a walk: the archive's fault, or the file system's.
enum Fault {
    Refused(Refusal),
    FileSystem(io::Error),
}

impl Fault {
    fn of(self, archive: &Path) -> Error {
        match self {
            Self::Refused(reason) => Error::Refused { archive: archive.to_owned(), reason },
            Self::FileSystem(error) => error.into(),
        }
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// A regular file or folder in an archive.
struct Member<'a> {
    /// As the archive has it: not to be trusted.
    name: Vec<u8>,
    folder: bool,
    content: &'a mut dyn Read,
}

type Take<'a> = &'a mut dyn FnMut(Member<'_>) -> Result<(), Fault>;

/// Hands over each regular file with its checked name and its content. What the unpacking libraries panic on is damage.
fn walk(
    path: &Path,
    limits: Limits,
    read: &dyn Fn(u64),
    visit: &mut dyn FnMut(&str, &mut dyn Read) -> Result<(), Fault>,
) -> Result<(), Fault> {
    guarded(|| walk_members(path, limits, read, visit))
        .unwrap_or_else(|panic| Err(Refusal::Damaged(panic).into()))
}

fn walk_members(
    path: &Path,
    limits: Limits,
    read: &dyn Fn(u64),
    visit: &mut dyn FnMut(&str, &mut dyn Read) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut file = File::open(path).map_err(Fault::FileSystem)?;
    let mut start = Vec::with_capacity(512);
    file.by_ref().take(512).read_to_end(&mut start).map_err(Fault::FileSystem)?;
    io::Seek::rewind(&mut file).map_err(Fault::FileSystem)?;
    let (mut count, mut seen) = (0, BTreeSet::new());
    let mut take = |member: Member<'_>| {
        count += 1;
        if count > limits.files {
            return Err(Refusal::TooMany(limits.files).into());
        }
        let name = safe_path(&member.name)?;
        if member.folder {
            return Ok(());
        }
        if name.is_empty() {
            return Err(Refusal::NoName.into());
        }
        if seen.contains(&name) {
            return Err(Refusal::DuplicateName(name).into());
        }
        let above = name.match_indices('/').map(|(end, _)| &name[..end]);
        let below = format!("{name}/");
        if above.into_iter().any(|folder| seen.contains(folder))
            || seen.range(below.clone()..).next().is_some_and(|other: &String| other.starts_with(&below))
        {
            return Err(Refusal::BelowFile(name).into());
        }
        visit(&name, member.content)?;
        seen.insert(name);
        Ok(())
    };
    match start.as_slice() {
        [0x1f, 0x8b, ..] => tar_gz::walk_gzip(file, limits, read, &mut take),
        // An empty zip file has the end record alone.
        [b'P', b'K', 3 | 5, ..] => zip::walk(file, limits, read, &mut take),
        start if tar_gz::is_tar(start) => tar_gz::walk_plain(file, limits, read, &mut take),
        start => Err(unread::kind(start).map_or(Refusal::UnknownFormat, Refusal::Unread).into()),
    }
}

/// The path with `/` between its parts, if it stays below where it starts. Windows' separators count as such.
fn safe_path(name: &[u8]) -> Result<String, Refusal> {
    let traversal = || Refusal::PathTraversal(String::from_utf8_lossy(name).into_owned());
    let not_utf8 = |_| Refusal::NotUtf8(String::from_utf8_lossy(name).into_owned());
    let text = std::str::from_utf8(name).map_err(not_utf8)?.replace('\\', "/");
    if text.contains('\0') || text.split('/').next().is_some_and(|first| first.ends_with(':')) {
        return Err(traversal());
    }
    let mut parts = Vec::new();
    for component in Path::new(&text).components() {
        match component {
            Component::Normal(part) => parts.push(part.to_str().ok_or_else(traversal)?),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return Err(traversal()),
        }
    }
    if parts.len() > Limits::LEVELS {
        return Err(Refusal::TooDeep(parts.join("/")));
    }
    let path = parts.join("/");
    if path.len() > Limits::PATH || parts.iter().any(|part| part.len() > Limits::NAME) {
        return Err(Refusal::LongName(path));
    }
    Ok(path)
}
