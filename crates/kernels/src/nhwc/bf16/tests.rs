//! Every unit that this CPU has, on shapes of all kinds, against the definition in `f64`.

use super::weight_gradient::CHUNK;
use super::{Bf16Unit, forward, input_gradient, weight_gradient};
use crate::element::Element;
use crate::nhwc::conv_input::ConvInput;
use crate::nhwc::geometry::Geometry;
use crate::nhwc::{Epilogue, Moments, Normalisation};
use half::bf16;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::sync::LazyLock;

/// Input, weight, stride, padding.
const SHAPES: &[([usize; 4], [usize; 4], usize, usize)] = &[
    ([2, 9, 7, 32], [3, 3, 32, 64], 1, 1),
    ([3, 14, 14, 64], [3, 3, 64, 32], 2, 1),
    ([2, 13, 10, 40], [3, 3, 40, 20], 2, 1),
    // Few channels: rows of the kernel are taps.
    ([2, 33, 31, 3], [7, 7, 3, 16], 2, 3),
    ([1, 12, 12, 2], [3, 3, 2, 5], 1, 0),
    ([9, 8, 8, 24], [1, 1, 24, 33], 1, 0),
    ([4, 14, 14, 64], [1, 1, 64, 96], 2, 0),
    ([1, 15, 15, 32], [1, 1, 32, 32], 2, 0),
    // So large that an image comes in parts, and the weights are gone through once only.
    ([1, 40, 40, 160], [3, 3, 160, 224], 1, 1),
    ([1, 1, 1, 33], [3, 3, 33, 2], 2, 1),
    ([2, 7, 7, 16], [5, 5, 16, 17], 3, 2),
    // More padding than kernel: windows of nothing but zeros on all sides.
    ([2, 5, 5, 2], [1, 1, 2, 3], 1, 2),
    ([1, 4, 5, 3], [3, 3, 3, 20], 1, 4),
    ([1, 4, 5, 33], [3, 3, 33, 20], 1, 4),
    ([2, 5, 4, 40], [2, 2, 40, 5], 3, 7),
    ([1, 1, 1, 2], [2, 2, 2, 3], 20, 10),
    ([1, 2, 1, 20], [2, 2, 20, 3], 10, 10),
];

fn shapes() -> &'static [([usize; 4], [usize; 4], usize, usize)] {
    if cfg!(miri) { &SHAPES[9..10] } else { SHAPES }
}

fn random(len: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
    (0..len).map(|_| rng.random_range(-1.0..1.0)).collect()
}

fn narrow(values: &[f32]) -> Vec<bf16> {
    values.iter().map(|value| Element::narrow(*value)).collect()
}

fn exact<E: Element>(values: &[E]) -> Vec<f64> {
    values.iter().map(|value| f64::from(value.widen())).collect()
}

/// `|found - expected| / |expected|`, in the 2-norm.
fn relative_error(found: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let difference: f64 = found.iter().zip(expected).map(|(a, b)| (a - b).powi(2)).sum();
    (difference / expected.iter().map(|b| b * b).sum::<f64>().max(f64::MIN_POSITIVE)).sqrt()
}

/// Calls `term` with the places of (output, input, weight) of each product.
fn for_each_product(g: &Geometry, mut term: impl FnMut(usize, usize, usize)) {
    for image in 0..g.images {
        for (oy, ox) in (0..g.out_height).flat_map(|oy| (0..g.out_width).map(move |ox| (oy, ox))) {
            for (ky, kx) in (0..g.kernel_height).flat_map(|ky| (0..g.kernel_width).map(move |kx| (ky, kx))) {
                let inside = |at: usize, size: usize| at.checked_sub(g.padding).filter(|at| *at < size);
                let row = inside(oy * g.stride + ky, g.height);
                let column = inside(ox * g.stride + kx, g.width);
                let (Some(iy), Some(ix)) = (row, column) else { continue };
                let output = ((image * g.out_height + oy) * g.out_width + ox) * g.outputs;
                let input = ((image * g.height + iy) * g.width + ix) * g.inputs;
                let tap = (ky * g.kernel_width + kx) * g.inputs * g.outputs;
                for (ci, co) in (0..g.inputs).flat_map(|ci| (0..g.outputs).map(move |co| (ci, co))) {
                    term(output + co, input + ci, tap + ci * g.outputs + co);
                }
            }
        }
    }
}

struct Case {
    g: Geometry,
    x: Vec<bf16>,
    /// As it is narrowed in computing.
    weight: Vec<f32>,
    dy: Vec<bf16>,
    /// Output, input gradient and weight gradient by the definition.
    expected: [Vec<f64>; 3],
}

/// Computed once: the definition takes longer than all that is compared with it.
fn cases() -> &'static [Case] {
    static CASES: LazyLock<Vec<Case>> = LazyLock::new(compute_cases);
    &CASES
}

fn compute_cases() -> Vec<Case> {
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let case = |(x, w, stride, padding): &([usize; 4], [usize; 4], usize, usize)| {
        let g = Geometry::new(x, w, *stride, *padding).unwrap();
        let x = narrow(&random(x.iter().product(), &mut rng));
        let weight: Vec<f32> =
            narrow(&random(w.iter().product(), &mut rng)).iter().map(|w| w.widen()).collect();
        let dy = narrow(&random(g.rows() * g.outputs, &mut rng));
        let (xs, ws, dys) = (exact(&x), exact(&weight), exact(&dy));
        let mut expected = [vec![0.0; dys.len()], vec![0.0; xs.len()], vec![0.0; ws.len()]];
        for_each_product(&g, |o, i, k| {
            expected[0][o] += xs[i] * ws[k];
            expected[1][i] += dys[o] * ws[k];
            expected[2][k] += dys[o] * xs[i];
        });
        Case { g, x, weight, dy, expected }
    };
    shapes().iter().map(case).collect()
}

/// What rounding a result to `bf16` may cost, and a sum in `f32`.
const ROUNDED: f64 = 3e-3;
const SUMMED: f64 = 1e-6;

#[test]
fn every_unit_agrees_with_the_definition() {
    for case in cases() {
        let Case { g, x, weight, dy, expected: [y, dx, dw] } = case;
        for unit in Bf16Unit::supported() {
            let poison = |len: usize| vec![bf16::NAN; len];
            let mut found = poison(y.len());
            forward(unit, g, ConvInput::plain(x), weight, Epilogue::default(), &mut found);
            let error = relative_error(&exact(&found), y);
            assert!(error < ROUNDED, "{unit:?}, {g:?}: the output is off by {error:e}");

            let mut found = poison(dx.len());
            input_gradient(unit, g, weight, dy, false, &mut found);
            let error = relative_error(&exact(&found), dx);
            assert!(error < ROUNDED, "{unit:?}, {g:?}: the input gradient is off by {error:e}");

            // All at once, and a few bands at a time, and one.
            for chunk in [CHUNK, 1 << 19, 1] {
                let mut found = vec![f32::NAN; dw.len()];
                weight_gradient::weight_gradient(unit, g, chunk, ConvInput::plain(x), dy, &mut found);
                let error = relative_error(&exact(&found), dw);
                assert!(error < SUMMED, "{unit:?}, {g:?}: the weight gradient is off by {error:e}");
            }
        }
    }
}

#[test]
fn gradients_are_added_to_what_is_there() {
    for Case { g, weight, dy, expected: [_, dx, _], .. } in cases() {
        let before: Vec<bf16> = (0..dx.len()).map(|index| bf16::from_f32((index % 7) as f32)).collect();
        let sum: Vec<f64> = exact(&before).iter().zip(dx).map(|(before, dx)| before + dx).collect();
        for unit in Bf16Unit::supported() {
            let mut found = before.clone();
            input_gradient(unit, g, weight, dy, true, &mut found);
            let error = relative_error(&exact(&found), &sum);
            assert!(error < ROUNDED, "{unit:?}, {g:?}: off by {error:e}");
        }
    }
}

#[test]
fn outputs_are_finished_in_place() {
    for Case { g, x, weight, expected: [y, ..], .. } in cases() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let [scale, shift] = [0, 1].map(|_| random(g.outputs, &mut rng));
        let add = narrow(&random(y.len(), &mut rng));
        let epilogue = Epilogue { affine: Some((&scale, &shift)), add: Some(&add), relu: true };
        let finished: Vec<f64> = (0..y.len())
            .map(|index| {
                let channel = index % g.outputs;
                let affine = y[index] * f64::from(scale[channel]) + f64::from(shift[channel]);
                (affine + f64::from(add[index].to_f32())).max(0.0)
            })
            .collect();
        for unit in Bf16Unit::supported() {
            let mut found = vec![bf16::NAN; y.len()];
            forward(unit, g, ConvInput::plain(x), weight, epilogue, &mut found);
            let error = relative_error(&exact(&found), &finished);
            assert!(error < ROUNDED, "{unit:?}, {g:?}: off by {error:e}");
        }
    }
}

#[test]
fn pixels_are_normalised_on_the_way() {
    for Case { g, x, weight, dy, .. } in cases() {
        if g.rows() < 2 || x.len() / g.inputs < 2 {
            continue;
        }
        let moments = Moments::of(x, g.inputs);
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let [gamma, beta] = [0, 1].map(|_| random(g.inputs, &mut rng));
        let norm = Normalisation::new(&moments, &gamma, &beta, 1e-5);
        let mut normalised = vec![bf16::NAN; x.len()];
        crate::nhwc::normalise(x, &norm, true, &mut normalised);
        for unit in Bf16Unit::supported() {
            let by = |source: ConvInput<'_, bf16>| {
                let mut y = vec![bf16::NAN; g.rows() * g.outputs];
                forward(unit, g, source, weight, Epilogue::default(), &mut y);
                let mut dw = vec![f32::NAN; weight.len()];
                weight_gradient::weight_gradient(unit, g, CHUNK, source, dy, &mut dw);
                (y, dw)
            };
            let found = by(ConvInput::normalised(x, &norm));
            // Not fused on the way in either, whatever the level.
            assert!(found == by(ConvInput::plain(&normalised)), "{unit:?}, {g:?}");
        }
    }
}
