//! The coded data of a scan, into planes of samples.

use crate::Error;
use crate::bits::{Bits, Scan};
use crate::header::{Component, Header, ZIGZAG};
use crate::huffman::Table;
use crate::idct::{flat, inverse};
use crate::lanes::{Lanes, Portable};

/// The samples of one component.
#[derive(Default)]
pub(crate) struct Plane {
    pub(crate) samples: Vec<u8>,
    /// Bytes from one row to the next; rows go on beyond the picture's edge up to whole blocks.
    pub(crate) stride: usize,
    /// Pixels of a block's side: 8, or less where the picture is reduced.
    pub(crate) side: usize,
}

impl Plane {
    /// Makes room for so many blocks.
    pub(crate) fn resize(&mut self, across: usize, down: usize, side: usize) {
        self.side = side;
        self.stride = across * side;
        // Every sample is written before it is read: what the vector holds may stay.
        self.samples.resize(across * down * side * side, 0);
    }

    /// The rows of a block, from its first sample on.
    #[inline(always)]
    fn rows(&mut self, x: usize, y: usize) -> impl Iterator<Item = &mut [u8]> {
        let start = (y * self.stride + x) * self.side;
        self.samples.get_mut(start..).unwrap_or_default().chunks_mut(self.stride)
    }

    #[inline(always)]
    fn write<const SIDE: usize>(&mut self, x: usize, y: usize, rows: &[[u8; 8]; 8]) {
        for (out, row) in self.rows(x, y).zip(&rows[..SIDE]) {
            if let (Some(out), Some(row)) = (out.first_chunk_mut::<SIDE>(), row.first_chunk::<SIDE>()) {
                *out = *row;
            }
        }
    }

    #[inline(always)]
    fn fill<const SIDE: usize>(&mut self, x: usize, y: usize, value: u8) {
        for out in self.rows(x, y).take(SIDE) {
            if let Some(out) = out.first_chunk_mut::<SIDE>() {
                *out = [value; SIDE];
            }
        }
    }

    /// Transforms a block into its place. `last` is the place of its last coefficient that is not zero.
    #[inline(always)]
    fn put<L: Lanes, const SIDE: usize>(&mut self, x: usize, y: usize, block: &[i16; 64], last: usize) {
        if last == 0 || SIDE == 1 {
            self.fill::<SIDE>(x, y, flat(block[0]));
        } else {
            self.write::<SIDE>(x, y, &inverse::<L, SIDE>(block));
        }
    }
}

/// What decoding one component needs.
struct Source<'a> {
    component: Component,
    dc: &'a Table,
    ac: &'a Table,
    /// In zigzag order.
    quantisers: [i16; 64],
    /// The first coefficient of the block before, not dequantised.
    previous: i16,
}

/// Decodes a scan into planes that are as large as its coding units need.
pub(crate) fn read(
    header: &Header,
    units: [usize; 2],
    scan: &Scan,
    planes: &mut [Plane],
) -> Result<(), Error> {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
    {
        #[target_feature(enable = "avx2,bmi1,bmi2")]
        fn read_avx2(
            header: &Header,
            units: [usize; 2],
            scan: &Scan,
            planes: &mut [Plane],
        ) -> Result<(), Error> {
            read_with::<crate::lanes::Avx2>(header, units, scan, planes)
        }
        // SAFETY: the CPU has what the function is compiled for; it was asked for just now.
        return unsafe { read_avx2(header, units, scan, planes) };
    }
    read_with::<Portable>(header, units, scan, planes)
}

#[inline(always)]
pub(crate) fn read_with<L: Lanes>(
    header: &Header,
    [across, down]: [usize; 2],
    scan: &Scan,
    planes: &mut [Plane],
) -> Result<(), Error> {
    const SHORT: Error = Error::Damaged("its picture data end early");
    let mut sources = sources(header)?;
    let mut interval = 0;
    let mut bits = scan.interval(interval).ok_or(SHORT)?;
    let mut left = header.restart_interval;
    for unit_y in 0..down {
        for unit_x in 0..across {
            if header.restart_interval > 0 {
                if left == 0 {
                    if bits.overran() {
                        return Err(SHORT);
                    }
                    interval += 1;
                    bits = scan.interval(interval).ok_or(SHORT)?;
                    left = header.restart_interval;
                    sources.iter_mut().for_each(|source| source.previous = 0);
                }
                left -= 1;
            }
            for (source, plane) in sources.iter_mut().zip(planes.iter_mut()) {
                let Component { across, down, .. } = source.component;
                for y in 0..down {
                    for x in 0..across {
                        let mut block = [0; 64];
                        let last = source.block(&mut bits, &mut block)?;
                        let (x, y) = (unit_x * across + x, unit_y * down + y);
                        match plane.side {
                            8 => plane.put::<L, 8>(x, y, &block, last),
                            4 => plane.put::<L, 4>(x, y, &block, last),
                            2 => plane.put::<L, 2>(x, y, &block, last),
                            _ => plane.put::<L, 1>(x, y, &block, last),
                        }
                    }
                }
            }
        }
        // Once a row is often enough to end in time, and seldom enough to cost nothing.
        if bits.overran() {
            return Err(SHORT);
        }
    }
    Ok(())
}

fn sources(header: &Header) -> Result<Vec<Source<'_>>, Error> {
    const LACKING: Error = Error::Damaged("it lacks tables");
    let source = |component: &Component| {
        Ok(Source {
            component: *component,
            dc: header.dc.get(component.dc).and_then(Option::as_ref).ok_or(LACKING)?,
            ac: header.ac.get(component.ac).and_then(Option::as_ref).ok_or(LACKING)?,
            quantisers: header.quantisers[component.quantiser].ok_or(LACKING)?.map(|q| q as i16),
            previous: 0,
        })
    };
    header.components.iter().map(source).collect()
}

impl Source<'_> {
    /// Decodes and dequantises one block into zeros; gives the zigzag place of the last coefficient.
    #[inline(always)]
    fn block(&mut self, bits: &mut Bits<'_>, block: &mut [i16; 64]) -> Result<usize, Error> {
        bits.refill();
        let (_, difference) = self.dc.next(bits)?;
        self.previous = self.previous.wrapping_add(difference);
        block[0] = self.previous.wrapping_mul(self.quantisers[0]);
        let mut last = 0;
        while last < 63 {
            bits.refill();
            let (run, value) = self.ac.next(bits)?;
            let k = last + 1 + run;
            if k > 63 {
                break;
            }
            block[usize::from(ZIGZAG[k] & 63)] = value.wrapping_mul(self.quantisers[k]);
            last = k;
        }
        Ok(last)
    }
}
