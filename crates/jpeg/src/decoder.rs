//! The decoder as others see it.

use crate::bits::Scan;
use crate::colour::{Canvas, Scratch, paint};
use crate::scan::{Plane, read};
use crate::{Error, Header};

/// By how much a photo's sides are reduced while it is decoded.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Reduction {
    /// Not at all.
    #[default]
    Whole,
    /// By 2.
    Half,
    /// By 4.
    Quarter,
    /// By 8.
    Eighth,
}

impl Reduction {
    /// All of them, from the least to the most.
    pub const ALL: [Self; 4] = [Self::Whole, Self::Half, Self::Quarter, Self::Eighth];

    /// Pixels of the photo's side that one of the result stands for: 1, 2, 4 or 8.
    pub fn factor(self) -> usize {
        match self {
            Self::Whole => 1,
            Self::Half => 2,
            Self::Quarter => 4,
            Self::Eighth => 8,
        }
    }
}

/// A decoded photo, in the decoder's memory.
#[derive(Clone, Copy)]
pub struct Pixels<'a> {
    /// Width in pixels: that of the photo over the reduction, rounded up.
    pub width: usize,
    /// Height in pixels, likewise.
    pub height: usize,
    /// Rows from the top, four bytes a pixel: red, green, blue, 255.
    pub rgbx: &'a [u8],
}

/// Decodes photos one after the other in memory that it keeps.
#[derive(Default)]
pub struct Decoder {
    scan: Scan,
    planes: [Plane; 3],
    scratch: Scratch,
    pixels: Vec<[u8; 4]>,
}

impl Decoder {
    /// A decoder without any memory yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Decodes the photo in `file`, whose `header` was read before.
    ///
    /// # Errors
    /// [`Error::Damaged`] if the coded data break off or break the rules.
    pub fn decode(
        &mut self,
        file: &[u8],
        header: &Header,
        reduction: Reduction,
    ) -> Result<Pixels<'_>, Error> {
        let coded = file.get(header.scan..).ok_or(Error::Damaged("it is cut short"))?;
        self.scan.fill(coded)?;
        let first = header.components.first().ok_or(Error::Damaged("it has no colours"))?;
        let side = 8 / reduction.factor();
        let units = [header.width().div_ceil(8 * first.across), header.height().div_ceil(8 * first.down)];
        let blocks: usize = header.components.iter().map(|c| c.across * c.down).sum();
        // The shortest block has two codes of a bit each. Asked before memory is, for the sake of small files that
        // claim to be large photos.
        if units[0] * units[1] * blocks > coded.len() * 4 {
            return Err(Error::Damaged("its picture data end early"));
        }
        // Reduced chroma at half resolution needs no widening if its blocks are reduced less.
        let mut chroma = side;
        while chroma < 8 && [first.across, first.down].iter().all(|n| (n * side).is_multiple_of(2 * chroma)) {
            chroma *= 2;
        }
        for (i, (plane, component)) in self.planes.iter_mut().zip(&header.components).enumerate() {
            let side = if i == 0 { side } else { chroma };
            plane.resize(units[0] * component.across, units[1] * component.down, side);
        }
        let planes = &mut self.planes[..header.components.len()];
        read(header, units, &self.scan, planes)?;
        let canvas = Canvas {
            width: header.width().div_ceil(reduction.factor()),
            height: header.height().div_ceil(reduction.factor()),
            chroma_across: first.across * side / chroma,
            chroma_down: first.down * side / chroma,
            // As libjpeg has it: neither single pixels per block nor very narrow photos are smoothed.
            smooth: side > 1 && (header.width() * chroma).div_ceil(8 * first.across) > 2,
        };
        self.pixels.resize(canvas.width * canvas.height, [0; 4]);
        paint(planes, canvas, &mut self.scratch, &mut self.pixels);
        Ok(Pixels { width: canvas.width, height: canvas.height, rgbx: self.pixels.as_flattened() })
    }
}
