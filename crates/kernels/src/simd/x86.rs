//! Vectors of x86-64: AVX2 with FMA, and AVX-512.

use super::{SQUARE, Simd, Square, Work};
use half::bf16;
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
     $bits:ty, $left:ident, $and:ident, $set:ident, $cast:ident,
     $half:ty, $widen:ident, $narrow:ident, $max:ident $(, $transpose:ident)?) => {
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
            fn prefetch(self, address: *const f32) {
                unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) }
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

            #[inline(always)]
            unsafe fn load_half(self, from: *const bf16) -> Self::V {
                unsafe { $cast($left::<16>($widen(from.cast::<$half>().read_unaligned()))) }
            }

            #[inline(always)]
            unsafe fn store_half(self, to: *mut bf16, value: Self::V) {
                unsafe { to.cast::<$half>().write_unaligned($narrow(value)) }
            }

            #[inline(always)]
            fn relu(self, value: Self::V) -> Self::V {
                // Of NaN and anything, the second.
                unsafe { $max($splat(0.0), value) }
            }

            $(
                #[inline(always)]
                fn transpose(self, from: &Square, to: &mut Square) {
                    unsafe { $transpose(from, to) }
                }
            )?
        }
    };
}

simd! {
    Avx2, __m256, 8, 6, _mm256_set1_ps, _mm256_loadu_ps, _mm256_storeu_ps,
    _mm256_add_ps, _mm256_sub_ps, _mm256_mul_ps, _mm256_fmadd_ps,
    __m256i, _mm256_slli_epi32, _mm256_and_si256, _mm256_set1_epi32, _mm256_castsi256_ps,
    __m128i, _mm256_cvtepu16_epi32, narrow_256, _mm256_max_ps
}

simd! {
    Avx512, __m512, 16, 12, _mm512_set1_ps, _mm512_loadu_ps, _mm512_storeu_ps,
    _mm512_add_ps, _mm512_sub_ps, _mm512_mul_ps, _mm512_fmadd_ps,
    __m512i, _mm512_slli_epi32, _mm512_and_si512, _mm512_set1_epi32, _mm512_castsi512_ps,
    __m256i, _mm512_cvtepu16_epi32, narrow_512, _mm512_max_ps, transpose
}

/// The nearest numbers of half the size: half of the last place that stays is added, less where it is even.
#[inline]
#[target_feature(enable = "avx2")]
fn narrow_256(value: __m256) -> __m128i {
    let bits = _mm256_castps_si256(value);
    let upper = _mm256_srli_epi32::<16>(bits);
    let odd = _mm256_and_si256(upper, _mm256_set1_epi32(1));
    let half = _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff));
    let nearest = _mm256_srli_epi32::<16>(_mm256_add_epi32(bits, half));
    let quiet = _mm256_or_si256(upper, _mm256_set1_epi32(0x40));
    let nan = _mm256_castps_si256(_mm256_cmp_ps::<_CMP_UNORD_Q>(value, value));
    let numbers = _mm256_blendv_epi8(nearest, quiet, nan);
    _mm_packus_epi32(_mm256_castsi256_si128(numbers), _mm256_extracti128_si256::<1>(numbers))
}

/// As [`narrow_256`].
#[inline]
#[target_feature(enable = "avx512f")]
fn narrow_512(value: __m512) -> __m256i {
    let bits = _mm512_castps_si512(value);
    let upper = _mm512_srli_epi32::<16>(bits);
    let odd = _mm512_and_si512(upper, _mm512_set1_epi32(1));
    let half = _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff));
    let nearest = _mm512_srli_epi32::<16>(_mm512_add_epi32(bits, half));
    let quiet = _mm512_or_si512(upper, _mm512_set1_epi32(0x40));
    let nan = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(value, value);
    _mm512_cvtepi32_epi16(_mm512_mask_mov_epi32(nearest, nan, quiet))
}

/// Transposes a square: pairs of values, pairs of pairs, then quarters of vectors change places.
#[inline]
#[target_feature(enable = "avx512f")]
fn transpose(from: &Square, to: &mut Square) {
    let zero = _mm512_setzero_si512();
    let (mut rows, mut pairs) = ([zero; SQUARE], [zero; SQUARE]);
    for (row, from) in rows.iter_mut().zip(from.chunks_exact(SQUARE)) {
        // SAFETY: a row has the sixteen values of a vector.
        *row = unsafe { _mm512_loadu_si512(from.as_ptr().cast()) };
    }
    for i in (0..SQUARE).step_by(2) {
        pairs[i] = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
        pairs[i + 1] = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
    }
    for i in (0..SQUARE).step_by(4) {
        rows[i] = _mm512_unpacklo_epi64(pairs[i], pairs[i + 2]);
        rows[i + 1] = _mm512_unpackhi_epi64(pairs[i], pairs[i + 2]);
        rows[i + 2] = _mm512_unpacklo_epi64(pairs[i + 1], pairs[i + 3]);
        rows[i + 3] = _mm512_unpackhi_epi64(pairs[i + 1], pairs[i + 3]);
    }
    const EVEN: i32 = 0x88;
    const ODD: i32 = 0xdd;
    for i in 0..4 {
        let [a, b, c, d] = [rows[i], rows[i + 4], rows[i + 8], rows[i + 12]];
        let even = [_mm512_shuffle_i32x4::<EVEN>(a, b), _mm512_shuffle_i32x4::<EVEN>(c, d)];
        let odd = [_mm512_shuffle_i32x4::<ODD>(a, b), _mm512_shuffle_i32x4::<ODD>(c, d)];
        let columns = [
            _mm512_shuffle_i32x4::<EVEN>(even[0], even[1]),
            _mm512_shuffle_i32x4::<EVEN>(odd[0], odd[1]),
            _mm512_shuffle_i32x4::<ODD>(even[0], even[1]),
            _mm512_shuffle_i32x4::<ODD>(odd[0], odd[1]),
        ];
        for (quarter, column) in columns.into_iter().enumerate() {
            let to = &mut to[(4 * quarter + i) * SQUARE..][..SQUARE];
            // SAFETY: as above.
            unsafe { _mm512_storeu_si512(to.as_mut_ptr().cast(), column) };
        }
    }
}
