//! Frozen parts and frozen statistics, and where a pass says that it broke.

mod formula;

use candle_core::{Tensor, Var};
use formula::{config, images, network};
use marque_network::{Backbone, BottleneckStride, Error, Frozen, Gradients, Group, Network};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// A flip of one ReLU near zero changes a gradient by as much.
const TOLERANCE: f64 = 2e-3;

fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(0)
}

fn loss(logits: &[Tensor]) -> Tensor {
    let squares = |logits: &Tensor| logits.sqr().unwrap().sum_all().unwrap();
    logits.iter().map(squares).reduce(|a, b| (a + b).unwrap()).unwrap()
}

fn numbers(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

fn norm(values: impl IntoIterator<Item = f64>) -> f64 {
    values.into_iter().map(|value| value * value).sum::<f64>().sqrt()
}

fn statistics(network: &Network) -> Vec<Vec<f32>> {
    network.buffers().iter().map(|buffer| numbers(&buffer.var)).collect()
}

fn check(network: &Network, size: usize) {
    let images = images(size, 3);
    // Normalised by running statistics, with candle's graph through everything: what frozen statistics amount to.
    let theirs = loss(&marque_reference::forward_eval(network, &images).unwrap()).backward().unwrap();
    let before = statistics(network);
    for parts in 0..=5 {
        let frozen = Frozen { parts, norm_statistics: true };
        let input = network.prefix_eval(&images, parts).unwrap();
        let pass = network.forward_train(&input, frozen, &mut rng()).unwrap();
        assert_eq!(pass.first_not_finite().unwrap(), None);
        let expected = network.forward_eval(&images).unwrap();
        let from_here = network.forward_eval_from(&input, parts).unwrap();
        for ((ours, expected), from_here) in pass.logits().iter().zip(&expected).zip(&from_here) {
            let difference = (ours - expected).unwrap().abs().unwrap().max_all().unwrap();
            assert!(difference.to_scalar::<f32>().unwrap() < 1e-4, "{parts} parts");
            assert_eq!(numbers(from_here), numbers(expected), "{parts} parts");
        }
        let mut gradients = Gradients::new();
        let ours = loss(pass.logits());
        pass.backward(&ours, &mut gradients).unwrap();
        let is_frozen = |group: Group| Group::BACKBONE[..parts].contains(&group);
        for parameter in network.parameters() {
            let found = gradients.get(&parameter.var);
            assert_eq!(found.is_none(), is_frozen(parameter.group), "{}, {parts} parts", parameter.name);
            let Some(found) = found else { continue };
            let expected = numbers(theirs.get(&parameter.var).unwrap());
            let pairs = found.iter().zip(&expected);
            let difference = norm(pairs.map(|(a, b)| f64::from(a - b)));
            let length = norm(expected.iter().map(|value| f64::from(*value)));
            assert!(
                difference <= TOLERANCE * length,
                "{}, {parts} parts: off by {difference} of {length}",
                parameter.name
            );
        }
    }
    assert_eq!(statistics(network), before, "running statistics must not move");
}

#[test]
fn what_learns_gets_the_gradients_that_candle_computes_and_the_rest_none() {
    check(&network(&config(Backbone::ResNet18, BottleneckStride::Middle3x3)), 48);
}

#[test]
fn the_same_holds_for_bottlenecks() {
    check(&network(&config(Backbone::ResNet50, BottleneckStride::First1x1)), 32);
}

#[test]
fn frozen_parts_keep_their_statistics_and_the_others_learn_theirs() {
    let network = network(&config(Backbone::ResNet18, BottleneckStride::Middle3x3));
    let before = statistics(&network);
    let images = images(64, 3);
    let input = network.prefix_eval(&images, 3).unwrap();
    network.forward_train(&input, Frozen { parts: 3, norm_statistics: false }, &mut rng()).unwrap();
    for ((buffer, before), after) in network.buffers().iter().zip(before).zip(statistics(&network)) {
        let learns = buffer.name.starts_with("layer3") || buffer.name.starts_with("layer4");
        assert_eq!(before != after, learns, "{}", buffer.name);
    }
}

#[test]
fn activations_of_another_part_are_refused() {
    let network = network(&config(Backbone::ResNet18, BottleneckStride::Middle3x3));
    let images = images(32, 2);
    for (input, parts) in [
        (images.clone(), 1),
        (network.prefix_eval(&images, 2).unwrap(), 3),
        (network.prefix_eval(&images, 4).unwrap(), 5),
        (network.prefix_eval(&images, 5).unwrap(), 4),
    ] {
        let frozen = Frozen { parts, norm_statistics: false };
        let error = network.forward_train(&input, frozen, &mut rng()).unwrap_err();
        assert!(matches!(error, Error::Activations { .. }), "{parts}: {error}");
        assert!(network.forward_eval_from(&input, parts).is_err());
    }
}

#[test]
fn the_first_layer_that_broke_is_named() {
    let broken = |name: &str| {
        let network = network(&config(Backbone::ResNet18, BottleneckStride::Middle3x3));
        let var: &Var = &network.parameters().iter().find(|p| p.name == name).unwrap().var;
        var.set(&(var.as_tensor() * f64::NAN).unwrap()).unwrap();
        let pass = network.forward_train(&images(48, 2), Frozen::default(), &mut rng()).unwrap();
        pass.first_not_finite().unwrap().unwrap()
    };
    assert_eq!(broken("conv1.weight"), "conv1");
    assert_eq!(broken("layer2.0.downsample.0.weight"), "layer2.0.downsample.0");
    assert_eq!(broken("layer3.1.conv2.weight"), "layer3.1.conv2");
    assert_eq!(broken("layer4.1.bn2.bias"), "layer4.1");
    assert_eq!(broken("heads.era.bias"), "heads.era");
    let network = network(&config(Backbone::ResNet18, BottleneckStride::Middle3x3));
    let images = (images(48, 2) * f64::INFINITY).unwrap();
    let pass = network.forward_train(&images, Frozen::default(), &mut rng()).unwrap();
    assert_eq!(pass.first_not_finite().unwrap().unwrap(), "the input");
}
