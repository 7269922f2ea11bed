//! A product of two blocks, 32 rows by 32 columns, as data: where its factors are, and that they lie inside of their
//! slices. The microkernels, one per unit, are in `amx`, `avx512_bf16` and `vectors`.
//!
//! Both factors come as pairs: two `bf16` that follow one another in the direction that is summed over, in one `u32`,
//! the first in the lower half. Products are exact in `f32`, and accumulators are `f32`.

/// Rows, and columns, of a block.
pub(super) const SIDE: usize = 32;
/// Rows, and columns, that a matrix unit's tile has: half a block.
pub(super) const HALF: usize = SIDE / 2;
/// Pairs of a row that are multiplied in a step.
pub(super) const PAIRS: usize = 16;
/// Numbers of a row that are.
pub(super) const DEPTH: usize = 2 * PAIRS;

/// The sums of a block, row by row.
pub(super) type Sums = [f32; SIDE * SIDE];

/// Where the left factor's rows are. Those of a step follow one another in memory, as do the pairs of each.
#[derive(Clone, Copy)]
pub(super) struct LeftPairs<'a> {
    pub(super) pairs: &'a [u32],
    /// From one row to the next.
    pub(super) row: usize,
    /// From the first row to number 16.
    pub(super) half: usize,
    /// From one step to the next.
    pub(super) step: usize,
}

/// Where the right factor's columns are: each pair of 16 columns, one after the other, and then the next pair.
#[derive(Clone, Copy)]
pub(super) struct RightPairs<'a> {
    pub(super) pairs: &'a [u32],
    /// From the first column to number 16.
    pub(super) half: usize,
    /// From one step to the next.
    pub(super) step: usize,
}

/// A product with its sizes checked, which is what the loops of all units rely on.
///
/// There is at least one step of one stretch. Every row of the left factor from any of the offsets on, and every column
/// of the right one, lie inside of their slices for as many steps as there are.
#[derive(Clone, Copy)]
pub(super) struct Product<'a> {
    left: LeftPairs<'a>,
    /// Where the left factor's steps start, one stretch of `steps` after the other.
    offsets: &'a [usize],
    /// In each stretch.
    steps: usize,
    /// All stretches' steps follow one another.
    right: RightPairs<'a>,
}

impl<'a> Product<'a> {
    /// `None` if there is nothing to sum up.
    ///
    /// # Panics
    /// If a factor does not lie inside of its slice.
    pub(super) fn new(
        left: LeftPairs<'a>,
        offsets: &'a [usize],
        steps: usize,
        right: RightPairs<'a>,
    ) -> Option<Self> {
        let furthest = offsets.iter().max().filter(|_| steps > 0)?;
        // Where the last pair of all is, and no sum can wrap around to what is inside.
        let end = |start: usize, steps: usize, step: usize, half: usize, rest: usize| {
            let last = start.saturating_add((steps - 1).saturating_mul(step));
            last.saturating_add(half).saturating_add(rest)
        };
        let rows = left.row.saturating_mul(HALF - 1).saturating_add(PAIRS);
        let end_left = end(*furthest, steps, left.step, left.half, rows);
        assert!(
            end_left <= left.pairs.len(),
            "the left factor has {} pairs, not {end_left}",
            left.pairs.len()
        );
        let all = offsets.len().saturating_mul(steps);
        let end_right = end(0, all, right.step, right.half, PAIRS * HALF);
        assert!(
            end_right <= right.pairs.len(),
            "the right one has {} pairs, not {end_right}",
            right.pairs.len()
        );
        Some(Self { left, offsets, steps, right })
    }

    /// The left factor, where its steps start and how many there are from each, and the right factor.
    #[inline(always)]
    pub(super) fn factors(self) -> (LeftPairs<'a>, &'a [usize], usize, RightPairs<'a>) {
        (self.left, self.offsets, self.steps, self.right)
    }
}
