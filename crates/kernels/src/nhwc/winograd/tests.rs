//! Every size of tiles, at every level that this CPU has, against the definition in `f64`.

use super::tiling::Layer;
use super::{convolve, weight_gradient};
use crate::nhwc::{ConvInput, Epilogue, Moments, Normalisation, normalise};
use crate::simd::Level;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::sync::LazyLock;

/// Images, height, width, input and output channels.
const LAYERS: &[[usize; 5]] = &[
    // Whole tiles; parts of tiles; smaller than a tile: whatever is left of each side.
    [2, 8, 8, 32, 32],
    [3, 7, 5, 32, 64],
    [2, 6, 15, 64, 32],
    [1, 9, 14, 32, 32],
    [1, 11, 7, 32, 32],
    [1, 1, 2, 64, 32],
    [1, 3, 1, 32, 32],
    // Few tiles for the kernel, so that it is not kept; and so many channels that they come in parts.
    [1, 4, 6, 160, 64],
    [5, 2, 2, 96, 192],
    // More channels than tiles, so that the gradient is summed up some inputs at a time: in one group of tiles; in two.
    [2, 5, 9, 160, 224],
    [5, 3, 26, 256, 288],
    // Several pieces of tiles without keeping the kernel, and a gradient that is summed up point by point.
    [5, 7, 28, 256, 256],
    // So many tiles that each part of the batch sums up its gradient, group by group.
    [1, 63, 259, 32, 32],
    // The same where parts, or groups, lack tiles that need some of the points.
    [1, 5, 300, 32, 32],
    [1, 30, 68, 32, 32],
];

/// Miri, which looks at each access to memory, takes hours for more.
const SMALL_LAYERS: &[[usize; 5]] = &[[1, 7, 6, 16, 16], [1, 1, 2, 64, 32], [1, 5, 132, 16, 16]];

fn layers() -> &'static [[usize; 5]] {
    if cfg!(miri) { SMALL_LAYERS } else { LAYERS }
}

fn random(len: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
    (0..len).map(|_| rng.random_range(-1.0..1.0)).collect()
}

/// `|found - expected| / |expected|`, in the 2-norm.
fn relative_error(found: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let difference: f64 = found.iter().zip(expected).map(|(a, b)| (f64::from(*a) - b).powi(2)).sum();
    (difference / expected.iter().map(|b| b * b).sum::<f64>()).sqrt()
}

/// Calls `term` with the places of (output pixel, input pixel, tap) of each product, by their channels' starts.
fn for_each_tap(layer: &Layer, mut term: impl FnMut(usize, usize, usize)) {
    let Layer { images, height, width, inputs, outputs } = *layer;
    let rows = (0..images).flat_map(|image| (0..height).map(move |y| (image, y)));
    for (image, y, x) in rows.flat_map(|(image, y)| (0..width).map(move |x| (image, y, x))) {
        for (ky, kx) in (0..3).flat_map(|ky| (0..3).map(move |kx| (ky, kx))) {
            let (iy, ix) = ((y + ky).wrapping_sub(1), (x + kx).wrapping_sub(1));
            if iy < height && ix < width {
                let pixel = |y: usize, x: usize| (image * height + y) * width + x;
                term(pixel(y, x) * outputs, pixel(iy, ix) * inputs, (ky * 3 + kx) * inputs * outputs);
            }
        }
    }
}

struct Case {
    layer: Layer,
    x: Vec<f32>,
    weight: Vec<f32>,
    dy: Vec<f32>,
    y: Vec<f64>,
    dw: Vec<f64>,
}

impl Case {
    fn new([images, height, width, inputs, outputs]: [usize; 5], seed: u64) -> Self {
        let layer = Layer { images, height, width, inputs, outputs };
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let pixels = images * height * width;
        let (x, dy) = (random(pixels * inputs, rng), random(pixels * outputs, rng));
        let weight = random(9 * inputs * outputs, rng);
        let (mut y, mut dw) = (vec![0.0; dy.len()], vec![0.0; weight.len()]);
        for_each_tap(&layer, |to, from, tap| {
            for (i, x) in x[from..from + inputs].iter().enumerate() {
                for o in 0..outputs {
                    y[to + o] += f64::from(*x) * f64::from(weight[tap + i * outputs + o]);
                    dw[tap + i * outputs + o] += f64::from(*x) * f64::from(dy[to + o]);
                }
            }
        });
        Self { layer, x, weight, dy, y, dw }
    }
}

fn everywhere(check: impl Fn(Level, &Case)) {
    // Computed once: the definition takes longer than all that is compared with it.
    static CASES: LazyLock<Vec<Case>> =
        LazyLock::new(|| layers().iter().zip(0..).map(|(sizes, seed)| Case::new(*sizes, seed)).collect());
    for case in CASES.iter() {
        for level in Level::supported() {
            check(level, case);
        }
    }
}

#[test]
fn convolution_agrees_with_its_definition() {
    everywhere(|level, case| {
        let mut y = vec![f32::NAN; case.y.len()];
        convolve(
            level,
            case.layer,
            ConvInput::plain(&case.x),
            &case.weight,
            false,
            false,
            Epilogue::default(),
            &mut y,
        );
        let error = relative_error(&y, &case.y);
        assert!(error < 5e-6, "{:?} {level:?}: {error:e}", case.layer);
    });
}

#[test]
fn a_mirrored_weight_is_the_same_as_one_turned_around() {
    everywhere(|level, case| {
        let Layer { inputs, outputs, .. } = case.layer;
        let mut mirrored = vec![0.0; case.weight.len()];
        for (at, value) in case.weight.iter().enumerate() {
            let (tap, i, o) = (at / (inputs * outputs), at / outputs % inputs, at % outputs);
            mirrored[((8 - tap) * outputs + o) * inputs + i] = *value;
        }
        let run = |weight: &[f32], mirrored| {
            let mut y = vec![f32::NAN; case.y.len()];
            let nothing = Epilogue::default();
            convolve(level, case.layer, ConvInput::plain(&case.x), weight, mirrored, false, nothing, &mut y);
            y
        };
        assert_eq!(run(&mirrored, true), run(&case.weight, false), "{:?} {level:?}", case.layer);
    });
}

#[test]
fn a_convolution_is_added_to_what_is_there() {
    everywhere(|level, case| {
        let mut y = case.dy.clone();
        convolve(
            level,
            case.layer,
            ConvInput::plain(&case.x),
            &case.weight,
            false,
            true,
            Epilogue::default(),
            &mut y,
        );
        let expected: Vec<f64> = case.y.iter().zip(&case.dy).map(|(y, dy)| y + f64::from(*dy)).collect();
        let error = relative_error(&y, &expected);
        assert!(error < 5e-6, "{:?} {level:?}: {error:e}", case.layer);
    });
}

#[test]
fn the_epilogue_reaches_every_pixel_once() {
    everywhere(|level, case| {
        let outputs = case.layer.outputs;
        let rng = &mut ChaCha8Rng::seed_from_u64(9);
        let (scale, shift) = (random(outputs, rng), random(outputs, rng));
        let epilogue = Epilogue { affine: Some((&scale, &shift)), add: Some(&case.dy), relu: true };
        let mut y = vec![f32::NAN; case.y.len()];
        convolve(level, case.layer, ConvInput::plain(&case.x), &case.weight, false, false, epilogue, &mut y);
        let expected = case.y.iter().enumerate().map(|(at, y)| {
            let channel = at % outputs;
            let affine = y * f64::from(scale[channel]) + f64::from(shift[channel]);
            (affine + f64::from(case.dy[at])).max(0.0)
        });
        let error = relative_error(&y, &expected.collect::<Vec<_>>());
        assert!(error < 5e-6, "{:?} {level:?}: {error:e}", case.layer);
    });
}

#[test]
fn the_weight_gradient_agrees_with_its_definition() {
    everywhere(|level, case| {
        let mut dw = vec![f32::NAN; case.dw.len()];
        weight_gradient(level, case.layer, ConvInput::plain(&case.x), &case.dy, &mut dw);
        let error = relative_error(&dw, &case.dw);
        assert!(error < 5e-6, "{:?} {level:?}: {error:e}", case.layer);
    });
}

/// As though it had been normalised before, to the last bit.
#[test]
fn the_input_is_normalised_on_the_way() {
    everywhere(|level, case| {
        let rng = &mut ChaCha8Rng::seed_from_u64(7);
        let inputs = case.layer.inputs;
        let moments = Moments {
            mean: random(inputs, rng),
            variance: random(inputs, rng).iter().map(|v| v * v).collect(),
        };
        let norm = Normalisation::new(&moments, &random(inputs, rng), &random(inputs, rng), 1e-2);
        let mut before = vec![f32::NAN; case.x.len()];
        normalise(&case.x, &norm, true, &mut before);
        let run = |x: ConvInput<'_, f32>| {
            let (mut y, mut dw) = (vec![f32::NAN; case.y.len()], vec![f32::NAN; case.dw.len()]);
            convolve(level, case.layer, x, &case.weight, false, false, Epilogue::default(), &mut y);
            weight_gradient(level, case.layer, x, &case.dy, &mut dw);
            (y, dw)
        };
        let found = run(ConvInput::normalised(&case.x, &norm));
        assert!(found == run(ConvInput::plain(&before)), "{:?} {level:?}", case.layer);
    });
}
