//! Vectors of `f32` as wide as the CPU has them, chosen at run time.
//!
//! Code is written once, generic over [`Simd`], and compiled once for each [`Level`]; [`Level::run`] enters the
//! compiled version.

#[cfg(target_arch = "x86_64")]
mod x86;

use crate::element::Element;
use half::bf16;
use std::sync::OnceLock;

/// An instruction set that this crate has code for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// The target's baseline: eight values at a time, which the compiler maps to the registers that there are.
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

/// Work to be compiled for every level.
pub(crate) trait Work {
    type Output;

    /// Does the work. Must be `#[inline(always)]`, and so must everything in it that touches vectors, or it
    /// is compiled without the level's instructions.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// Vectors of one level. A value of an implementing type is the proof that the CPU has its instructions.
pub(crate) trait Simd: Copy {
    /// A vector.
    type V: Copy;
    /// Values in a vector.
    const LANES: usize;
    /// Rows of a matrix product that, two vectors wide, fit into the registers.
    const ROWS: usize;

    fn splat(self, value: f32) -> Self::V;
    /// # Safety
    /// `from` points to [`LANES`](Self::LANES) readable values.
    unsafe fn load(self, from: *const f32) -> Self::V;
    /// # Safety
    /// `to` points to [`LANES`](Self::LANES) writable values.
    unsafe fn store(self, to: *mut f32, value: Self::V);
    /// Prefetches the cache line of an address, any address.
    #[inline(always)]
    fn prefetch(self, _address: *const f32) {}
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a * b + c`, rounded once where the CPU can.
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// The first and the second numbers of [`LANES`](Self::LANES) pairs of bfloat16, the first in the lower half.
    /// # Safety
    /// `from` points to [`LANES`](Self::LANES) readable pairs.
    unsafe fn load_pairs(self, from: *const u32) -> [Self::V; 2];
    /// # Safety
    /// `from` points to [`LANES`](Self::LANES) readable numbers.
    unsafe fn load_half(self, from: *const bf16) -> Self::V;
    /// Stores the nearest numbers; ties go to the even one. NaN stays NaN.
    /// # Safety
    /// `to` points to [`LANES`](Self::LANES) writable numbers.
    unsafe fn store_half(self, to: *mut bf16, value: Self::V);
    /// `max(value, 0)`, but NaN stays NaN.
    fn relu(self, value: Self::V) -> Self::V;

    /// Transposes a square of 16 by 16.
    #[inline(always)]
    fn transpose(self, from: &Square, to: &mut Square) {
        for (column, to) in to.chunks_exact_mut(SQUARE).enumerate() {
            for (row, to) in to.iter_mut().enumerate() {
                *to = from[row * SQUARE + column];
            }
        }
    }
}

/// Rows, and columns, of a [`Square`].
pub(crate) const SQUARE: usize = 16;

/// Values of 32 bits of any kind, row by row.
pub(crate) type Square = [u32; SQUARE * SQUARE];

impl Level {
    /// The best of this CPU; in tests the one that `with` asks for.
    pub(crate) fn best() -> Self {
        static BEST: OnceLock<Level> = OnceLock::new();
        #[cfg(test)]
        if let Some(level) = tests::CHOSEN.get() {
            return level;
        }
        *BEST.get_or_init(|| Self::supported().last().copied().unwrap_or(Self::Portable))
    }

    /// All that this CPU can run, best last.
    pub(crate) fn supported() -> Vec<Self> {
        #[allow(unused_mut)]
        let mut levels = vec![Self::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                levels.push(Self::Avx2);
            }
            if is_x86_feature_detected!("avx512f") {
                levels.push(Self::Avx512);
            }
        }
        levels
    }

    /// Width of a packed panel, and of the microkernel's tile: two vectors.
    pub(crate) fn panel(self) -> usize {
        match self {
            Self::Portable => 2 * Portable::LANES,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => 2 * x86::Avx2::LANES,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => 2 * x86::Avx512::LANES,
        }
    }

    /// Does the work with this level's instructions.
    pub(crate) fn run<W: Work>(self, work: W) -> W::Output {
        match self {
            Self::Portable => work.run(Portable),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => x86::run_avx2(work),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => x86::run_avx512(work),
        }
    }
}

/// Eight values that the compiler spreads over whatever registers there are.
#[derive(Clone, Copy)]
pub(crate) struct Portable;

/// Values in a portable vector.
const PORTABLE: usize = 8;

#[inline(always)]
fn each(f: impl Fn(usize) -> f32) -> [f32; PORTABLE] {
    let mut result = [0.0; PORTABLE];
    for (lane, value) in result.iter_mut().enumerate() {
        *value = f(lane);
    }
    result
}

impl Simd for Portable {
    type V = [f32; PORTABLE];
    const LANES: usize = PORTABLE;
    const ROWS: usize = 4;

    #[inline(always)]
    fn splat(self, value: f32) -> Self::V {
        [value; PORTABLE]
    }

    #[inline(always)]
    unsafe fn load(self, from: *const f32) -> Self::V {
        // SAFETY: passed on from the caller.
        unsafe { from.cast::<Self::V>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32, value: Self::V) {
        // SAFETY: passed on from the caller.
        unsafe { to.cast::<Self::V>().write_unaligned(value) }
    }

    #[inline(always)]
    fn add(self, a: Self::V, b: Self::V) -> Self::V {
        each(|lane| a[lane] + b[lane])
    }

    #[inline(always)]
    fn sub(self, a: Self::V, b: Self::V) -> Self::V {
        each(|lane| a[lane] - b[lane])
    }

    #[inline(always)]
    fn mul(self, a: Self::V, b: Self::V) -> Self::V {
        each(|lane| a[lane] * b[lane])
    }

    #[inline(always)]
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        // Two roundings: a fused one is a library call on a CPU that lacks it.
        each(|lane| a[lane] * b[lane] + c[lane])
    }

    #[inline(always)]
    unsafe fn load_pairs(self, from: *const u32) -> [Self::V; 2] {
        // SAFETY: passed on from the caller.
        let pairs = unsafe { from.cast::<[u32; PORTABLE]>().read_unaligned() };
        [
            each(|lane| f32::from_bits(pairs[lane] << 16)),
            each(|lane| f32::from_bits(pairs[lane] & 0xffff_0000)),
        ]
    }

    #[inline(always)]
    unsafe fn load_half(self, from: *const bf16) -> Self::V {
        // SAFETY: passed on from the caller.
        let numbers = unsafe { from.cast::<[bf16; PORTABLE]>().read_unaligned() };
        each(|lane| numbers[lane].widen())
    }

    #[inline(always)]
    unsafe fn store_half(self, to: *mut bf16, value: Self::V) {
        let numbers: [bf16; PORTABLE] = std::array::from_fn(|lane| Element::narrow(value[lane]));
        // SAFETY: passed on from the caller.
        unsafe { to.cast::<[bf16; PORTABLE]>().write_unaligned(numbers) }
    }

    #[inline(always)]
    fn relu(self, value: Self::V) -> Self::V {
        each(|lane| if value[lane] < 0.0 { 0.0 } else { value[lane] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    thread_local! {
        /// What [`Level::best`] is on this thread, if that has been chosen.
        pub(super) static CHOSEN: Cell<Option<Level>> = const { Cell::new(None) };
    }

    impl Level {
        /// Calls `f` as on a CPU whose best level this is.
        pub(crate) fn with<T>(self, f: impl FnOnce() -> T) -> T {
            let before = CHOSEN.replace(Some(self));
            let result = f();
            CHOSEN.set(before);
            result
        }
    }

    struct Transpose<'a>(&'a Square, &'a mut Square);

    impl Work for Transpose<'_> {
        type Output = ();

        #[inline(always)]
        fn run<S: Simd>(self, s: S) {
            s.transpose(self.0, self.1);
        }
    }

    /// Narrows values, and widens the result with ReLU.
    struct Halves<'a>(&'a [f32; 16], &'a mut [bf16; 16], &'a mut [f32; 16]);

    impl Work for Halves<'_> {
        type Output = ();

        #[inline(always)]
        fn run<S: Simd>(self, s: S) {
            for lane in (0..16).step_by(S::LANES) {
                // SAFETY: every level's vectors fill sixteen values.
                unsafe {
                    s.store_half(self.1[lane..].as_mut_ptr(), s.load(self.0[lane..].as_ptr()));
                    let wide = s.load_half(self.1[lane..].as_ptr());
                    s.store(self.2[lane..].as_mut_ptr(), s.relu(wide));
                }
            }
        }
    }

    #[test]
    fn every_level_narrows_and_widens() {
        let mut bits = 1u32;
        for round in 0..if cfg!(miri) { 10 } else { 10_000 } {
            let values = std::array::from_fn(|lane| {
                bits = bits.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                // Halfway between two numbers now and then; and NaN.
                let tie = if round % 4 == 0 { bits & 0xffff_8000 } else { bits };
                if round == 5 && lane % 3 == 0 { f32::NAN } else { f32::from_bits(tie) }
            });
            for level in Level::supported() {
                let (mut halves, mut wide) = ([bf16::ZERO; 16], [0.0; 16]);
                level.run(Halves(&values, &mut halves, &mut wide));
                for ((value, half), wide) in values.into_iter().zip(halves).zip(wide) {
                    let expected = bf16::from_f32(value);
                    let relu = if expected.to_f32() < 0.0 { 0.0 } else { expected.to_f32() };
                    assert!(half == expected || half.is_nan() && value.is_nan(), "{level:?}: {value:e}");
                    assert!(wide == relu || wide.is_nan() && value.is_nan(), "{level:?}: {value:e}");
                }
            }
        }
    }

    #[test]
    fn every_level_transposes() {
        let from: Square = std::array::from_fn(|index| index as u32);
        for level in Level::supported() {
            let mut to = [u32::MAX; SQUARE * SQUARE];
            level.run(Transpose(&from, &mut to));
            for (index, value) in to.into_iter().enumerate() {
                assert_eq!(value as usize, index % SQUARE * SQUARE + index / SQUARE, "{level:?}");
            }
        }
    }
}
