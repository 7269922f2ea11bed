//! Eight 32-bit numbers at a time, by the CPU's vectors or one by one.

/// Eight `i32` whose arithmetic wraps.
pub(crate) trait Lanes: Copy {
    fn load(values: &[i16; 8]) -> Self;
    fn splat(value: i32) -> Self;
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, factor: i32) -> Self;
    fn shl<const BITS: i32>(self) -> Self;
    /// Keeps the sign.
    fn shr<const BITS: i32>(self) -> Self;
    /// Lane `i` of vector `j` becomes lane `j` of vector `i`.
    fn transposed(block: [Self; 8]) -> [Self; 8];
    /// Lane `y` of vector `x` becomes byte `x` of row `y`, clamped to 0 to 255.
    fn rows(columns: [Self; 8]) -> [[u8; 8]; 8];
}

/// What any CPU can do.
#[derive(Clone, Copy)]
pub(crate) struct Portable([i32; 8]);

impl Lanes for Portable {
    #[inline(always)]
    fn load(values: &[i16; 8]) -> Self {
        Self(values.map(i32::from))
    }

    #[inline(always)]
    fn splat(value: i32) -> Self {
        Self([value; 8])
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i].wrapping_add(other.0[i])))
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i].wrapping_sub(other.0[i])))
    }

    #[inline(always)]
    fn mul(self, factor: i32) -> Self {
        Self(self.0.map(|value| value.wrapping_mul(factor)))
    }

    #[inline(always)]
    fn shl<const BITS: i32>(self) -> Self {
        Self(self.0.map(|value| value << BITS))
    }

    #[inline(always)]
    fn shr<const BITS: i32>(self) -> Self {
        Self(self.0.map(|value| value >> BITS))
    }

    #[inline(always)]
    fn transposed(block: [Self; 8]) -> [Self; 8] {
        std::array::from_fn(|i| Self(std::array::from_fn(|j| block[j].0[i])))
    }

    #[inline(always)]
    fn rows(columns: [Self; 8]) -> [[u8; 8]; 8] {
        std::array::from_fn(|y| std::array::from_fn(|x| columns[x].0[y].clamp(0, 255) as u8))
    }
}

#[cfg(target_arch = "x86_64")]
pub(crate) use x86::Avx2;

#[cfg(target_arch = "x86_64")]
mod x86 {
    // Every `unsafe` in here calls an AVX2 instruction. Sound because `Avx2` values are made only by code that
    // `scan::read` enters after the CPU was asked for AVX2, and loads and stores stay in the arrays given.
    use std::arch::x86_64::*;

    use super::Lanes;

    /// A vector of AVX2.
    #[derive(Clone, Copy)]
    pub(crate) struct Avx2(__m256i);

    impl Lanes for Avx2 {
        #[inline(always)]
        fn load(values: &[i16; 8]) -> Self {
            Self(unsafe { _mm256_cvtepi16_epi32(_mm_loadu_si128(values.as_ptr().cast())) })
        }

        #[inline(always)]
        fn splat(value: i32) -> Self {
            Self(unsafe { _mm256_set1_epi32(value) })
        }

        #[inline(always)]
        fn add(self, other: Self) -> Self {
            Self(unsafe { _mm256_add_epi32(self.0, other.0) })
        }

        #[inline(always)]
        fn sub(self, other: Self) -> Self {
            Self(unsafe { _mm256_sub_epi32(self.0, other.0) })
        }

        #[inline(always)]
        fn mul(self, factor: i32) -> Self {
            Self(unsafe { _mm256_mullo_epi32(self.0, _mm256_set1_epi32(factor)) })
        }

        #[inline(always)]
        fn shl<const BITS: i32>(self) -> Self {
            Self(unsafe { _mm256_slli_epi32::<BITS>(self.0) })
        }

        #[inline(always)]
        fn shr<const BITS: i32>(self) -> Self {
            Self(unsafe { _mm256_srai_epi32::<BITS>(self.0) })
        }

        #[inline(always)]
        fn transposed(block: [Self; 8]) -> [Self; 8] {
            let [Self(a), Self(b), Self(c), Self(d), Self(e), Self(f), Self(g), Self(h)] = block;
            unsafe {
                let (ab, ab2) = (_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b));
                let (cd, cd2) = (_mm256_unpacklo_epi32(c, d), _mm256_unpackhi_epi32(c, d));
                let (ef, ef2) = (_mm256_unpacklo_epi32(e, f), _mm256_unpackhi_epi32(e, f));
                let (gh, gh2) = (_mm256_unpacklo_epi32(g, h), _mm256_unpackhi_epi32(g, h));
                let low = [
                    _mm256_unpacklo_epi64(ab, cd),
                    _mm256_unpackhi_epi64(ab, cd),
                    _mm256_unpacklo_epi64(ab2, cd2),
                    _mm256_unpackhi_epi64(ab2, cd2),
                ];
                let high = [
                    _mm256_unpacklo_epi64(ef, gh),
                    _mm256_unpackhi_epi64(ef, gh),
                    _mm256_unpacklo_epi64(ef2, gh2),
                    _mm256_unpackhi_epi64(ef2, gh2),
                ];
                [
                    Self(_mm256_permute2x128_si256::<0x20>(low[0], high[0])),
                    Self(_mm256_permute2x128_si256::<0x20>(low[1], high[1])),
                    Self(_mm256_permute2x128_si256::<0x20>(low[2], high[2])),
                    Self(_mm256_permute2x128_si256::<0x20>(low[3], high[3])),
                    Self(_mm256_permute2x128_si256::<0x31>(low[0], high[0])),
                    Self(_mm256_permute2x128_si256::<0x31>(low[1], high[1])),
                    Self(_mm256_permute2x128_si256::<0x31>(low[2], high[2])),
                    Self(_mm256_permute2x128_si256::<0x31>(low[3], high[3])),
                ]
            }
        }

        #[inline(always)]
        fn rows(columns: [Self; 8]) -> [[u8; 8]; 8] {
            let [Self(a), Self(b), Self(c), Self(d), Self(e), Self(f), Self(g), Self(h)] = columns;
            let mut rows = [[0; 8]; 8];
            unsafe {
                // Per half: four bytes of each column; the shuffle gathers them by row.
                let by_row = _mm256_setr_epi8(
                    0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15, //
                    0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15,
                );
                let left = _mm256_packus_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d));
                let right = _mm256_packus_epi16(_mm256_packs_epi32(e, f), _mm256_packs_epi32(g, h));
                let (left, right) = (_mm256_shuffle_epi8(left, by_row), _mm256_shuffle_epi8(right, by_row));
                let (even, odd) = (_mm256_unpacklo_epi32(left, right), _mm256_unpackhi_epi32(left, right));
                let out = rows.as_flattened_mut().as_mut_ptr();
                _mm256_storeu_si256(out.cast(), _mm256_permute2x128_si256::<0x20>(even, odd));
                _mm256_storeu_si256(out.add(32).cast(), _mm256_permute2x128_si256::<0x31>(even, odd));
            }
            rows
        }
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;

    fn values(seed: i32) -> [[i16; 8]; 8] {
        std::array::from_fn(|i| {
            std::array::from_fn(|j| ((i as i32 * 8 + j as i32 + seed) * 7919 % 1021 - 400) as i16)
        })
    }

    #[target_feature(enable = "avx2")]
    fn avx2(block: &[[i16; 8]; 8]) -> ([[u8; 8]; 8], [[u8; 8]; 8]) {
        both::<Avx2>(block)
    }

    #[inline(always)]
    fn both<L: Lanes>(block: &[[i16; 8]; 8]) -> ([[u8; 8]; 8], [[u8; 8]; 8]) {
        let block = block.map(|row| L::load(&row).mul(3).shr::<1>().add(L::splat(5)));
        (L::rows(block), L::rows(L::transposed(block)))
    }

    #[test]
    fn avx2_moves_and_clamps_as_plain_code_does() {
        if !is_x86_feature_detected!("avx2") {
            println!("skipped: this CPU has no AVX2");
            return;
        }
        for seed in 0..20 {
            let block = values(seed);
            // SAFETY: AVX2 was asked for above.
            assert_eq!(unsafe { avx2(&block) }, both::<Portable>(&block));
        }
    }
}
