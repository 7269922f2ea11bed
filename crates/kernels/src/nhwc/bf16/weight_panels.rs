//! Weights packed into panels: the right factor of products, narrowed to `bf16`.

use super::block::{DEPTH, HALF, PAIRS, RightPairs, SIDE};
use crate::element::narrow_bits;
use crate::scratch::Scratch;
use crate::simd::{Level, SQUARE, Simd, Work};
use rayon::prelude::*;

/// Pairs of a step: 16 pairs of 32 columns.
const STEP: usize = PAIRS * SIDE;

/// Packed weights: one panel of 32 outputs after the other, each tap by tap and step by step.
pub(super) struct WeightPanels {
    pairs: Scratch<u32>,
    /// Of a block of outputs.
    size: usize,
}

/// A weight `[taps, inputs, outputs]` and how it is to be multiplied.
#[derive(Clone, Copy)]
pub(super) struct Weight<'a> {
    pub(super) values: &'a [f32],
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    /// Whether the sums are over its outputs, as for the gradient of the input.
    pub(super) transposed: bool,
}

impl Weight<'_> {
    /// What is summed over.
    pub(super) fn depth(&self) -> usize {
        if self.transposed { self.outputs } else { self.inputs }
    }

    /// What the sums are for.
    pub(super) fn columns(&self) -> usize {
        if self.transposed { self.inputs } else { self.outputs }
    }

    /// Steps that a tap takes.
    pub(super) fn steps(&self) -> usize {
        self.depth().div_ceil(DEPTH)
    }
}

impl WeightPanels {
    /// Of some taps of a weight, in this order.
    pub(super) fn new(level: Level, weight: Weight<'_>, taps: &[usize]) -> Self {
        let size = taps.len() * weight.steps() * STEP;
        let mut pairs = Scratch::new(weight.columns().div_ceil(SIDE) * size);
        if size > 0 {
            pairs.par_chunks_mut(size).enumerate().for_each(|(block, to)| {
                level.run(Fill { weight, taps, start: block * SIDE, to });
            });
        }
        Self { pairs, size }
    }

    pub(super) fn bytes(&self) -> usize {
        self.pairs.len() * size_of::<u32>()
    }

    /// The weights of a block of outputs.
    pub(super) fn block(&self, block: usize) -> RightPairs<'_> {
        let pairs = &self.pairs[block * self.size..][..self.size];
        RightPairs { pairs, half: PAIRS * HALF, step: STEP }
    }
}

/// Writes the weights of one block of outputs.
struct Fill<'a> {
    weight: Weight<'a>,
    taps: &'a [usize],
    /// The first output.
    start: usize,
    to: &'a mut [u32],
}

impl Work for Fill<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { weight, taps, start, to } = self;
        let (depth, columns) = (weight.depth(), weight.columns());
        let whole = depth.is_multiple_of(DEPTH) && columns.is_multiple_of(SIDE);
        let mut steps = to.chunks_exact_mut(PAIRS * HALF);
        for &tap in taps {
            let values = &weight.values[tap * depth * columns..][..depth * columns];
            for first in (0..weight.steps()).map(|step| step * DEPTH) {
                for start in [start, start + HALF] {
                    let Some(to) = steps.next() else { return };
                    match (weight.transposed, whole) {
                        (false, true) => rows(values, columns, first, start, to),
                        (true, true) => transposed_rows(s, values, depth, first, start, to),
                        _ => any(weight, values, first, start, to),
                    }
                }
            }
        }
    }
}

/// A pair of numbers, the first in the lower half.
#[inline(always)]
pub(super) fn pair(first: f32, second: f32) -> u32 {
    narrow_bits(first) | narrow_bits(second) << 16
}

/// Pairs of rows.
#[inline(always)]
fn rows(values: &[f32], row: usize, first: usize, start: usize, to: &mut [u32]) {
    for (index, to) in to.chunks_exact_mut(HALF).enumerate() {
        let upper = &values[(first + 2 * index) * row + start..][..HALF];
        let lower = &values[(first + 2 * index + 1) * row + start..][..HALF];
        for column in 0..HALF {
            to[column] = pair(upper[column], lower[column]);
        }
    }
}

/// Pairs of neighbouring columns, transposed.
#[inline(always)]
fn transposed_rows<S: Simd>(s: S, values: &[f32], row: usize, first: usize, start: usize, to: &mut [u32]) {
    let mut pairs = [0u32; SQUARE * SQUARE];
    for (column, pairs) in pairs.chunks_exact_mut(PAIRS).enumerate() {
        let values = &values[(start + column) * row + first..][..DEPTH];
        for (index, to) in pairs.iter_mut().enumerate() {
            *to = pair(values[2 * index], values[2 * index + 1]);
        }
    }
    if let Ok(to) = to.try_into() {
        s.transpose(&pairs, to);
    }
}

/// Of any size, with zeros beyond.
fn any(weight: Weight<'_>, values: &[f32], first: usize, start: usize, to: &mut [u32]) {
    let (depth, columns) = (weight.depth(), weight.columns());
    let value = |at: usize, column: usize| match (at < depth && column < columns, weight.transposed) {
        (false, _) => 0.0,
        (true, false) => values[at * columns + column],
        (true, true) => values[column * depth + at],
    };
    for (index, to) in to.iter_mut().enumerate() {
        let (at, column) = (first + 2 * (index / HALF), start + index % HALF);
        *to = pair(value(at, column), value(at + 1, column));
    }
}
