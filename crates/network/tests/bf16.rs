//! The passes in bf16 beside those in f32.

mod formula;

use candle_core::Tensor;
use formula::{config, images, network};
use marque_network::{Backbone, BottleneckStride, Frozen, Gradients, Network, Precision};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// A number of bf16 has eight binary digits; through a network as deep as this, about five are left. (PyTorch's
/// autocast is off by 3 to 6 in a hundred on a ResNet18 with drawn weights.)
const TOLERANCE: f64 = 5e-2;
/// Gradients pass the network twice, and each ReLU that flips costs one. (PyTorch's are off by half.)
const GRADIENT_TOLERANCE: f64 = 0.4;

fn relative_error(found: &[f32], expected: &[f32]) -> f64 {
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|value| value * value).sum::<f64>().sqrt();
    let difference = norm(&mut found.iter().zip(expected).map(|(a, b)| f64::from(a - b)));
    difference / norm(&mut expected.iter().map(|value| f64::from(*value))).max(1e-12)
}

fn numbers(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// Logits in training, logits in evaluation, and the gradients by parameter.
struct Passes {
    training: Vec<Vec<f32>>,
    evaluation: Vec<Vec<f32>>,
    gradients: Vec<(String, Vec<f32>)>,
}

fn passes(network: &Network, images: &Tensor, frozen: Frozen) -> Passes {
    let input = network.prefix_eval(images, frozen.parts).unwrap();
    let pass = network.forward_train(&input, frozen, &mut ChaCha8Rng::seed_from_u64(0)).unwrap();
    assert_eq!(pass.first_not_finite().unwrap(), None);
    let training = pass.logits().iter().map(numbers).collect();
    let loss = pass.logits().iter().map(|logits| logits.sqr().unwrap().sum_all().unwrap());
    let loss = loss.reduce(|a, b| (a + b).unwrap()).unwrap();
    let mut gradients = Gradients::new();
    pass.backward(&loss, &mut gradients).unwrap();
    let of = |parameter: &marque_network::Parameter| {
        Some((parameter.name.clone(), gradients.get(&parameter.var)?.to_vec()))
    };
    Passes {
        training,
        evaluation: network.forward_eval(images).unwrap().iter().map(numbers).collect(),
        gradients: network.parameters().iter().filter_map(of).collect(),
    }
}

fn check(backbone: Backbone, place: BottleneckStride, size: usize, frozen: Frozen) {
    let images = images(size, 4);
    let single = passes(&network(&config(backbone, place)), &images, frozen);
    let half = network(&config(backbone, place)).with_precision(Precision::Bf16);
    let half = passes(&half, &images, frozen);
    for (what, found, expected) in
        [("training", &half.training, &single.training), ("evaluation", &half.evaluation, &single.evaluation)]
    {
        for (found, expected) in found.iter().zip(expected) {
            let error = relative_error(found, expected);
            assert!(error < TOLERANCE, "{backbone:?}, {frozen:?}: logits in {what} are off by {error:e}");
            assert!(error > 0.0, "{backbone:?}: {what} took no notice of the precision");
        }
    }
    assert_eq!(half.gradients.len(), single.gradients.len());
    for ((name, found), (_, expected)) in half.gradients.iter().zip(&single.gradients) {
        let error = relative_error(found, expected);
        assert!(
            error < GRADIENT_TOLERANCE,
            "{backbone:?}, {frozen:?}: gradient of {name} is off by {error:e}"
        );
    }
}

#[test]
fn bf16_stays_near_f32() {
    check(Backbone::ResNet18, BottleneckStride::Middle3x3, 64, Frozen::default());
    // A batch's statistics through fifty layers of drawn weights make chaos of any rounding.
    let constant = Frozen { norm_statistics: true, ..Frozen::default() };
    check(Backbone::ResNet50, BottleneckStride::First1x1, 64, constant);
}

#[test]
fn parts_may_be_frozen_in_bf16_too() {
    let frozen = Frozen { parts: 2, norm_statistics: true };
    check(Backbone::ResNet18, BottleneckStride::Middle3x3, 64, frozen);
}

#[test]
fn the_number_of_threads_changes_no_bit_of_bf16() {
    let images = images(64, 3);
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let network = network(&config(Backbone::ResNet50, BottleneckStride::Middle3x3));
            passes(&network.with_precision(Precision::Bf16), &images, Frozen::default())
        })
    };
    let (one, three) = (with(1), with(3));
    assert!(one.training == three.training && one.evaluation == three.evaluation);
    assert!(one.gradients == three.gradients);
}
