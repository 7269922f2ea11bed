//! Vectors of `f32` as wide as the CPU has them, chosen at run time.
//!
//! Code is written once, generic over [`Simd`], and compiled once for each [`Level`]; [`Level::run`] enters the
//! compiled version.

use std::sync::OnceLock;

/// An instruction set that this crate has code for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// Whatever the target's baseline is; eight values at a time for the compiler to make the best of.
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
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a * b + c`, rounded once where the CPU can.
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// The first and the second numbers of [`LANES`](Self::LANES) pairs of bfloat16, the first in the lower half.
    /// # Safety
    /// `from` points to [`LANES`](Self::LANES) readable pairs.
    unsafe fn load_pairs(self, from: *const u32) -> [Self::V; 2];
}

impl Level {
    /// The best of this CPU.
    pub(crate) fn best() -> Self {
        static BEST: OnceLock<Level> = OnceLock::new();
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

    /// Columns of the matrix product's tile: two vectors.
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
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Simd, Work};
    use std::arch::x86_64::*;

    /// Exists only inside of [`run_avx2`], after the check for AVX2 and FMA.
    #[derive(Clone, Copy)]
    pub(super) struct Avx2(());

    /// Exists only inside of [`run_avx512`], after the check for AVX-512F.
    #[derive(Clone, Copy)]
    pub(super) struct Avx512(());

    pub(super) fn run_avx2<W: Work>(work: W) -> W::Output {
        #[target_feature(enable = "avx2,fma")]
        fn enter<W: Work>(work: W) -> W::Output {
            work.run(Avx2(()))
        }
        assert!(is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"));
        // SAFETY: the CPU has the instructions.
        unsafe { enter(work) }
    }

    pub(super) fn run_avx512<W: Work>(work: W) -> W::Output {
        #[target_feature(enable = "avx512f,avx2,fma")]
        fn enter<W: Work>(work: W) -> W::Output {
            work.run(Avx512(()))
        }
        assert!(is_x86_feature_detected!("avx512f"));
        // SAFETY: the CPU has the instructions; AVX-512F includes the older ones.
        unsafe { enter(work) }
    }

    macro_rules! simd {
        ($level:ty, $vector:ty, $lanes:literal, $rows:literal, $splat:ident, $load:ident, $store:ident,
         $add:ident, $sub:ident, $mul:ident, $mul_add:ident,
         $bits:ty, $left:ident, $and:ident, $set:ident, $cast:ident) => {
            // SAFETY of all blocks: a value of the type proves that the CPU has the instructions; what pointers point to
            // is the caller's promise, and the loads and stores need no alignment.
            impl Simd for $level {
                type V = $vector;
                const LANES: usize = $lanes;
                const ROWS: usize = $rows;

                #[inline(always)]
                fn splat(self, value: f32) -> Self::V {
                    unsafe { $splat(value) }
                }

                #[inline(always)]
                unsafe fn load(self, from: *const f32) -> Self::V {
                    unsafe { $load(from) }
                }

                #[inline(always)]
                unsafe fn store(self, to: *mut f32, value: Self::V) {
                    unsafe { $store(to, value) }
                }

                #[inline(always)]
                fn add(self, a: Self::V, b: Self::V) -> Self::V {
                    unsafe { $add(a, b) }
                }

                #[inline(always)]
                fn sub(self, a: Self::V, b: Self::V) -> Self::V {
                    unsafe { $sub(a, b) }
                }

                #[inline(always)]
                fn mul(self, a: Self::V, b: Self::V) -> Self::V {
                    unsafe { $mul(a, b) }
                }

                #[inline(always)]
                fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
                    unsafe { $mul_add(a, b, c) }
                }

                #[inline(always)]
                unsafe fn load_pairs(self, from: *const u32) -> [Self::V; 2] {
                    unsafe {
                        let pairs = from.cast::<$bits>().read_unaligned();
                        let upper = $and(pairs, $set(0xffff_0000_u32 as i32));
                        [$cast($left::<16>(pairs)), $cast(upper)]
                    }
                }
            }
        };
    }

    simd!(
        Avx2,
        __m256,
        8,
        6,
        _mm256_set1_ps,
        _mm256_loadu_ps,
        _mm256_storeu_ps,
        _mm256_add_ps,
        _mm256_sub_ps,
        _mm256_mul_ps,
        _mm256_fmadd_ps,
        __m256i,
        _mm256_slli_epi32,
        _mm256_and_si256,
        _mm256_set1_epi32,
        _mm256_castsi256_ps
    );
    simd!(
        Avx512,
        __m512,
        16,
        12,
        _mm512_set1_ps,
        _mm512_loadu_ps,
        _mm512_storeu_ps,
        _mm512_add_ps,
        _mm512_sub_ps,
        _mm512_mul_ps,
        _mm512_fmadd_ps,
        __m512i,
        _mm512_slli_epi32,
        _mm512_and_si512,
        _mm512_set1_epi32,
        _mm512_castsi512_ps
    );
}
