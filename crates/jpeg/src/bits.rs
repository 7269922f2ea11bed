//! The bits of a scan: stuffing taken out first, so that reading needs to look at no byte twice.

use crate::Error;

/// The coded data of a scan without the zeros stuffed in after 0xff (T.81, F.1.2.3), and where restarts cut it.
#[derive(Default)]
pub(crate) struct Scan {
    bytes: Vec<u8>,
    /// End of each interval in `bytes`.
    ends: Vec<usize>,
}

impl Scan {
    /// Takes the coded data up to the next marker that is no restart, or to the end; restarts must come in turn.
    pub(crate) fn fill(&mut self, coded: &[u8]) -> Result<(), Error> {
        self.bytes.clear();
        self.ends.clear();
        self.bytes.reserve(coded.len());
        let mut rest = coded;
        loop {
            let (before, after) = rest.split_at(find_ff(rest).unwrap_or(rest.len()));
            self.bytes.extend_from_slice(before);
            // Some programs leave out the end marker. Whether the data are whole is seen when they are read.
            let Some(&marker) = after.get(1) else {
                self.ends.push(self.bytes.len());
                return Ok(());
            };
            match marker {
                0 => {
                    self.bytes.push(0xff);
                    rest = &after[2..];
                }
                // A fill byte.
                0xff => rest = &after[1..],
                marker @ 0xd0..=0xd7 => {
                    if usize::from(marker & 7) != self.ends.len() % 8 {
                        return Err(Error::Damaged("its restart markers are out of turn"));
                    }
                    self.ends.push(self.bytes.len());
                    rest = &after[2..];
                }
                _ => {
                    self.ends.push(self.bytes.len());
                    return Ok(());
                }
            }
        }
    }

    /// A reader of interval number `interval`; `None` if there are fewer.
    pub(crate) fn interval(&self, interval: usize) -> Option<Bits<'_>> {
        let end = *self.ends.get(interval)?;
        let start = if interval == 0 { 0 } else { self.ends[interval - 1] };
        Some(Bits { bytes: &self.bytes, next: start, end, buffer: 0, count: 0 })
    }
}

/// Position of the first 0xff, eight bytes at a time.
fn find_ff(bytes: &[u8]) -> Option<usize> {
    const LOW: u64 = 0x0101_0101_0101_0101;
    let (chunks, rest) = bytes.as_chunks::<8>();
    for (i, chunk) in chunks.iter().enumerate() {
        // A byte of the complement is zero where the byte is 0xff; the lowest one found is exact.
        let complement = !u64::from_le_bytes(*chunk);
        let zeros = complement.wrapping_sub(LOW) & !complement & (LOW << 7);
        if zeros != 0 {
            return Some(i * 8 + zeros.trailing_zeros() as usize / 8);
        }
    }
    let tail = chunks.len() * 8;
    rest.iter().position(|&byte| byte == 0xff).map(|at| tail + at)
}

/// Reads bits from the left. Past the end of the interval it gives bits of the next or zeros, and
/// [`Bits::overran`] says so afterwards: cheaper than to ask at every bit.
#[derive(Clone, Copy)]
pub(crate) struct Bits<'a> {
    bytes: &'a [u8],
    /// The next byte to load.
    next: usize,
    end: usize,
    /// Loaded bits, from the left; those right of `count` are zero or already right.
    buffer: u64,
    count: u32,
}

impl Bits<'_> {
    /// Loads, so that at least 56 bits are there.
    #[inline(always)]
    pub(crate) fn refill(&mut self) {
        // Variant 4 of Fabian Giesen, "Reading bits in far too many ways" (2018).
        if let Some(chunk) = self.bytes.get(self.next..).and_then(|rest| rest.first_chunk::<8>()) {
            self.buffer |= u64::from_be_bytes(*chunk) >> self.count;
            self.next += ((63 - self.count) >> 3) as usize;
            self.count |= 56;
        } else {
            // By value: a reader whose address is known elsewhere would live in memory, not in registers.
            *self = self.refilled_at_end();
        }
    }

    #[cold]
    fn refilled_at_end(mut self) -> Self {
        while self.count < 56 {
            let byte = self.bytes.get(self.next).copied().unwrap_or(0);
            self.buffer |= u64::from(byte) << (56 - self.count);
            self.count += 8;
            self.next += 1;
        }
        self
    }

    /// The next bits, from the left; how many are right [`Bits::refill`] says.
    #[inline(always)]
    pub(crate) fn window(&self) -> u64 {
        self.buffer
    }

    /// Goes on by `count` bits, of those loaded.
    #[inline(always)]
    pub(crate) fn skip(&mut self, count: u32) {
        self.buffer <<= count;
        self.count -= count;
    }

    /// Whether more bits were taken than the interval has.
    pub(crate) fn overran(self) -> bool {
        self.next * 8 - self.count as usize > self.end * 8
    }
}
