//! The same bits for any number of threads, of layers so large that each way of computing them comes in several pieces:
//! what small layers never come by.

use half::bf16;
use marque_kernels::nhwc::{
    ConvInput, Convolution, Element, Epilogue, Moments, Normalisation, NormalisationGradient, normalise,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Input, weight, stride.
const LAYERS: &[([usize; 4], [usize; 4], usize)] = &[
    // Winograd: the kernel is kept, or is not; its gradient is summed up in parts, of several groups or without some of
    // the points, point by point, or some inputs at a time.
    ([16, 14, 14, 160], [3, 3, 160, 224], 1),
    ([1, 64, 260, 32], [3, 3, 32, 32], 1),
    ([1, 5, 300, 32], [3, 3, 32, 32], 1),
    ([4, 30, 30, 64], [3, 3, 64, 64], 1),
    ([5, 4, 28, 256], [3, 3, 256, 288], 1),
    // In bf16 the factors of the gradient are packed in several chunks.
    ([14, 40, 40, 64], [3, 3, 64, 64], 1),
    // Direct: few images and many, many rows and large weights.
    ([1, 61, 60, 40], [3, 3, 40, 72], 2),
    ([3, 28, 28, 64], [1, 1, 64, 200], 1),
    ([9, 30, 30, 40], [3, 3, 40, 24], 2),
    ([4, 7, 7, 512], [1, 1, 512, 600], 1),
    ([1, 90, 90, 3], [7, 7, 3, 40], 2),
];

fn bits<E: Element>(values: &[E]) -> Vec<u32> {
    values.iter().map(|value| value.widen().to_bits()).collect()
}

/// Output, gradients of input and weight of all layers, and what normalisations make of the outputs.
fn results<E: Element>() -> Vec<Vec<u32>> {
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let mut results = Vec::new();
    for (x, w, stride) in LAYERS {
        let convolution = Convolution::new(x, w, *stride, w[0] / 2).unwrap();
        let mut random = |shape: [usize; 4]| -> Vec<E> {
            (0..shape.iter().product()).map(|_| E::narrow(rng.random_range(-1.0..1.0))).collect()
        };
        let (x, dy) = (random(*x), random(convolution.output_shape()));
        let weight: Vec<f32> = random(*w).iter().map(|w| w.widen()).collect();
        let [mut y, mut dz] = [(); 2].map(|()| vec![E::narrow(f32::NAN); dy.len()]);
        convolution.forward(ConvInput::plain(&x), &weight, Epilogue::default(), &mut y);
        let mut dx = vec![E::narrow(f32::NAN); x.len()];
        convolution.input_gradient(&weight, &dy, false, &mut dx);
        let mut dw = vec![f32::NAN; weight.len()];
        convolution.weight_gradient(ConvInput::plain(&x), &dy, &mut dw);
        results.extend([bits(&y), bits(&dx), bits(&dw)]);

        let channels = w[3];
        let norm =
            Normalisation::new(&Moments::of(&y, channels), &vec![1.5; channels], &vec![0.25; channels], 1e-5);
        normalise(&y, &norm, true, &mut dz);
        results.push(bits(&dz));
        NormalisationGradient::new(&y, &norm, true, &dy).input(&dy, &mut dz);
        results.push(bits(&dz));
    }
    results
}

fn compare<E: Element>() {
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(results::<E>)
    };
    let one = with(1);
    assert!(one.iter().flatten().all(|&bits| f32::from_bits(bits).is_finite()), "not all was written");
    for threads in [2, 3] {
        for (index, (one, several)) in one.iter().zip(with(threads)).enumerate() {
            assert!(
                *one == several,
                "{threads} threads differ from 1: result {} of layer {}",
                index % 5,
                index / 5
            );
        }
    }
}

#[test]
fn the_number_of_threads_changes_no_bit_of_large_layers() {
    compare::<f32>();
}

#[test]
fn the_number_of_threads_changes_no_bit_of_large_layers_in_bf16() {
    compare::<bf16>();
}
