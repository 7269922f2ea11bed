//! Zip archives, stored or deflated.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

use fs_err::File;
use zip::ZipArchive;
use zip::result::ZipError;

use super::guard::{Counted, Guarded, fault};
use super::{Fault, Limits, Member, Refusal, Take, unread};

/// Bytes of a member's entry in the directory, before its name.
const HEADER: usize = 46;

/// Bits of the mode that say what sort of file it is, and their values (`sys/stat.h`).
const KIND: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const FOLDER: u32 = 0o040_000;
const LINK: u32 = 0o120_000;

pub(super) fn walk(file: File, limits: Limits, tell: &dyn Fn(u64), take: Take<'_>) -> Result<(), Fault> {
    // What members say of their packed sizes is not to be trusted: they may even overlap. The file's own
    // size is.
    let directory = file.try_clone().map_err(|e| fault(&e))?;
    let size = file.metadata().map_err(|e| fault(&e))?.len();
    let (packed, read, unpacked) = (Cell::new(size), Cell::new(0), Cell::new(0));
    let counted = Counted { inner: BufReader::with_capacity(1 << 16, file), count: &read, tell };
    let mut archive = ZipArchive::new(counted).map_err(|e| refusal(e, ""))?;
    check_directory(directory, archive.central_directory_start(), limits)?;
    for position in 0..archive.len() {
        let raw = archive.by_index_raw(position).map_err(|e| refusal(e, "a file"))?;
        // Names that are not UTF-8 are in code page 437 (APPNOTE.TXT, appendix D).
        let name = match std::str::from_utf8(raw.name_raw()) {
            Ok(name) => name.as_bytes().to_vec(),
            Err(_) => raw.name().map_err(|e| refusal(e, "a file"))?.into_owned().into_bytes(),
        };
        let (encrypted, mode, method) = (raw.encrypted(), raw.unix_mode(), raw.compression());
        let (folder, stated) = (raw.is_dir(), raw.size());
        drop(raw);
        let shown = || String::from_utf8_lossy(&name).into_owned();
        if encrypted {
            return Err(Refusal::Encrypted(shown()).into());
        }
        if let Some(method) = unread::method(method) {
            return Err(Refusal::UnreadMethod(shown(), method).into());
        }
        match mode.map_or(0, |mode| mode & KIND) {
            0 | REGULAR | FOLDER => {}
            LINK => return Err(Refusal::Link(shown()).into()),
            _ => return Err(Refusal::SpecialFile(shown()).into()),
        }
        let member = archive.by_index(position).map_err(|e| refusal(e, &shown()))?;
        let guarded = Guarded { inner: member, packed: &packed, unpacked: &unpacked, limits };
        let mut content = guarded.take(stated.saturating_add(1));
        take(Member { name, folder, content: &mut content })?;
    }
    Ok(())
}

/// The names that the directory lists.
pub(super) fn names(file: File) -> Vec<String> {
    let Ok(archive) = ZipArchive::new(BufReader::new(file)) else { return Vec::new() };
    archive.file_names().flatten().map(Into::into).collect()
}

/// Looks for names that are there twice. The zip crate keeps one member a name, and would leave out the other
/// without a word. The layout is that of APPNOTE.TXT, section 4.3.12.
fn check_directory(mut file: File, start: u64, limits: Limits) -> Result<(), Fault> {
    let before = file.stream_position().map_err(|e| fault(&e))?;
    file.seek(SeekFrom::Start(start)).map_err(|e| fault(&e))?;
    let mut reader = BufReader::with_capacity(1 << 16, &mut file);
    let mut seen = BTreeSet::new();
    loop {
        let mut header = [0; HEADER];
        match reader.read_exact(&mut header) {
            Ok(()) if header.starts_with(b"PK\x01\x02") => {}
            _ => break,
        }
        let length = |at: usize| u64::from(u16::from_le_bytes([header[at], header[at + 1]]));
        let mut name = Vec::new();
        reader.by_ref().take(length(28)).read_to_end(&mut name).map_err(|e| fault(&e))?;
        io::copy(&mut reader.by_ref().take(length(30) + length(32)), &mut io::sink())
            .map_err(|e| fault(&e))?;
        if seen.len() as u64 >= limits.files {
            return Err(Refusal::TooMany(limits.files).into());
        }
        if seen.contains(&name) {
            return Err(Refusal::DuplicateName(String::from_utf8_lossy(&name).into_owned()).into());
        }
        seen.insert(name);
    }
    // The two handles share one position.
    file.seek(SeekFrom::Start(before)).map(|_| ()).map_err(|e| fault(&e))
}

fn refusal(error: ZipError, name: &str) -> Fault {
    match error {
        ZipError::Io(error) => fault(&error),
        ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) => {
            Refusal::Encrypted(name.to_owned()).into()
        }
        ZipError::UnsupportedArchive(what) if what.contains("multi-disk") => {
            Refusal::Unread("one of several parts of a zip file").into()
        }
        other => fault(&io::Error::other(other)),
    }
}
