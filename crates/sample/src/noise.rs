//! Two tables of noise, made once: they cost a photo a look-up where drawing afresh would cost most of its time.

use std::sync::LazyLock;

use crate::chance::Chance;
use crate::geometry::{floor, lerp, smoothstep};

/// Seed of both tables. A photo takes its own part of them.
const SEED: u64 = 0x0067_7261_696e;

/// Cells and steps within a cell along each side of the tile of grain.
const CELLS: usize = 16;
const STEPS: usize = 16;
const SIDE: usize = CELLS * STEPS;

/// A tile of smooth noise that repeats in both directions.
static GRAIN: LazyLock<Vec<f32>> = LazyLock::new(|| {
    let mut chance = Chance::new(SEED, 0);
    let lattice: Vec<f32> = (0..CELLS * CELLS).map(|_| chance.between(0.0, 1.0)).collect();
    let at = |column: usize, row: usize| lattice[(row % CELLS) * CELLS + column % CELLS];
    (0..SIDE * SIDE)
        .map(|index| {
            let (x, y) = (index % SIDE, index / SIDE);
            let (column, row) = (x / STEPS, y / STEPS);
            let part = |at: usize| smoothstep(0.0, 1.0, (at % STEPS) as f32 / STEPS as f32);
            lerp(
                lerp(at(column, row), at(column + 1, row), part(x)),
                lerp(at(column, row + 1), at(column + 1, row + 1), part(x)),
                part(y),
            )
        })
        .collect()
});

/// Smooth noise from 0 to 1 whose lattice has unit cells and repeats every 16 of them; `shift` picks the part of it.
#[inline]
pub(crate) fn grain(x: f32, y: f32, shift: usize) -> f32 {
    let step = |along: f32| floor(along * STEPS as f32) as i32 as usize;
    let column = step(x).wrapping_add(shift) % SIDE;
    let row = step(y).wrapping_add(shift / SIDE) % SIDE;
    GRAIN[row * SIDE + column]
}

/// How many pixels of sensor noise there are.
const PIXELS: usize = 1 << 14;

static SENSOR: LazyLock<Vec<[f32; 3]>> = LazyLock::new(|| {
    let mut chance = Chance::new(SEED, 1);
    (0..PIXELS)
        .map(|_| {
            // Most of a sensor's noise is common to the channels once the camera has mixed its colours.
            let common = chance.bell() * 0.8;
            [(); 3].map(|()| common + chance.bell() * 0.6)
        })
        .collect()
});

/// Noise of one row of pixels, of deviation 1, from a random place on.
pub(crate) fn sensor_row(chance: &mut Chance) -> impl Iterator<Item = [f32; 3]> {
    let start = chance.below(PIXELS as u32) as usize;
    SENSOR.iter().copied().cycle().skip(start)
}
