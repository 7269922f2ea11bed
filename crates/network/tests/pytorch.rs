//! Whole networks against constants computed by PyTorch (`pytorch_constants.py`), and against `marque-reference`.

mod formula;

use candle_core::{Device, Tensor};
use formula::{config, formula, images, network, pytorch_shape};
use marque_kernels::{LossOptions, cross_entropy};
use marque_network::{Backbone, BottleneckStride, Frozen, Gradients, Group, Network, PARTS};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::collections::{BTreeMap, HashMap};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");

const CASES: [(&str, Backbone, BottleneckStride); 4] = [
    ("resnet18", Backbone::ResNet18, BottleneckStride::Middle3x3),
    ("resnet34", Backbone::ResNet34, BottleneckStride::Middle3x3),
    ("resnet50", Backbone::ResNet50, BottleneckStride::Middle3x3),
    ("resnet50_v1", Backbone::ResNet50, BottleneckStride::First1x1),
];

/// How far a gradient may be off, relative to its norm. Among the millions of activations, rounding lifts
/// some above zero that are below in exact arithmetic, and each of them changes gradients noticeably:
/// PyTorch's own f32 gradients of these networks differ from its f64 ones by up to 2.6e-2. The tests of the
/// operations are a thousand times stricter.
const FLIPS: f64 = 4e-2;

fn norm_of(values: impl IntoIterator<Item = f64>) -> f64 {
    values.into_iter().map(|value| value * value).sum::<f64>().sqrt()
}

fn numbers(t: &Tensor) -> Vec<f64> {
    t.flatten_all().unwrap().to_vec1::<f32>().unwrap().into_iter().map(f64::from).collect()
}

/// Every number within `tolerance` of the largest one.
fn assert_close(name: &str, found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{name}");
    let scale = expected.iter().fold(0f64, |max, value| max.max(value.abs()));
    assert!(scale > 0.0, "{name}: the constants are all zero");
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        let error = (found - expected).abs() / scale;
        assert!(error <= tolerance, "{name}[{index}]: {found}, expected {expected}, off by {error:e}");
    }
}

/// `sum(t * formula("probe"))`, in PyTorch's order of elements.
fn probe(t: &Tensor) -> f64 {
    let t = if t.rank() == 4 { t.permute((3, 2, 0, 1)).unwrap() } else { t.clone() };
    let values = numbers(&t);
    values.iter().zip(formula("probe", values.len())).map(|(value, weight)| value * weight).sum()
}

struct Constants(HashMap<String, Tensor>);

impl Constants {
    fn read() -> Self {
        Self(
            candle_core::safetensors::load(format!("{FIXTURES}/networks.safetensors"), &Device::Cpu).unwrap(),
        )
    }

    fn get(&self, name: &str) -> Vec<f64> {
        numbers(self.0.get(name).unwrap_or_else(|| panic!("no constant {name}")))
    }
}

/// The summed cross-entropy of both heads for three images.
fn loss(logits: &[Tensor]) -> Tensor {
    let targets = [[1i64, 5, 0], [0, 1, 1]].map(|targets| Tensor::new(&targets, &Device::Cpu).unwrap());
    let options = LossOptions::default();
    let losses: Vec<Tensor> = logits
        .iter()
        .zip(&targets)
        .map(|(logits, targets)| cross_entropy(logits, targets, &options).unwrap())
        .collect();
    (&losses[0] + &losses[1]).unwrap()
}

#[test]
fn names_and_shapes_are_torchvisions() {
    let json = std::fs::read_to_string(format!("{FIXTURES}/torchvision_shapes.json")).unwrap();
    let mut expected: BTreeMap<String, BTreeMap<String, Vec<usize>>> = serde_json::from_str(&json).unwrap();
    for (case, backbone, stride) in &CASES[..3] {
        let network = Network::new(&config(*backbone, *stride), 0).unwrap();
        let parameters = network.parameters().iter().map(|p| (p.name.clone(), pytorch_shape(p.var.dims())));
        let buffers = network.buffers().iter().map(|b| (b.name.clone(), pytorch_shape(b.var.dims())));
        let mut found: BTreeMap<_, _> = parameters.chain(buffers).collect();
        let features = backbone.features();
        for (head, classes) in [("brand", 6), ("era", 2)] {
            assert_eq!(found.remove(&format!("heads.{head}.weight")), Some(vec![classes, features]));
            assert_eq!(found.remove(&format!("heads.{head}.bias")), Some(vec![classes]));
        }
        assert_eq!(found, expected.remove(*case).unwrap(), "{case}");
    }
}

#[test]
fn parameters_know_their_group_and_whether_they_decay() {
    let network = Network::new(&config(Backbone::ResNet18, BottleneckStride::Middle3x3), 0).unwrap();
    let names: Vec<&str> = network.parameters().iter().map(|parameter| parameter.name.as_str()).collect();
    assert!(names.is_sorted());
    for parameter in network.parameters() {
        let group = match parameter.name.split('.').next().unwrap() {
            "conv1" | "bn1" => Group::Stem,
            "heads" => Group::Head,
            layer => Group::Layer(layer.strip_prefix("layer").unwrap().parse().unwrap()),
        };
        assert_eq!(parameter.group, group, "{}", parameter.name);
        // Matrices decay; vectors are normalisations and biases.
        assert_eq!(parameter.decay, parameter.var.rank() > 1, "{}", parameter.name);
    }
    assert!(network.buffers().iter().map(|buffer| &buffer.name).is_sorted());
}

#[test]
fn evaluation_agrees_with_pytorch() {
    let constants = Constants::read();
    for (case, backbone, stride) in CASES {
        let network = network(&config(backbone, stride));
        for (size, batch) in [(32, 2), (64, 3)] {
            let images = images(size, batch);
            let name = format!("{case}.{size}.eval");
            let features = numbers(&network.prefix_eval(&images, PARTS).unwrap());
            assert_close(&name, &features, &constants.get(&format!("{name}.features")), 1e-5);
            let logits = network.forward_eval(&images).unwrap();
            for (head, logits) in ["brand", "era"].into_iter().zip(&logits) {
                let name = format!("{name}.{head}");
                assert_close(&name, &numbers(logits), &constants.get(&name), 1e-5);
            }
        }
    }
}

#[test]
fn a_training_step_agrees_with_pytorch() {
    let constants = Constants::read();
    for (case, backbone, stride) in CASES {
        let network = network(&config(backbone, stride));
        let pass = network
            .forward_train(&images(64, 3), Frozen::default(), &mut ChaCha8Rng::seed_from_u64(0))
            .unwrap();
        for (head, logits) in ["brand", "era"].into_iter().zip(pass.logits()) {
            let name = format!("{case}.train.{head}");
            assert_close(&name, &numbers(logits), &constants.get(&name), 1e-4);
        }
        let loss = loss(pass.logits());
        let name = format!("{case}.train.loss");
        assert_close(&name, &[f64::from(loss.to_scalar::<f32>().unwrap())], &constants.get(&name), 1e-4);

        for kind in ["running_mean", "running_var"] {
            let of_kind = network.buffers().iter().filter(|buffer| buffer.name.ends_with(kind));
            let probes: Vec<f64> = of_kind.map(|buffer| probe(&buffer.var)).collect();
            let name = format!("{case}.train.{kind}");
            assert_close(&name, &probes, &constants.get(&name), 1e-5);
        }

        let mut gradients = Gradients::new();
        pass.backward(&loss, &mut gradients).unwrap();
        let norms = constants.get(&format!("{case}.train.gradient_norms"));
        let probes = constants.get(&format!("{case}.train.gradient_probes"));
        assert_eq!(norms.len(), network.parameters().len());
        for ((parameter, norm), expected) in network.parameters().iter().zip(norms).zip(probes) {
            let name = format!("{case}, {}", parameter.name);
            let gradient = gradients.get(&parameter.var).unwrap();
            let gradient = Tensor::from_slice(gradient, parameter.var.shape(), &Device::Cpu).unwrap();
            let found = norm_of(numbers(&gradient));
            assert!((found - norm).abs() <= FLIPS * norm, "{name}: norm {found}, PyTorch {norm}");
            let found = probe(&gradient);
            assert!(
                (found - expected).abs() <= FLIPS * norm,
                "{name}: {found}, PyTorch {expected}, norm {norm}"
            );
        }
    }
}

#[test]
fn the_reference_agrees() {
    let network = network(&config(Backbone::ResNet18, BottleneckStride::Middle3x3));
    let images = images(32, 3);
    let theirs = marque_reference::forward_eval(&network, &images).unwrap();
    agree(&network.forward_eval(&images).unwrap(), &theirs);

    let pass = network.forward_train(&images, Frozen::default(), &mut ChaCha8Rng::seed_from_u64(0)).unwrap();
    let theirs = marque_reference::forward_train(&network, &images).unwrap();
    agree(pass.logits(), &theirs);
    let mut gradients = Gradients::new();
    let ours = loss(pass.logits());
    pass.backward(&ours, &mut gradients).unwrap();
    let theirs = loss(&theirs).backward().unwrap();
    for parameter in network.parameters() {
        let found = gradients.get(&parameter.var).unwrap().iter().map(|&value| f64::from(value));
        let expected = numbers(theirs.get(&parameter.var).unwrap());
        let difference = norm_of(found.zip(&expected).map(|(found, expected)| found - expected));
        let norm = norm_of(expected);
        assert!(difference <= FLIPS * norm, "{}: off by {difference}, norm {norm}", parameter.name);
    }
}

fn agree(ours: &[Tensor], theirs: &[Tensor]) {
    for (ours, theirs) in ours.iter().zip(theirs) {
        assert_close("logits", &numbers(ours), &numbers(theirs), 1e-4);
    }
}
