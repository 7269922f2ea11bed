//! Huffman codes of run lengths and values (ITU-T T.81, annexes C and F.2.2).

use crate::Error;
use crate::bits::Bits;

/// Bits that the lookup takes at once: enough for nearly all codes, small enough for all tables to stay in the
/// first-level cache.
const LOOKUP: u32 = 10;

/// "No more coefficients": a run beyond the end of any block.
const END_OF_BLOCK_RUN: u8 = 64;

/// What a code stands for, in one number that stays in one register: bits of the code and its value together, bits of
/// the code, bits of the value, zero coefficients before it; a byte each, from the right. 0: the code is longer than
/// [`LOOKUP`].
#[derive(Clone, Copy, Default, PartialEq)]
struct Entry(u32);

impl Entry {
    fn new(symbol: u8, length: u32) -> Self {
        let size = symbol & 15;
        let run = if symbol == 0 { END_OF_BLOCK_RUN } else { symbol >> 4 };
        Self(u32::from_le_bytes([length as u8 + size, length as u8, size, run]))
    }

    #[inline(always)]
    fn total(self) -> u32 {
        self.0 & 63
    }

    #[inline(always)]
    fn length(self) -> u32 {
        self.0 >> 8 & 63
    }

    #[inline(always)]
    fn size(self) -> u32 {
        self.0 >> 16 & 63
    }

    #[inline(always)]
    fn run(self) -> usize {
        (self.0 >> 24) as usize
    }
}

/// A Huffman table ready for decoding.
pub(crate) struct Table {
    lookup: Box<[Entry; 1 << LOOKUP]>,
    /// By length of code: the first code that is longer, moved to the left end of 16 bits.
    limits: [u32; 17],
    /// By length of code: what to add to a code to get its place in `symbols`.
    offsets: [i32; 17],
    symbols: [u8; 256],
}

impl Table {
    /// Builds a table from the number of codes of each length and the symbols in order of their codes.
    pub(crate) fn new(counts: &[u8; 16], symbols: &[u8]) -> Result<Self, Error> {
        const WRONG: Error = Error::Damaged("its Huffman tables");
        let mut table = Self {
            lookup: Box::new([Entry::default(); 1 << LOOKUP]),
            limits: [0; 17],
            offsets: [0; 17],
            symbols: [0; 256],
        };
        table.symbols.get_mut(..symbols.len()).ok_or(WRONG)?.copy_from_slice(symbols);
        let (mut code, mut place) = (0u32, 0usize);
        for length in 1..=16u32 {
            let count = usize::from(counts[length as usize - 1]);
            table.offsets[length as usize] = place as i32 - code as i32;
            for &symbol in symbols.get(place..place + count).ok_or(WRONG)? {
                if code >= 1 << length {
                    return Err(WRONG);
                }
                if length <= LOOKUP {
                    table.enter(code, length, symbol);
                }
                code += 1;
            }
            place += count;
            table.limits[length as usize] = code << (16 - length);
            code <<= 1;
        }
        Ok(table)
    }

    /// Fills the part of the lookup whose index begins with `code`.
    fn enter(&mut self, code: u32, length: u32, symbol: u8) {
        let spare = LOOKUP - length;
        let first = (code << spare) as usize;
        self.lookup[first..first + (1 << spare)].fill(Entry::new(symbol, length));
    }

    /// Decodes a run and a value; for DC tables the run means nothing. Wants 32 bits in `bits`, takes at most 31.
    #[inline(always)]
    pub(crate) fn next(&self, bits: &mut Bits<'_>) -> Result<(usize, i16), Error> {
        let window = bits.window();
        let mut entry = self.lookup[(window >> (64 - LOOKUP)) as usize];
        if entry == Entry::default() {
            entry = self.long_code((window >> 48) as u32)?;
        }
        bits.skip(entry.total());
        // Values that begin with 0 are negative (T.81, figure F.12). Without branches: they would be guessed wrong
        // half of the time.
        let value = window << entry.length();
        let size = entry.size();
        let negative = !(value as i64 >> 63) as i32;
        let value = ((value >> 1) >> (63 - size)) as i32 + (negative & (1 - (1 << size)));
        Ok((entry.run(), value as i16))
    }

    /// Finds a code longer than the lookup at the left of 16 bits.
    #[cold]
    fn long_code(&self, next: u32) -> Result<Entry, Error> {
        let length = (LOOKUP + 1..=16).find(|&length| next < self.limits[length as usize]);
        let length = length.ok_or(Error::Damaged("a code that its Huffman tables do not have"))?;
        let place = (next >> (16 - length)) as i32 + self.offsets[length as usize];
        let symbol = usize::try_from(place).ok().and_then(|place| self.symbols.get(place));
        let symbol = symbol.ok_or(Error::Damaged("a code that its Huffman tables do not have"))?;
        Ok(Entry::new(*symbol, length))
    }
}
