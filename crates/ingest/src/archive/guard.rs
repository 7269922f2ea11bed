//! Readers that count bytes, and stop archives that unpack to too much.

use std::cell::Cell;
use std::io::{self, Read};

use super::{Fault, Limits, Refusal};

/// Counts what is read of the archive itself.
pub(super) struct Counted<'a, R> {
    pub(super) inner: R,
    pub(super) count: &'a Cell<u64>,
    pub(super) tell: &'a dyn Fn(u64),
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.count.set(self.count.get() + n as u64);
        (self.tell)(n as u64);
        Ok(n)
    }
}

impl<R: io::Seek> io::Seek for Counted<'_, R> {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}

/// Passes on what is unpacked until it is too much.
pub(super) struct Guarded<'a, R> {
    pub(super) inner: R,
    /// Bytes of the archive that were read for it.
    pub(super) packed: &'a Cell<u64>,
    /// Bytes unpacked so far.
    pub(super) unpacked: &'a Cell<u64>,
    pub(super) limits: Limits,
}

impl<R: Read> Read for Guarded<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        let unpacked = self.unpacked.get() + n as u64;
        self.unpacked.set(unpacked);
        if unpacked > self.limits.bytes {
            return Err(io::Error::other(Refusal::TooLarge(self.limits.bytes)));
        }
        if unpacked > Limits::SMALL && unpacked > self.packed.get().saturating_mul(self.limits.ratio) {
            return Err(io::Error::other(Refusal::TooCompressed(self.limits.ratio)));
        }
        Ok(n)
    }
}

/// What an error while reading says: a guard's refusal, wherever it is wrapped in, that the system cannot read the file,
/// or that the archive is damaged.
pub(super) fn fault(error: &io::Error) -> Fault {
    let mut text = error.to_string();
    let mut inner: Option<&(dyn std::error::Error + 'static)> =
        error.get_ref().map(|inner| inner as &(dyn std::error::Error + 'static));
    while let Some(cause) = inner {
        if let Some(refusal) = cause.downcast_ref::<Refusal>() {
            return refusal.clone().into();
        }
        if let Some(system) = cause.downcast_ref::<io::Error>().filter(|cause| cause.raw_os_error().is_some())
        {
            return Fault::FileSystem(io::Error::new(system.kind(), format!("{text}: {system}")));
        }
        text = cause.to_string();
        inner = match cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped as &(dyn std::error::Error + 'static)),
            None => cause.source(),
        };
    }
    Refusal::Damaged(text).into()
}
