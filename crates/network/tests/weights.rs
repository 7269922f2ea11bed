//! Saving, loading, initial values, configurations.

mod formula;

use candle_core::{DType, Device, Tensor};
use formula::{config, images, network};
use marque_contracts::schema::HeadKind;
use marque_network::{
    Backbone, BottleneckStride, Error, Frozen, HeadConfig, MisShaped, Network, NetworkConfig, PARTS,
};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");

fn small() -> NetworkConfig {
    config(Backbone::ResNet18, BottleneckStride::Middle3x3)
}

fn variables(network: &Network) -> Vec<(String, Vec<f32>)> {
    let parameters = network.parameters().iter().map(|parameter| (&parameter.name, &parameter.var));
    let buffers = network.buffers().iter().map(|buffer| (&buffer.name, &buffer.var));
    parameters
        .chain(buffers)
        .map(|(name, var)| (name.clone(), var.flatten_all().unwrap().to_vec1::<f32>().unwrap()))
        .collect()
}

fn parameter(network: &Network, name: &str) -> Vec<f32> {
    variables(network).into_iter().find(|(found, _)| found == name).unwrap().1
}

#[test]
fn a_checkpoint_comes_back_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("first.safetensors"), folder.path().join("second.safetensors"));
    let saved = network(&small());
    saved.save(&first).unwrap();
    let loaded = Network::new(&small(), 7).unwrap();
    assert_ne!(variables(&saved), variables(&loaded));
    loaded.load(&first).unwrap();
    assert_eq!(variables(&saved), variables(&loaded));
    loaded.save(&second).unwrap();
    assert!(std::fs::read(&first).unwrap() == std::fs::read(&second).unwrap(), "the bytes differ");

    let file = candle_core::safetensors::load(&first, &Device::Cpu).unwrap();
    assert_eq!(file["layer2.0.conv1.weight"].dims(), [128, 64, 3, 3]);
    assert!(file.values().all(|tensor| tensor.dtype() == DType::F32));
    let bytes = std::fs::read(&first).unwrap();
    let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    assert_eq!(header.metadata().as_ref().map(HashMap::len), Some(1));
    assert!(header.offset_keys().is_sorted());
}

#[test]
fn strict_loading_changes_nothing_unless_all_fits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.safetensors");
    let mut other = small();
    other.heads[1] = HeadConfig::new("era", ["old", "new", "future"]);
    other.heads[0].name = "maker".to_owned();
    network(&other).save(&path).unwrap();
    let target = Network::new(&small(), 7).unwrap();
    let before = variables(&target);
    let error = target.load(&path).unwrap_err();
    assert!(error.to_string().contains("other.safetensors"), "{error}");
    let Error::Mismatch { report, .. } = error else { panic!("{error}") };
    assert_eq!(report.missing, ["heads.brand.bias", "heads.brand.weight"]);
    assert_eq!(report.unexpected, ["heads.maker.bias", "heads.maker.weight"]);
    let shapes = |name: &str, expected: &[usize], found: &[usize]| MisShaped {
        name: name.to_owned(),
        expected: expected.to_vec(),
        found: found.to_vec(),
    };
    assert_eq!(
        report.mis_shaped,
        [shapes("heads.era.bias", &[2], &[3]), shapes("heads.era.weight", &[2, 512], &[3, 512])]
    );
    assert_eq!(variables(&target), before);

    // As a backbone the same file is just right.
    let report = target.load_backbone(&path, None).unwrap();
    assert!(report.is_complete(), "{report}");
    assert_eq!(
        parameter(&target, "layer4.1.bn2.running_var"),
        parameter(&network(&small()), "layer4.1.bn2.running_var")
    );
    assert_eq!(
        parameter(&target, "heads.brand.weight"),
        before.iter().find(|v| v.0 == "heads.brand.weight").unwrap().1
    );
}

#[test]
fn half_precision_backbones_are_widened() {
    let folder = tempfile::tempdir().unwrap();
    for dtype in [DType::F16, DType::BF16, DType::F64] {
        let path = folder.path().join(format!("{dtype:?}.safetensors"));
        let values: Vec<f32> = (0..64 * 3 * 7 * 7).map(|i| (i % 128) as f32 - 64.0).collect();
        let conv = Tensor::from_vec(values, (64, 3, 7, 7), &Device::Cpu).unwrap();
        let half = HashMap::from([("conv1.weight", conv.to_dtype(dtype).unwrap())]);
        candle_core::safetensors::save(&half, &path).unwrap();
        let network = Network::new(&small(), 7).unwrap();
        assert_eq!(network.load_backbone(&path, None).unwrap().loaded, ["conv1.weight"]);
        let expected = conv.permute((2, 3, 1, 0)).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(parameter(&network, "conv1.weight"), expected);
    }
}

#[test]
fn names_may_have_a_prefix() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("parallel.safetensors");
    let whole = Network::new(&small(), 3).unwrap();
    whole.save(&path).unwrap();
    let tensors = candle_core::safetensors::load(&path, &Device::Cpu).unwrap();
    for prefix in ["module.", "model.backbone."] {
        let renamed: HashMap<_, _> =
            tensors.iter().map(|(name, tensor)| (format!("{prefix}{name}"), tensor.clone())).collect();
        candle_core::safetensors::save(&renamed, &path).unwrap();
        let network = Network::new(&small(), 4).unwrap();
        let report = network.load_backbone(&path, None).unwrap();
        assert!(report.is_complete(), "{report}");
        assert_eq!(parameter(&network, "layer3.1.conv2.weight"), parameter(&whole, "layer3.1.conv2.weight"));
    }
}

#[test]
fn pytorch_archives_are_read() {
    let network = Network::new(&small(), 7).unwrap();
    let report = network.load_backbone(Path::new(&format!("{FIXTURES}/partial.pth")), None).unwrap();
    assert_eq!(
        report.loaded,
        ["bn1.bias", "bn1.running_mean", "bn1.running_var", "bn1.weight", "conv1.weight"]
    );
    assert_eq!(report.unexpected, ["extra.weight"]);
    let wrong = MisShaped { name: "layer1.0.bn1.weight".to_owned(), expected: vec![64], found: vec![63] };
    assert_eq!(report.mis_shaped, [wrong]);
    assert_eq!(report.missing.len(), network.parameters().len() + network.buffers().len() - 4 - 5 - 1);
    let expected: Vec<f32> = (0..64u8).map(f32::from).collect();
    assert_eq!(parameter(&network, "bn1.running_mean"), expected);
    let text = report.to_string();
    assert!(text.contains("5 tensors fit") && text.contains("[63] instead of [64]"), "{text}");

    let network = Network::new(&small(), 7).unwrap();
    let report = network.load_backbone(Path::new(&format!("{FIXTURES}/nested.pth")), None).unwrap();
    assert_eq!(report.loaded, ["bn1.bias", "bn1.running_mean", "bn1.running_var", "bn1.weight"]);
    assert_eq!(parameter(&network, "bn1.running_mean"), expected);
}

#[test]
fn files_that_hold_no_weights_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let network = Network::new(&small(), 7).unwrap();
    let refused = |path: PathBuf| {
        let message = network.load_backbone(&path, None).unwrap_err().to_string();
        assert!(message.contains(&path.display().to_string()), "{message}");
        message
    };
    let with = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    assert!(refused(folder.path().join("absent")).contains("failed to open file"));
    assert!(refused(with("empty", b"")).contains("neither a PyTorch archive nor safetensors"));
    assert!(refused(with("text", b"<html>404 Not Found</html>")).contains("neither"));
    assert!(refused(with("cut", b"PK\x03\x04 and no more")).contains("PyTorch archive"));
    assert!(refused(Path::new(FIXTURES).join("legacy.pth")).contains("before 1.6"));
    let other = folder.path().join("other.safetensors");
    candle_core::safetensors::save(
        &HashMap::from([("encoder.weight", Tensor::zeros(3, DType::F32, &Device::Cpu).unwrap())]),
        &other,
    )
    .unwrap();
    assert!(refused(other).contains("encoder.weight"));
    let broken = folder.path().join("broken.safetensors");
    let values = Tensor::full(f32::NAN, 64, &Device::Cpu).unwrap();
    candle_core::safetensors::save(&HashMap::from([("bn1.weight", values)]), &broken).unwrap();
    assert!(refused(broken).contains("bn1.weight has values that are not finite"));
    let integers = folder.path().join("integers.safetensors");
    let counts = Tensor::zeros(64, DType::I64, &Device::Cpu).unwrap();
    candle_core::safetensors::save(&HashMap::from([("bn1.weight", counts)]), &integers).unwrap();
    assert!(refused(integers).contains("bn1.weight is I64"));
    let error = network.save(&folder.path().join("no/such/folder")).unwrap_err().to_string();
    assert!(error.contains("failed to create file") && error.contains("no/such/folder"), "{error}");
}

#[test]
#[ignore = "reads published weights: make test-all"]
fn real_pretrained_weights_load() {
    let path = marque_fixtures::published("weights/resnet50_v1-imagenet-f16.safetensors");
    let network = Network::new(&config(Backbone::ResNet50, BottleneckStride::First1x1), 7).unwrap();
    let report = network.load_backbone(&path, None).unwrap();
    assert!(report.is_complete(), "{report}");
    let features =
        network.prefix_eval(&images(64, 1), PARTS).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
    assert!(features.iter().all(|value| value.is_finite() && *value >= 0.0));
    assert!(features.iter().any(|value| *value > 0.1));
}

#[test]
fn initial_values_depend_on_the_seed_and_the_name_alone() {
    let plain = variables(&Network::new(&small(), 7).unwrap());
    assert_eq!(plain, variables(&Network::new(&small(), 7).unwrap()));
    let mut more = small();
    more.heads.insert(0, HeadConfig::new("type", ["SUV", "Van"]));
    let more = variables(&Network::new(&more, 7).unwrap());
    let without: Vec<_> = more.into_iter().filter(|(name, _)| !name.starts_with("heads.type.")).collect();
    assert_eq!(plain, without);
    let other = Network::new(&small(), 8).unwrap();
    assert_ne!(parameter(&other, "conv1.weight"), plain.iter().find(|v| v.0 == "conv1.weight").unwrap().1);
}

#[test]
fn initial_values_are_distributed_as_documented() {
    let network = Network::new(&small(), 7).unwrap();
    let moments = |values: &[f32]| {
        let count = values.len() as f64;
        let mean = values.iter().map(|&value| f64::from(value)).sum::<f64>() / count;
        let variance = values.iter().map(|&value| (f64::from(value) - mean).powi(2)).sum::<f64>() / count;
        (mean, variance.sqrt())
    };
    let (mean, deviation) = moments(&parameter(&network, "layer3.1.conv2.weight"));
    let expected = (2.0f64 / (3.0 * 3.0 * 256.0)).sqrt();
    assert!(mean.abs() < 0.01 * expected && (deviation / expected - 1.0).abs() < 0.01, "{mean} {deviation}");
    let weights = parameter(&network, "heads.brand.weight");
    let bound = 1.0 / 512f32.sqrt();
    assert!(weights.iter().all(|weight| weight.abs() <= bound));
    assert!((moments(&weights).1 / (f64::from(bound) / 3f64.sqrt()) - 1.0).abs() < 0.05);
    assert!(parameter(&network, "layer1.0.bn2.weight").iter().all(|&gamma| gamma == 1.0));
    assert!(parameter(&network, "layer1.0.bn2.bias").iter().all(|&beta| beta == 0.0));

    let from_zero = Network::new(&NetworkConfig { zero_init_residual: true, ..small() }, 7).unwrap();
    assert!(parameter(&from_zero, "layer1.0.bn2.weight").iter().all(|&gamma| gamma == 0.0));
    assert!(parameter(&from_zero, "layer1.0.bn1.weight").iter().all(|&gamma| gamma == 1.0));
    assert!(parameter(&from_zero, "layer2.0.downsample.1.weight").iter().all(|&gamma| gamma == 1.0));
}

#[test]
fn dropout_follows_the_generator() {
    let config = NetworkConfig { dropout: 0.5, ..small() };
    let logits = |seed| {
        let network = network(&config);
        let pass = network
            .forward_train(&images(64, 2), Frozen::default(), &mut ChaCha8Rng::seed_from_u64(seed))
            .unwrap();
        let logits = pass.logits();
        logits.iter().flat_map(|t| t.flatten_all().unwrap().to_vec1::<f32>().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(logits(1), logits(1));
    assert_ne!(logits(1), logits(2));
}

#[test]
fn evaluation_keeps_no_graph_and_changes_nothing() {
    let network = network(&small());
    let before = variables(&network);
    let logits = network.forward_eval(&images(32, 1)).unwrap();
    assert!(logits.iter().all(|logits| !logits.track_op()));
    assert_eq!(variables(&network), before);
}

#[test]
fn images_of_another_shape_are_refused() {
    let network = Network::new(&small(), 0).unwrap();
    for shape in [vec![2, 3, 32, 32], vec![32, 32, 3], vec![0, 32, 32, 3]] {
        let images = Tensor::zeros(shape.as_slice(), DType::F32, &Device::Cpu).unwrap();
        let message = network.forward_eval(&images).unwrap_err().to_string();
        assert!(message.contains(&format!("{shape:?}")), "{message}");
    }
    // One image that shrinks to one pixel leaves nothing to normalise by.
    let error = network
        .forward_train(&images(32, 1), Frozen::default(), &mut ChaCha8Rng::seed_from_u64(0))
        .unwrap_err();
    assert!(error.to_string().contains("more than one value per channel"), "{error}");
}

#[test]
fn configurations_survive_json_and_are_checked() {
    let json = serde_json::to_string_pretty(&small()).unwrap();
    assert!(
        json.contains("\"backbone\": \"resnet18\"") && json.contains("\"bottleneck_stride\": \"3x3\""),
        "{json}"
    );
    assert!(json.contains("\"0\": \"Audi\"") && json.contains("\"Audi\": 0"), "{json}");
    assert_eq!(serde_json::from_str::<NetworkConfig>(&json).unwrap(), small());
    assert!(serde_json::from_str::<NetworkConfig>(&json.replacen("backbone", "trunk", 1)).is_err());
    let (single, several) = ("single_label_classification", "multi_label_classification");
    assert_eq!(json.matches(single).count(), 2, "{json}");
    let tags: NetworkConfig = serde_json::from_str(&json.replacen(single, several, 1)).unwrap();
    assert_eq!(tags.heads[0], small().heads[0].clone().with_kind(HeadKind::Tags));
    let refused = serde_json::from_str::<NetworkConfig>(&json.replacen(single, "regression", 1)).unwrap_err();
    assert!(refused.to_string().contains(several), "{refused}");
    let labels: Vec<String> = small().heads[1].labels().map(str::to_owned).collect();
    assert_eq!(labels, ["2009 and earlier", "2010 and later"]);

    let refused = |change: fn(&mut NetworkConfig), expected: &str| {
        let mut config = small();
        change(&mut config);
        let message = Network::new(&config, 0).unwrap_err().to_string();
        assert!(message.contains(expected), "expected {expected:?} in {message:?}");
    };
    refused(|c| c.heads.clear(), "at least one head");
    refused(|c| c.heads[1].name = "brand".to_owned(), "two heads named `brand`");
    refused(|c| c.heads[0].name = "a.b".to_owned(), "heads[0]");
    refused(|c| c.heads[0].classes = 7, "the classes 0 to 6");
    refused(|c| c.heads[1] = HeadConfig::new("era", ["same", "same"]), "inverse of id2label");
    refused(|c| c.heads[1] = HeadConfig::new("era", Vec::<String>::new()), "at least one class");
    refused(|c| c.dropout = 1.0, "dropout");
    refused(|c| c.norm_eps = 0.0, "norm_eps");
    refused(|c| c.norm_momentum = f64::NAN, "norm_momentum");
    refused(|c| c.std[1] = 0.0, "std");
    refused(|c| c.mean[1] = f32::INFINITY, "mean");
    refused(|c| c.input_size = 0, "input_size");
}

#[test]
fn files_are_compared_by_shapes_alone_as_loading_compares_them() {
    let folder = tempfile::tempdir().unwrap();
    for backbone in Backbone::ALL {
        let path = folder.path().join("backbone.safetensors");
        let config = config(backbone, BottleneckStride::Middle3x3);
        network(&config).save(&path).unwrap();
        for other in Backbone::ALL {
            let other = NetworkConfig { backbone: other, ..small() };
            let loaded = Network::new(&other, 1).unwrap().load_backbone(&path, None).unwrap();
            assert_eq!(other.compare_backbone(&path, None).unwrap(), loaded);
            assert_eq!(loaded.is_complete(), other.backbone == backbone);
        }
    }
}
