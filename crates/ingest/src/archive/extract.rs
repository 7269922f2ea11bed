//! What becomes of a member's content: written to a file, compared with one, or thrown away. Errors in reading are the
//! archive's, those in writing the file system's.

use std::io::{self, Read};
use std::path::Path;

use fs_err::File;

use super::{Fault, Refusal, guard};

/// Reads a member to its end, block by block.
fn for_each_block(
    content: &mut dyn Read,
    mut visit: impl FnMut(&[u8]) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut buffer = vec![0; 1 << 16];
    loop {
        match content.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(bytes) => visit(&buffer[..bytes])?,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(guard::fault(&e)),
        }
    }
}

/// Reads a member to its end, for nothing.
pub(super) fn skip(content: &mut dyn Read) -> Result<(), Fault> {
    for_each_block(content, |_| Ok(()))
}

/// Writes a member to a file, which must not be there yet.
pub(super) fn write(name: &str, target: &Path, content: &mut dyn Read) -> Result<(), Fault> {
    if let Some(folder) = target.parent() {
        match fs_err::create_dir_all(folder) {
            // A folder is to be where a file is.
            Err(e) if matches!(e.kind(), io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists) => {
                return Err(Refusal::BelowFile(name.to_owned()).into());
            }
            other => other.map_err(Fault::FileSystem)?,
        }
    }
    let mut out = match File::create_new(target) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists && target.is_dir() => {
            return Err(Refusal::BelowFile(name.to_owned()).into());
        }
        // Two names that the file system takes for one.
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
            return Err(Refusal::DuplicateName(name.to_owned()).into());
        }
        other => other.map_err(Fault::FileSystem)?,
    };
    for_each_block(content, |block| io::Write::write_all(&mut out, block).map_err(Fault::FileSystem))
}

/// Whether a member is the same as a file. It is read to its end.
pub(super) fn is_same(path: &Path, content: &mut dyn Read) -> Result<bool, Fault> {
    let mut file = io::BufReader::new(File::open(path).map_err(Fault::FileSystem)?);
    let (mut same, mut other) = (true, Vec::new());
    for_each_block(content, |block| {
        other.resize(block.len(), 0);
        same = same
            && match file.read_exact(&mut other) {
                Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => false,
                read => read.map(|()| *block == *other).map_err(Fault::FileSystem)?,
            };
        Ok(())
    })?;
    Ok(same && file.read(&mut [0]).map_err(Fault::FileSystem)? == 0)
}
