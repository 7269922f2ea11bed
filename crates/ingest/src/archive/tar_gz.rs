//! Tar archives, gzipped or plain.
//!
//! Entries are read raw, and the records that hold long names are put together here: the tar crate reads them
//! whole, however long they claim to be.

use std::cell::Cell;
use std::io::{BufReader, Read};

use fs_err::File;
use marque_contracts::counts::counted;
use tar::{Archive, EntryType};

use super::guard::{Counted, Guarded, fault};
use super::gzip::Members;
use super::{Fault, Limits, Member, Refusal, Take, unread};

/// Longest record with a name that is read.
const LONGEST_RECORD: u64 = 1 << 16;

/// Bytes of a header, and of the blocks that tar files consist of.
const BLOCK: usize = 512;

pub(super) fn walk_gzip(file: File, limits: Limits, tell: &dyn Fn(u64), take: Take<'_>) -> Result<(), Fault> {
    let (packed, unpacked) = (Cell::new(0), Cell::new(0));
    let inner =
        Members::new(BufReader::with_capacity(1 << 18, Counted { inner: file, count: &packed, tell }));
    let mut unpacking = Guarded { inner, packed: &packed, unpacked: &unpacked, limits };
    let mut start = Vec::with_capacity(BLOCK);
    (&mut unpacking).take(BLOCK as u64).read_to_end(&mut start).map_err(|e| fault(&e))?;
    // No files at all are an end mark of zeros, or nothing.
    if !is_tar(&start) && start.iter().any(|byte| *byte != 0) {
        return Err(Refusal::Unread(unread::gzipped(&start)).into());
    }
    walk(start.as_slice().chain(unpacking), take)
}

pub(super) fn walk_plain(
    file: File,
    limits: Limits,
    tell: &dyn Fn(u64),
    take: Take<'_>,
) -> Result<(), Fault> {
    let (packed, unpacked) = (Cell::new(0), Cell::new(0));
    let inner = Counted { inner: BufReader::with_capacity(1 << 18, file), count: &packed, tell };
    walk(Guarded { inner, packed: &packed, unpacked: &unpacked, limits }, take)
}

/// Whether a tar file begins like this.
pub(super) fn is_tar(start: &[u8]) -> bool {
    start.get(257..262) == Some(b"ustar") || is_old_tar(start)
}

/// Whether a block is a header of the kind before `ustar`: its checksum fits.
fn is_old_tar(block: &[u8]) -> bool {
    let Some(field) = block.get(148..156) else { return false };
    let digits = field.iter().skip_while(|b| **b == b' ').take_while(|b| (b'0'..=b'7').contains(b));
    let stated = digits.fold(0_u32, |sum, digit| sum.wrapping_mul(8).wrapping_add(u32::from(digit - b'0')));
    let sum = block.iter().enumerate().map(|(i, &b)| if (148..156).contains(&i) { 32 } else { u32::from(b) });
    block.len() == BLOCK && stated == sum.sum::<u32>()
}

fn walk(reader: impl Read, take: Take<'_>) -> Result<(), Fault> {
    let mut archive = Archive::new(reader);
    let mut long_name = None;
    for entry in archive.entries().map_err(|e| fault(&e))?.raw(true) {
        let mut entry = entry.map_err(|e| header(&e))?;
        match entry.header().entry_type() {
            EntryType::GNULongName => {
                let mut name = record(&mut entry)?;
                name.truncate(name.iter().position(|b| *b == 0).unwrap_or(name.len()));
                long_name = Some(name);
                continue;
            }
            EntryType::XHeader => {
                long_name = pax_path(&record(&mut entry)?)?.or(long_name);
                continue;
            }
            EntryType::XGlobalHeader => continue,
            _ => {}
        }
        let name = long_name.take().unwrap_or_else(|| entry.header().path_bytes().into_owned());
        let shown = || String::from_utf8_lossy(&name).into_owned();
        let folder = match entry.header().entry_type() {
            EntryType::Directory => true,
            // Archives from before POSIX mark a folder by the slash at the end of its name.
            EntryType::Regular | EntryType::Continuous => name.ends_with(b"/"),
            EntryType::Symlink | EntryType::Link | EntryType::GNULongLink => {
                return Err(Refusal::Link(shown()).into());
            }
            _ => return Err(Refusal::SpecialFile(shown()).into()),
        };
        let size = entry.header().entry_size().map_err(|e| header(&e))?;
        let mut content = ExactLength { inner: &mut entry, left: size };
        take(Member { name, folder, content: &mut content })?;
    }
    // What follows the end mark is padding; reading it is how gzip's own checksum gets looked at.
    std::io::copy(&mut archive.into_inner(), &mut std::io::sink()).map(|_| ()).map_err(|e| fault(&e))
}

/// What an error says that the library met at a header, in the words of people.
fn header(error: &std::io::Error) -> Fault {
    match fault(error) {
        Fault::Refused(Refusal::Damaged(text)) if text.contains("entire block") => {
            Refusal::Damaged("it ends before the header of a file in it does".to_owned()).into()
        }
        Fault::Refused(Refusal::Damaged(text))
            if ["numeric field", "checksum mismatch"].iter().any(|words| text.contains(words)) =>
        {
            Refusal::Damaged("the header of a file in it does not follow the format".to_owned()).into()
        }
        fault => fault,
    }
}

/// An entry's content; its end before the stated size is an error.
struct ExactLength<'a, R> {
    inner: &'a mut R,
    left: u64,
}

impl<R: Read> Read for ExactLength<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.inner.read(buffer)?;
        if n == 0 && self.left > 0 && !buffer.is_empty() {
            return Err(std::io::Error::new(
                std::io::ErrorKind::UnexpectedEof,
                format!("it ends {} before the end of a file in it", counted(self.left, "byte", "bytes")),
            ));
        }
        self.left = self.left.saturating_sub(n as u64);
        Ok(n)
    }
}

fn record(entry: &mut impl Read) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    entry.take(LONGEST_RECORD + 1).read_to_end(&mut bytes).map_err(|e| fault(&e))?;
    if bytes.len() as u64 > LONGEST_RECORD { Err(Refusal::LongRecord.into()) } else { Ok(bytes) }
}

/// The `path` of a pax extended header: lines of `LENGTH KEY=VALUE` (POSIX.1-2001, pax). One that speaks of the
/// size, as for files over 8 GiB, is refused: no photo is as large.
fn pax_path(record: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
    let damaged = || Refusal::Damaged("an extended header does not follow the format".to_owned());
    let (mut rest, mut path) = (record, None);
    while !rest.is_empty() {
        let space = rest.iter().position(|b| *b == b' ').ok_or_else(damaged)?;
        let digits = std::str::from_utf8(&rest[..space]).map_err(|_| damaged())?;
        let length: usize = digits.parse().map_err(|_| damaged())?;
        let line = rest.get(space + 1..length).ok_or_else(damaged)?;
        let line = line.strip_suffix(b"\n").ok_or_else(damaged)?;
        if let Some(value) = line.strip_prefix(b"path=") {
            path = Some(value.to_vec());
        } else if line.starts_with(b"size=") || line.starts_with(b"GNU.sparse") {
            return Err(Refusal::SpecialFile("a huge or sparse file".to_owned()).into());
        }
        rest = &rest[length..];
    }
    Ok(path)
}
