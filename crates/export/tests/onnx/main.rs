//! ONNX files, read back and computed by a small runtime of the tests' own.

mod photo;
mod runtime;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use candle_core::{Device, Tensor};
use marque_export::{Error, Model, OnnxInput, write_onnx};
use marque_network::{Backbone, BottleneckStride, HeadConfig, LabelHierarchy, Network, NetworkConfig};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use runtime::Graph;

const SIZE: usize = 32;

fn config(backbone: Backbone, bottleneck_stride: BottleneckStride) -> NetworkConfig {
    let heads =
        vec![HeadConfig::new("brand", ["BMW", "Ford", "Škoda"]), HeadConfig::new("era", ["old", "new"])];
    NetworkConfig {
        bottleneck_stride,
        norm_eps: 1.001e-5,
        dropout: 0.2,
        mean: [0.485, 0.456, 0.406],
        std: [0.229, 0.224, 0.225],
        ..NetworkConfig::new(backbone, SIZE, heads)
    }
}

/// A network whose normalisations have statistics and weights of their own, saved in a folder.
fn saved(config: &NetworkConfig, folder: &Path) -> Network {
    let network = Network::new(config, 5).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let norms = network.parameters().iter().filter(|parameter| parameter.var.rank() == 1);
    let statistics = network.buffers().iter().map(|buffer| (&buffer.name, &buffer.var));
    for (name, var) in norms.map(|parameter| (&parameter.name, &parameter.var)).chain(statistics) {
        let centre = if name.ends_with("bias") || name.ends_with("mean") { 0.0 } else { 0.8 };
        let values: Vec<f32> = (0..var.elem_count()).map(|_| centre + rng.random_range(-0.3..0.3)).collect();
        var.set(&Tensor::from_vec(values, var.shape(), &Device::Cpu).unwrap()).unwrap();
    }
    network.save(&folder.join("model.safetensors")).unwrap();
    std::fs::write(folder.join("config.json"), serde_json::to_string(config).unwrap()).unwrap();
    network
}

fn images(count: usize) -> (Tensor, runtime::Tensor) {
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let values: Vec<f32> = (0..count * SIZE * SIZE * 3).map(|_| rng.random_range(-2.0..2.0)).collect();
    let images = Tensor::from_vec(values, (count, SIZE, SIZE, 3), &Device::Cpu).unwrap();
    let planes = images.permute((0, 3, 1, 2)).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let values = planes.into_iter().map(f64::from).collect();
    (images, runtime::Tensor { shape: vec![count, 3, SIZE, SIZE], values })
}

#[test]
fn the_graph_computes_what_the_network_does() {
    use {Backbone::*, BottleneckStride::*};
    for (backbone, stride) in [(ResNet18, Middle3x3), (ResNet50, Middle3x3), (ResNet50, First1x1)] {
        let folder = tempfile::tempdir().unwrap();
        let network = saved(&config(backbone, stride), folder.path());
        let graph =
            Graph::read(&write_onnx(&Model::open(folder.path()).unwrap(), OnnxInput::Prepared).unwrap())
                .unwrap();
        println!("{backbone:?} {stride:?}");
        assert_same_logits(&network, &graph);
    }
}

#[test]
fn joint_decoding_is_in_the_graph() {
    let plain = config(Backbone::ResNet18, BottleneckStride::default());
    let fine = HeadConfig::new("exact", ["M3 2008", "M3 2012", "Fusion", "Enyaq", "Focus 2012"]);
    // Škoda's era is not known.
    let implies = [
        ("brand", vec![Some(0), Some(0), Some(1), Some(2), Some(1)]),
        ("era", vec![Some(0), Some(1), Some(0), None, Some(1)]),
    ];
    let implies: BTreeMap<_, _> = implies.map(|(name, classes)| (name.to_owned(), classes)).into();
    let hierarchy = Some(LabelHierarchy { head: fine.clone(), implies });
    let answering = [plain.heads.clone(), vec![fine]].concat();
    for heads in [plain.heads.clone(), answering] {
        let folder = tempfile::tempdir().unwrap();
        let config = NetworkConfig { hierarchy: hierarchy.clone(), heads, ..plain.clone() };
        let network = saved(&config, folder.path());
        let graph =
            Graph::read(&write_onnx(&Model::open(folder.path()).unwrap(), OnnxInput::Prepared).unwrap())
                .unwrap();
        let names: Vec<_> = graph.outputs.iter().map(|(name, _)| name).collect();
        assert!(names.into_iter().eq(config.heads.iter().map(|head| &head.name)));
        assert_same_logits(&network, &graph);
    }
}

fn assert_same_logits(network: &Network, graph: &Graph) {
    let (images, planes) = images(2);
    let logits = network.forward_eval(&images).unwrap();
    let outputs = graph.run(planes);
    for (HeadConfig { name, .. }, logits) in network.config().heads.iter().zip(logits) {
        let logits = logits.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let largest = logits.iter().fold(0f32, |largest, logit| largest.max(logit.abs()));
        let pairs = outputs[name].values.iter().zip(&logits);
        let difference = pairs.map(|(a, b)| (a - f64::from(*b)).abs()).fold(0.0, f64::max);
        println!("{name}: logits to {largest:.2}, difference {difference:.1e}");
        assert!(largest > 0.05, "logits of nothing prove nothing");
        assert!(difference <= 1e-4 * f64::from(largest.max(1.0)), "{name}: {difference}");
    }
}

#[test]
fn the_file_says_what_goes_in_and_out() {
    let folder = tempfile::tempdir().unwrap();
    saved(&config(Backbone::ResNet18, BottleneckStride::default()), folder.path());
    let model = Model::open(folder.path()).unwrap();
    let file = write_onnx(&model, OnnxInput::Prepared).unwrap();
    assert_eq!(file, write_onnx(&model, OnnxInput::Prepared).unwrap(), "the same bytes for the same model");
    let graph = Graph::read(&file).unwrap();
    assert_eq!((graph.ir_version, graph.opset), (8, 17));
    let named = |name: &str, shape: &[&str]| {
        vec![(name.to_owned(), shape.iter().map(|side| (*side).to_owned()).collect::<Vec<_>>())]
    };
    assert_eq!(graph.inputs, named("pixel_values", &["batch", "3", "32", "32"]));
    assert_eq!(graph.outputs[..1], named("brand", &["batch", "3"]));
    assert_eq!(graph.outputs[1..], named("era", &["batch", "2"]));
    let count = |operator: &str| graph.nodes.iter().filter(|node| node.operator == operator).count();
    assert_eq!(["Conv", "Add", "Relu", "MaxPool", "Gemm"].map(count), [20, 8, 17, 1, 2]);
    let heads: serde_json::Value = serde_json::from_str(&graph.properties["heads"]).unwrap();
    assert_eq!(heads["brand"]["labels"], serde_json::json!(["BMW", "Ford", "Škoda"]));
    assert_eq!(heads["era"]["problem_type"], "single_label_classification");
    assert_eq!(graph.properties["image_mean"], "[0.485, 0.456, 0.406]");
    assert_eq!(graph.properties["image_size"], "32");
    assert_in_order(&graph);
    assert!(!graph.properties.contains_key("photo_preparation"), "nothing says how photos are prepared");
}

/// Every value is made before it is used, and every constant is used.
fn assert_in_order(graph: &Graph) {
    let mut known: BTreeSet<&String> = graph.inputs.iter().map(|(name, _)| name).collect();
    known.extend(graph.constants.keys());
    for node in &graph.nodes {
        assert!(node.inputs.iter().all(|input| known.contains(&input)), "{node:?}");
        assert!(node.outputs.iter().all(|output| known.insert(output)), "{node:?}");
    }
    let used = |name: &String| graph.nodes.iter().any(|node| node.inputs.contains(name));
    assert!(graph.constants.keys().all(used));
    assert!(graph.outputs.iter().all(|(name, _)| known.contains(name)));
}

#[test]
fn models_that_do_not_fit_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(Model::open(folder.path()), Err(Error::Io(_))));
    let small = config(Backbone::ResNet18, BottleneckStride::default());
    saved(&small, folder.path());
    let write = |config: &NetworkConfig| {
        std::fs::write(folder.path().join("config.json"), serde_json::to_string(config).unwrap()).unwrap();
        Model::open(folder.path())
            .and_then(|model| write_onnx(&model, OnnxInput::Prepared))
            .unwrap_err()
            .to_string()
    };
    let error = write(&NetworkConfig { backbone: Backbone::ResNet34, ..small.clone() });
    assert!(error.contains("there is no `layer1.2.conv1.weight`"), "{error}");
    let heads = vec![HeadConfig::new("brand", ["BMW", "Ford"])];
    let error = write(&NetworkConfig { heads, ..small.clone() });
    assert!(error.contains("`heads.brand.weight` is F32 of shape [3, 512]"), "{error}");
    let heads = vec![HeadConfig::new("pixel_values", ["BMW", "Ford"])];
    let error = write(&NetworkConfig { heads, ..small.clone() });
    assert!(error.contains("the head `pixel_values` cannot be exported"), "{error}");
    std::fs::write(folder.path().join("model.safetensors"), b"nothing").unwrap();
    let error = write(&small);
    assert!(error.contains("does not fit its config.json"), "{error}");
}
