//! From planes to pixels: chroma widened to the size of luma, YCbCr turned into RGB.

use crate::scan::Plane;

/// A plane as the picture sees it: without what its blocks have beyond the edge.
#[derive(Clone, Copy)]
struct View<'a> {
    plane: &'a Plane,
    width: usize,
    height: usize,
}

impl<'a> View<'a> {
    /// Row `y`; rows beyond the edge are the edge again.
    #[inline(always)]
    fn row(self, y: isize) -> &'a [u8] {
        let y = y.clamp(0, self.height as isize - 1) as usize;
        &self.plane.samples[y * self.plane.stride..][..self.width]
    }
}

/// Size of what is to be painted, in pixels.
#[derive(Clone, Copy)]
pub(crate) struct Canvas {
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// Pixels of luma to a pixel of chroma across: 1 or 2.
    pub(crate) chroma_across: usize,
    /// And down.
    pub(crate) chroma_down: usize,
    /// Whether chroma that is widened goes smoothly from one pixel to the next.
    pub(crate) smooth: bool,
}

/// Rows that are kept from photo to photo.
#[derive(Default)]
pub(crate) struct Scratch {
    /// Sums over two chroma rows, with the edge repeated on both sides.
    sums: Vec<u16>,
    chroma: [Vec<[u8; 2]>; 2],
}

/// Paints planes onto `out`: red, green, blue, 255. One plane is grey, three are YCbCr.
pub(crate) fn paint(planes: &[Plane], canvas: Canvas, scratch: &mut Scratch, out: &mut [[u8; 4]]) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        #[target_feature(enable = "avx2")]
        fn paint_avx2(planes: &[Plane], canvas: Canvas, scratch: &mut Scratch, out: &mut [[u8; 4]]) {
            paint_any(planes, canvas, scratch, out);
        }
        // SAFETY: the CPU has what the function is compiled for; it was asked for just now.
        return unsafe { paint_avx2(planes, canvas, scratch, out) };
    }
    paint_any(planes, canvas, scratch, out);
}

#[inline(always)]
fn paint_any(planes: &[Plane], canvas: Canvas, scratch: &mut Scratch, out: &mut [[u8; 4]]) {
    let rows = out.chunks_exact_mut(canvas.width);
    match planes {
        [grey] => {
            let grey = View { plane: grey, width: canvas.width, height: canvas.height };
            for (y, out) in (0..).zip(rows) {
                for (out, &value) in out.iter_mut().zip(grey.row(y)) {
                    *out = [value, value, value, 255];
                }
            }
        }
        [luma, cb, cr] => {
            let luma = View { plane: luma, width: canvas.width, height: canvas.height };
            let width = canvas.width.div_ceil(canvas.chroma_across);
            let height = canvas.height.div_ceil(canvas.chroma_down);
            let chroma = [cb, cr].map(|plane| View { plane, width, height });
            for (y, out) in (0..).zip(rows) {
                let [mut cb, mut cr] = [&[] as &[u8]; 2];
                for ((row, view), kept) in [&mut cb, &mut cr].into_iter().zip(chroma).zip(&mut scratch.chroma)
                {
                    *row = widened(view, canvas, y, &mut scratch.sums, kept);
                }
                convert(luma.row(y), cb, cr, out);
            }
        }
        _ => {}
    }
}

/// The chroma of row `y`, at the width of luma.
///
/// Each new pixel takes three quarters of the nearest and one quarter of the next one: libjpeg's "fancy"
/// upsampling, `jdsample.c`, with its alternating roundings.
#[inline(always)]
fn widened<'a>(
    view: View<'a>,
    canvas: Canvas,
    y: isize,
    sums: &mut Vec<u16>,
    kept: &'a mut Vec<[u8; 2]>,
) -> &'a [u8] {
    if (canvas.chroma_across, canvas.chroma_down) == (1, 1) {
        return view.row(y);
    }
    if !canvas.smooth {
        return repeated(view.row(y / canvas.chroma_down as isize), canvas.chroma_across, kept);
    }
    sums.resize(view.width + 2, 0);
    let middle = &mut sums[1..=view.width];
    if canvas.chroma_down == 2 {
        let near = view.row(y / 2);
        let far = view.row(if y % 2 == 0 { y / 2 - 1 } else { y / 2 + 1 });
        for ((sum, &near), &far) in middle.iter_mut().zip(near).zip(far) {
            *sum = 3 * u16::from(near) + u16::from(far);
        }
    } else {
        for (sum, &value) in middle.iter_mut().zip(view.row(y)) {
            *sum = u16::from(value);
        }
    }
    if canvas.chroma_across == 1 {
        let rounding = if y % 2 == 0 { 1 } else { 2 };
        kept.resize(view.width.div_ceil(2), [0; 2]);
        for (out, &sum) in kept.as_flattened_mut().iter_mut().zip(middle.iter()) {
            *out = ((sum + rounding) >> 2) as u8;
        }
    } else {
        sums[0] = sums[1];
        sums[view.width + 1] = sums[view.width];
        kept.resize(view.width, [0; 2]);
        match canvas.chroma_down {
            2 => widen::<8, 7, 4>(sums, kept),
            _ => widen::<1, 2, 2>(sums, kept),
        }
    }
    kept.as_flattened()
}

/// A row with each pixel once or twice.
fn repeated<'a>(row: &[u8], across: usize, kept: &'a mut Vec<[u8; 2]>) -> &'a [u8] {
    kept.clear();
    match across {
        2 => kept.extend(row.iter().map(|&value| [value; 2])),
        _ => kept.extend(row.chunks(2).map(|pair| [pair[0], pair[pair.len() - 1]])),
    }
    kept.as_flattened()
}

#[inline(always)]
fn widen<const LEFT: u16, const RIGHT: u16, const SHIFT: u16>(sums: &[u16], out: &mut [[u8; 2]]) {
    let neighbours = sums.iter().zip(&sums[1..]).zip(&sums[2..]);
    for (out, ((&before, &here), &after)) in out.iter_mut().zip(neighbours) {
        *out = [((3 * here + before + LEFT) >> SHIFT) as u8, ((3 * here + after + RIGHT) >> SHIFT) as u8];
    }
}

/// Turns YCbCr into RGB (T.871, section 7), with 16 bits of fraction, rounded as libjpeg does.
#[inline(always)]
fn convert(luma: &[u8], cb: &[u8], cr: &[u8], out: &mut [[u8; 4]]) {
    const fn fix(value: f64) -> i32 {
        (value * 65_536.0 + 0.5) as i32
    }
    const HALF: i32 = 1 << 15;
    for (((out, &y), &cb), &cr) in out.iter_mut().zip(luma).zip(cb).zip(cr) {
        let (y, cb, cr) = (i32::from(y), i32::from(cb) - 128, i32::from(cr) - 128);
        let red = y + ((fix(1.40200) * cr + HALF) >> 16);
        let green = y + ((-fix(0.34414) * cb - fix(0.71414) * cr + HALF) >> 16);
        let blue = y + ((fix(1.77200) * cb + HALF) >> 16);
        let [red, green, blue] = [red, green, blue].map(|value| value.clamp(0, 255) as u32);
        // As one number, so that the compiler stores whole vectors.
        *out = (red | green << 8 | blue << 16 | 255 << 24).to_le_bytes();
    }
}
