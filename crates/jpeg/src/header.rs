//! What a file says of itself before its first scan.

use crate::Error;
use crate::huffman::Table;
use crate::segments::{ADOBE, APP14, START_OF_SCAN, Segments};

const JFIF: &[u8] = b"JFIF\0";
/// Zigzag position → row-major position in a block (T.81, figure A.6).
#[rustfmt::skip]
pub(crate) const ZIGZAG: [u8; 64] = [
     0,  1,  8, 16,  9,  2,  3, 10, 17, 24, 32, 25, 18, 11,  4,  5,
    12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13,  6,  7, 14, 21, 28,
    35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
    58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// Longest side that is decoded: what the format can say.
const LONGEST: usize = 65_500;

/// One colour component.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Component {
    id: u8,
    /// Samples per coding unit, in blocks across and down: 1 or 2.
    pub(crate) across: usize,
    pub(crate) down: usize,
    pub(crate) quantiser: usize,
    pub(crate) dc: usize,
    pub(crate) ac: usize,
}

/// Size, colours and tables of a JPEG file.
pub struct Header {
    width: usize,
    height: usize,
    pub(crate) components: Vec<Component>,
    /// In zigzag order.
    pub(crate) quantisers: [Option<[u16; 64]>; 4],
    pub(crate) dc: [Option<Table>; 4],
    pub(crate) ac: [Option<Table>; 4],
    /// Coding units between restarts; 0 for none.
    pub(crate) restart_interval: usize,
    /// Where the coded data of the scan begin.
    pub(crate) scan: usize,
}

/// What a header is read into.
#[derive(Default)]
struct Draft {
    frame: Option<(usize, usize)>,
    components: Vec<Component>,
    quantisers: [Option<[u16; 64]>; 4],
    dc: [Option<Table>; 4],
    ac: [Option<Table>; 4],
    restart_interval: usize,
    jfif: bool,
    adobe_transform: Option<u8>,
}

impl Header {
    /// Reads the headers of a file up to its first scan.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for kinds of JPEG that [`crate::Decoder`] does not decode, [`Error::Damaged`] for
    /// what breaks the rules.
    pub fn read(file: &[u8]) -> Result<Self, Error> {
        let mut segments = Segments::new(file)?;
        let mut draft = Draft::default();
        loop {
            let segment = segments.next()?;
            let data = segment.data;
            match segment.marker {
                0xc0 | 0xc1 => draft.frame(data)?,
                0xc2 | 0xc6 => return Err(Error::Unsupported("progressive coding")),
                0xc3 | 0xc5 | 0xc7 | 0xcb | 0xcd..=0xcf => {
                    return Err(Error::Unsupported("lossless or hierarchical coding"));
                }
                0xc9 | 0xca | 0xcc => return Err(Error::Unsupported("arithmetic coding")),
                0xc4 => draft.huffman_tables(data)?,
                0xdb => draft.quantisation_tables(data)?,
                0xdd => {
                    let interval = data.try_into().map_err(|_| Error::Damaged("its restart interval"))?;
                    draft.restart_interval = usize::from(u16::from_be_bytes(interval));
                }
                0xe0 => draft.jfif |= data.starts_with(JFIF),
                APP14 if data.starts_with(ADOBE) => draft.adobe_transform = data.get(11).copied(),
                START_OF_SCAN => return draft.scan(data, segment.end),
                // Application data, comments. (A height given after the fact is caught as a height of 0.)
                _ => {}
            }
        }
    }

    /// Width in pixels, before any turning.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels, before any turning.
    pub fn height(&self) -> usize {
        self.height
    }
}

impl Draft {
    fn frame(&mut self, data: &[u8]) -> Result<(), Error> {
        const WRONG: Error = Error::Damaged("its frame header");
        if self.frame.is_some() {
            return Err(Error::Damaged("it has two frames"));
        }
        let [precision, h1, h0, w1, w0, count, rest @ ..] = data else { return Err(WRONG) };
        if *precision != 8 {
            return Err(Error::Unsupported("a precision other than 8 bits"));
        }
        let height = usize::from(u16::from_be_bytes([*h1, *h0]));
        let width = usize::from(u16::from_be_bytes([*w1, *w0]));
        if height == 0 || width == 0 || height > LONGEST || width > LONGEST {
            return Err(Error::Unsupported("such a width or height"));
        }
        if !matches!(count, 1 | 3) {
            return Err(Error::Unsupported("a number of colours other than 1 or 3"));
        }
        if rest.len() != usize::from(*count) * 3 {
            return Err(WRONG);
        }
        self.frame = Some((width, height));
        for part in rest.chunks_exact(3) {
            let (across, down) = (usize::from(part[1] >> 4), usize::from(part[1] & 15));
            if part[2] > 3 {
                return Err(WRONG);
            }
            let quantiser = usize::from(part[2]);
            self.components.push(Component { id: part[0], across, down, quantiser, dc: 0, ac: 0 });
        }
        if let [grey] = self.components.as_mut_slice() {
            // A scan of one component has no units of several blocks, whatever the factors say (T.81, A.2.2).
            (grey.across, grey.down) = (1, 1);
        }
        Ok(())
    }

    fn quantisation_tables(&mut self, mut data: &[u8]) -> Result<(), Error> {
        const WRONG: Error = Error::Damaged("its quantisation tables");
        while let [head, rest @ ..] = data {
            let (wide, slot) = (head >> 4, usize::from(head & 15));
            let bytes = if wide == 0 { 64 } else { 128 };
            let values = rest.get(..bytes).filter(|_| wide < 2 && slot < 4).ok_or(WRONG)?;
            let value = |k: usize| match wide {
                0 => u16::from(values[k]),
                _ => u16::from_be_bytes([values[2 * k], values[2 * k + 1]]),
            };
            self.quantisers[slot] = Some(std::array::from_fn(value));
            data = &rest[bytes..];
        }
        Ok(())
    }

    fn huffman_tables(&mut self, mut data: &[u8]) -> Result<(), Error> {
        const WRONG: Error = Error::Damaged("its Huffman tables");
        while let [head, rest @ ..] = data {
            let (class, slot) = (head >> 4, usize::from(head & 15));
            let (counts, rest) = rest.split_first_chunk::<16>().ok_or(WRONG)?;
            let total = counts.iter().map(|&count| usize::from(count)).sum();
            let symbols: &[u8] = rest.get(..total).ok_or(WRONG)?;
            let tables = match class {
                0 => &mut self.dc,
                1 => &mut self.ac,
                _ => return Err(WRONG),
            };
            *tables.get_mut(slot).ok_or(WRONG)? = Some(Table::new(counts, symbols)?);
            data = &rest[total..];
        }
        Ok(())
    }

    /// Reads the header of a scan, and checks that everything that the scan needs is there.
    fn scan(mut self, data: &[u8], end: usize) -> Result<Header, Error> {
        const WRONG: Error = Error::Damaged("its scan header");
        let (width, height) = self.frame.ok_or(Error::Damaged("its scan comes before its frame"))?;
        let [count, rest @ ..] = data else { return Err(WRONG) };
        let count = usize::from(*count);
        if count != self.components.len() {
            return Err(Error::Unsupported("a scan per colour"));
        }
        if rest.len() != 2 * count + 3 {
            return Err(WRONG);
        }
        for (component, part) in self.components.iter_mut().zip(rest.chunks_exact(2)) {
            (component.dc, component.ac) = (usize::from(part[1] >> 4), usize::from(part[1] & 15));
            if part[0] != component.id {
                return Err(WRONG);
            }
            let there = self.quantisers[component.quantiser].is_some()
                && self.dc.get(component.dc).is_some_and(Option::is_some)
                && self.ac.get(component.ac).is_some_and(Option::is_some);
            if !there {
                return Err(Error::Damaged("it lacks tables"));
            }
        }
        self.check_colours()?;
        Ok(Header {
            width,
            height,
            components: self.components,
            quantisers: self.quantisers,
            dc: self.dc,
            ac: self.ac,
            restart_interval: self.restart_interval,
            scan: end,
        })
    }

    /// Lets grey and YCbCr pass, the latter as libjpeg recognises it.
    fn check_colours(&self) -> Result<(), Error> {
        let [y, cb, cr] = self.components.as_slice() else { return Ok(()) };
        let ycbcr = match self.adobe_transform {
            _ if self.jfif => true,
            Some(transform) => transform == 1,
            None => [y.id, cb.id, cr.id] != *b"RGB",
        };
        if !ycbcr {
            return Err(Error::Unsupported("a colour space other than grey and YCbCr"));
        }
        let whole = |component: &Component| component.across == 1 && component.down == 1;
        if !(whole(cb) && whole(cr) && matches!(y.across, 1 | 2) && matches!(y.down, 1 | 2)) {
            return Err(Error::Unsupported("such a resolution of its colours"));
        }
        Ok(())
    }
}
