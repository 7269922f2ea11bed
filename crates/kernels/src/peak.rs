//! The peak rate of multiply-adds of this CPU: the ceiling to measure operations against.

use crate::nhwc::{Bf16Unit, block_product};
use crate::simd::{Level, Simd, Work};
use std::time::Instant;

/// The name of the vector instructions that this crate uses on this CPU.
pub fn instruction_set() -> &'static str {
    match Level::best() {
        Level::Portable => "portable",
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => "AVX2+FMA",
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => "AVX-512",
    }
}

/// The name of the unit that multiplies `bf16` on this CPU, AMX or AVX512_BF16; `None` if there is none, so that products
/// of `bf16` take longer than those of `f32`.
pub fn bf16_unit() -> Option<&'static str> {
    match Bf16Unit::best() {
        Bf16Unit::Vectors(_) => None,
        #[cfg(target_arch = "x86_64")]
        Bf16Unit::Avx512Bf16 => Some("AVX512_BF16"),
        #[cfg(target_arch = "x86_64")]
        Bf16Unit::Amx => Some("AMX"),
    }
}

/// Floating point operations per second as [`multiply_add_peak`] counts them, of `bf16` products accumulated in `f32`,
/// with both factors in the first-level cache.
pub fn bf16_multiply_add_peak() -> f64 {
    fastest(|| block_product(Bf16Unit::best(), 4_000))
}

/// Floating point operations per second of all threads of the current rayon pool, multiplying and adding in
/// registers: the fastest of several tries, a multiplication and an addition counted as two.
pub fn multiply_add_peak() -> f64 {
    let level = Level::best();
    fastest(|| level.run(Spin))
}

/// The fastest of several tries at work on all threads that returns how many operations it was.
fn fastest(work: impl Fn() -> usize + Sync) -> f64 {
    const TRIES: usize = 5;
    let once = || {
        let start = Instant::now();
        let counts = rayon::broadcast(|_| work());
        counts.iter().sum::<usize>() as f64 / start.elapsed().as_secs_f64()
    };
    (0..TRIES).map(|_| once()).fold(0.0, f64::max)
}

/// Multiplies and adds in as many independent chains as hide the latency, and returns the number of operations.
struct Spin;

impl Work for Spin {
    type Output = usize;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> usize {
        const CHAINS: usize = 12;
        const ROUNDS: usize = 4_000_000;
        // Stays at 1, but the compiler cannot know.
        let (a, b) = (s.splat(std::hint::black_box(0.5)), s.splat(std::hint::black_box(0.5)));
        let mut sums = [s.splat(1.0); CHAINS];
        for _ in 0..ROUNDS {
            for sum in &mut sums {
                *sum = s.mul_add(*sum, a, b);
            }
        }
        let mut total = sums[0];
        for sum in &sums[1..] {
            total = s.add(total, *sum);
        }
        let mut out = [0f32; 16];
        // SAFETY: no level has more than sixteen lanes.
        unsafe { s.store(out.as_mut_ptr(), total) };
        std::hint::black_box(out);
        2 * CHAINS * ROUNDS * S::LANES
    }
}
