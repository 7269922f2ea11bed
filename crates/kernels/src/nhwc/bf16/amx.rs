//! Products of tiles by AMX, Intel's matrix unit (Intel 64 and IA-32 Architectures Software Developer's Manual,
//! volume 1, chapter 18), which the compiler does not know yet.

use super::block::{HALF, PAIRS, Product, SIDE, Sums};
use std::arch::asm;
use std::cell::Cell;
use std::marker::PhantomData;
use std::mem::offset_of;
use std::sync::OnceLock;

/// Whether the CPU has the unit, and the system lets this process use it.
pub(super) fn available() -> bool {
    static AVAILABLE: OnceLock<bool> = OnceLock::new();
    *AVAILABLE.get_or_init(|| !cfg!(miri) && present() && permitted())
}

/// Whether the CPU has tiles and multiplies them as `bf16` (CPUID, leaf 7).
fn present() -> bool {
    use std::arch::x86_64::{__cpuid, __cpuid_count};
    const BF16: u32 = 1 << 22;
    const TILE: u32 = 1 << 24;
    __cpuid(0).eax >= 7 && {
        let features = __cpuid_count(7, 0).edx;
        features & BF16 != 0 && features & TILE != 0
    }
}

/// Asks Linux for the tiles' registers, which it saves only for processes that asked
/// (`Documentation/arch/x86/xstate.rst`). Other systems are not asked.
#[cfg(target_os = "linux")]
fn permitted() -> bool {
    const ARCH_REQ_XCOMP_PERM: libc::c_ulong = 0x1023;
    const XFEATURE_XTILEDATA: libc::c_ulong = 18;
    // SAFETY: the call changes nothing but what this process may do.
    unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0 }
}

#[cfg(not(target_os = "linux"))]
fn permitted() -> bool {
    false
}

thread_local! {
    /// How many [`Tiles`] this thread has.
    static CONFIGURED: Cell<usize> = const { Cell::new(0) };
}

/// A thread whose tile registers are configured, all eight for 16 rows of 64 bytes. The last one of a thread releases
/// them on drop, so that no other is left without.
pub(super) struct Tiles {
    /// Not for other threads.
    thread: PhantomData<*const ()>,
}

/// The configuration in memory, palette 1.
#[repr(C, align(64))]
struct Configuration {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    bytes_per_row: [u16; 16],
    rows: [u8; 16],
}

impl Tiles {
    pub(super) fn configure() -> Self {
        assert!(available());
        let already = CONFIGURED.replace(CONFIGURED.get() + 1);
        if already > 0 {
            return Self { thread: PhantomData };
        }
        let first_eight = |index: usize, value| if index < 8 { value } else { 0 };
        let configuration = Configuration {
            palette: 1,
            start_row: 0,
            reserved: [0; 14],
            bytes_per_row: std::array::from_fn(|index| first_eight(index, 4 * PAIRS as u16)),
            rows: std::array::from_fn(|index| first_eight(index, HALF as u16) as u8),
        };
        // SAFETY: the unit is there and permitted; the configuration is one that palette 1 allows.
        unsafe {
            asm!("ldtilecfg [{}]", in(reg) &raw const configuration, options(nostack, preserves_flags, readonly));
        }
        Self { thread: PhantomData }
    }

    /// Writes the product, or adds it if `accumulate`.
    ///
    /// The sums stay in four tiles, and the two halves of either factor go through the other four.
    pub(super) fn multiply(&self, product: Product<'_>, accumulate: bool, sums: &mut Sums) {
        let (left, offsets, steps, right) = product.factors();
        let distances = Distances {
            left_half: 4 * left.half,
            left_step: 4 * left.step,
            right_half: 4 * right.half,
            right_step: 4 * right.step,
            steps,
            accumulate: usize::from(accumulate),
        };
        let offsets = offsets.as_ptr_range();
        // SAFETY: the tiles of this thread, which `self` cannot leave, are configured as long as it lives. No compiled
        // code touches them, and nobody's values stay in them from one call to the next. `Product` says that all rows
        // and columns are inside of their slices, for at least one step of one stretch. Nothing but the sums is
        // written, and they are borrowed alone.
        unsafe {
            asm!(
                "mov {count}, 128",
                "cmp qword ptr [{distances} + {accumulate}], 0",
                "je 4f",
                "tileloadd tmm0, [{sums} + {count}]",
                "tileloadd tmm1, [{sums} + {count} + 64]",
                "tileloadd tmm2, [{sums} + {count} + 2048]",
                "tileloadd tmm3, [{sums} + {count} + 2112]",
                "jmp 5f",
                "4:",
                "tilezero tmm0",
                "tilezero tmm1",
                "tilezero tmm2",
                "tilezero tmm3",
                "5:",
                "mov {b2}, {b}",
                "add {b2}, qword ptr [{distances} + {right_half}]",
                // One stretch after the other.
                "2:",
                "mov {a}, qword ptr [{offset}]",
                "lea {a}, [{left} + 4 * {a}]",
                "mov {a2}, {a}",
                "add {a2}, qword ptr [{distances} + {left_half}]",
                "mov {count}, qword ptr [{distances} + {steps}]",
                // One step after the other.
                "3:",
                "tileloadd tmm4, [{a} + {left_row}]",
                "tileloadd tmm6, [{b} + {right_row}]",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tileloadd tmm7, [{b2} + {right_row}]",
                "tdpbf16ps tmm1, tmm4, tmm7",
                "tileloadd tmm5, [{a2} + {left_row}]",
                "tdpbf16ps tmm2, tmm5, tmm6",
                "tdpbf16ps tmm3, tmm5, tmm7",
                "add {a}, qword ptr [{distances} + {left_step}]",
                "add {a2}, qword ptr [{distances} + {left_step}]",
                "add {b}, qword ptr [{distances} + {right_step}]",
                "add {b2}, qword ptr [{distances} + {right_step}]",
                "dec {count}",
                "jnz 3b",
                "add {offset}, 8",
                "cmp {offset}, {end}",
                "jne 2b",
                "mov {count}, 128",
                "tilestored [{sums} + {count}], tmm0",
                "tilestored [{sums} + {count} + 64], tmm1",
                "tilestored [{sums} + {count} + 2048], tmm2",
                "tilestored [{sums} + {count} + 2112], tmm3",
                a = out(reg) _,
                a2 = out(reg) _,
                b = inout(reg) right.pairs.as_ptr() => _,
                b2 = out(reg) _,
                count = out(reg) _,
                offset = inout(reg) offsets.start => _,
                end = in(reg) offsets.end,
                left = in(reg) left.pairs.as_ptr(),
                left_row = in(reg) 4 * left.row,
                right_row = in(reg) 4 * HALF,
                sums = in(reg) sums.as_mut_ptr(),
                distances = in(reg) &raw const distances,
                left_half = const offset_of!(Distances, left_half),
                left_step = const offset_of!(Distances, left_step),
                right_half = const offset_of!(Distances, right_half),
                right_step = const offset_of!(Distances, right_step),
                steps = const offset_of!(Distances, steps),
                accumulate = const offset_of!(Distances, accumulate),
                options(nostack),
            );
        }
    }
}

/// What the loop needs beyond the registers that there are: bytes from one thing to the next, and counts.
#[repr(C)]
struct Distances {
    left_half: usize,
    left_step: usize,
    right_half: usize,
    right_step: usize,
    /// In each stretch.
    steps: usize,
    /// Not zero to add to the sums that are there.
    accumulate: usize,
}

// The rows of the sums are 128 bytes apart, as the code above has it.
const _: () = assert!(4 * SIDE == 128 && 4 * SIDE * HALF == 2048);

impl Drop for Tiles {
    fn drop(&mut self) {
        let left = CONFIGURED.get() - 1;
        CONFIGURED.set(left);
        if left > 0 {
            return;
        }
        // SAFETY: the unit is there; nobody on this thread needs what is in the tiles.
        unsafe { asm!("tilerelease", options(nomem, nostack, preserves_flags)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nhwc::bf16::block::{LeftPairs, RightPairs};

    #[test]
    fn tiles_stay_until_the_last_of_a_thread_is_dropped() {
        if !available() {
            return;
        }
        let outer = Tiles::configure();
        drop(Tiles::configure());
        assert_eq!(CONFIGURED.get(), 1);
        // Of zeros, which a thread without tiles would not live to see.
        let pairs = [0; SIDE * PAIRS];
        let left = LeftPairs { pairs: &pairs, row: PAIRS, half: HALF * PAIRS, step: 0 };
        let right = RightPairs { pairs: &pairs, half: PAIRS * HALF, step: 0 };
        let mut sums = [1.0; SIDE * SIDE];
        outer.multiply(Product::new(left, &[0], 1, right).unwrap(), false, &mut sums);
        assert_eq!(sums, [0.0; SIDE * SIDE]);
        drop(outer);
        assert_eq!(CONFIGURED.get(), 0);
    }
}
