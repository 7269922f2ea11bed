//! Graphs that prepare the photo themselves.

use std::io::Cursor;
use std::path::Path;

use image::{ImageFormat, Rgb, RgbImage};
use marque_contracts::json;
use marque_contracts::schema::{Crop, Filter, Fit, HeadKind, Preparation, Preprocessor};
use marque_export::{Error, Model, OnnxInput, write_onnx};
use marque_network::{Backbone, BottleneckStride, HeadConfig, NetworkConfig};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use crate::runtime::{Graph, Tensor};
use crate::{SIZE, assert_in_order, config, saved};

const SQUASHED: Preparation = Preparation {
    size: SIZE,
    margin: None,
    fit: Fit::Squash,
    resize: Filter::Bilinear,
    background: [255; 3],
};

fn with_preparation(folder: &Path, config: &NetworkConfig, preparation: &Preparation) {
    let preprocessor = Preprocessor::new(preparation, config.mean, config.std);
    json::write(&folder.join("preprocessor_config.json"), &preprocessor).unwrap();
}

fn graph(folder: &Path) -> Graph {
    Graph::read(&write_onnx(&Model::open(folder).unwrap(), OnnxInput::Photo).unwrap()).unwrap()
}

/// A photo of waves and an edge.
fn scene(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let (x, y) = (f64::from(x), f64::from(y));
        let edge = if x + 2.0 * y > f64::from(width) { 60.0 } else { 0.0 };
        Rgb([5.0, 7.0, 9.0]
            .map(|length| (90.0 + 60.0 * (x / length).sin() + 40.0 * (y / 4.0).cos() + edge) as u8))
    })
}

/// A photo with as much in it as can be: every level is drawn.
fn noise(width: u32, height: u32) -> RgbImage {
    let mut rng = ChaCha8Rng::seed_from_u64(u64::from(width * 1000 + height));
    RgbImage::from_fn(width, height, |_, _| Rgb(std::array::from_fn(|_| rng.random())))
}

fn tensor(photo: &RgbImage) -> Tensor {
    let values = photo.as_raw().iter().map(|byte| f64::from(*byte)).collect();
    Tensor { shape: vec![photo.height() as usize, photo.width() as usize, 3], values }
}

fn png(photo: &RgbImage) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    photo.write_to(&mut file, ImageFormat::Png).unwrap();
    file.into_inner()
}

/// The levels that the graph's square has more or less than that of shards and predictions: the most, and how many differ.
fn difference(
    graph: &Graph,
    photo: &RgbImage,
    crop: Option<Crop>,
    preparation: &Preparation,
) -> (f64, usize) {
    let expected = marque_photo::prepare(&png(photo), crop, preparation).unwrap().rgb;
    let mut inputs = vec![tensor(photo)];
    if preparation.margin.is_some() {
        let whole = Crop { x1: 0, y1: 0, x2: photo.width(), y2: photo.height() };
        let Crop { x1, y1, x2, y2 } = crop.unwrap_or(whole);
        inputs.push(Tensor { shape: vec![4], values: [x1, y1, x2, y2].map(f64::from).to_vec() });
    }
    let square = graph.values(inputs, &["prepare/square"]).remove("prepare/square").unwrap();
    assert_eq!(square.shape, [3, SIZE, SIZE]);
    let found = |place: usize| square.values[place % 3 * SIZE * SIZE + place / 3];
    let differences = expected.iter().enumerate().map(|(at, level)| (found(at) - f64::from(*level)).abs());
    let differing = differences.clone().filter(|difference| *difference > 0.0).count();
    (differences.fold(0.0, f64::max), differing)
}

#[test]
fn the_square_is_that_of_shards_and_predictions() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(Backbone::ResNet18, BottleneckStride::default());
    saved(&config, folder.path());
    let boxes = [(3, 2, 17, 29), (5, 0, 19, 16), (18, 6, 1, 40)]
        .map(|(x1, y1, x2, y2)| Some(Crop { x1, y1, x2, y2 }));
    let mut worst = 0;
    for (fit, resize, margin) in [
        (Fit::Squash, Filter::Bilinear, None),
        (Fit::Squash, Filter::Bicubic, Some(0.07)),
        (Fit::Squash, Filter::Lanczos, Some(0.0)),
        (Fit::Crop, Filter::Bilinear, Some(0.25)),
        (Fit::Crop, Filter::Bicubic, None),
        (Fit::Pad, Filter::Bilinear, None),
        (Fit::Pad, Filter::Lanczos, Some(0.07)),
    ] {
        let preparation = Preparation { margin, fit, resize, background: [9, 90, 190], ..SQUASHED };
        with_preparation(folder.path(), &config, &preparation);
        let graph = graph(folder.path());
        let boxes = if margin.is_some() { &boxes[..] } else { &[] };
        for crop in [&[None], boxes].concat() {
            for (width, height) in [(20, 30), (33, 32), (97, 41), (64, 151), (1, 7), (200, 3)] {
                for photo in [scene(width, height), noise(width, height)] {
                    let (most, differing) = difference(&graph, &photo, crop, &preparation);
                    let what = format!("{preparation:?} {crop:?} {width}×{height}: {differing} differ");
                    assert!(most <= 1.0, "{what}, by up to {most}");
                    assert!(differing <= SIZE * SIZE * 3 / 500, "{what}");
                    worst = worst.max(differing);
                }
            }
        }
    }
    println!("at most {worst} of {} levels differ, by one", SIZE * SIZE * 3);
}

#[test]
fn probabilities_are_those_of_the_calibrated_logits() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(Backbone::ResNet18, BottleneckStride::default());
    config.heads.push(HeadConfig::new("extras", ["roof", "hook"]).with_kind(HeadKind::Tags));
    let network = saved(&config, folder.path());
    with_preparation(folder.path(), &config, &SQUASHED);
    let photo = scene(50, 40);
    let plain = graph(folder.path()).run(tensor(&photo));
    let point = json!({ "threshold": 0.625, "precision": 0.96, "coverage": 0.5 });
    let calibration = json!({ "photos": 40, "heads": {
        "brand": { "temperatures": [2.0], "operating_points": [point] },
        "era": { "temperatures": [], "operating_points": [] },
        "extras": { "temperatures": [0.5, 4.0], "operating_points": [] },
    } });
    std::fs::write(folder.path().join("calibration.json"), calibration.to_string()).unwrap();
    let calibrated = graph(folder.path());
    let found = calibrated.run(tensor(&photo));
    for (head, temperatures) in config.heads.iter().zip([[2.0, 2.0, 2.0], [1.0; 3], [0.5, 4.0, 0.0]]) {
        let logits = &found[&head.name].values;
        assert_eq!(logits, &plain[&head.name].values, "logits are as they were");
        let probabilities = |temperatures: &[f64]| {
            let scaled: Vec<f32> =
                logits.iter().zip(temperatures).map(|(logit, by)| (logit / by) as f32).collect();
            marque_metrics::probabilities(head.kind, &scaled)
        };
        let name = format!("{}_probabilities", head.name);
        for (found, expected) in
            [(&found[&name], probabilities(&temperatures)), (&plain[&name], probabilities(&[1.0; 3]))]
        {
            assert_eq!(found.shape, [1, head.classes]);
            let pairs = found.values.iter().zip(expected);
            assert!(
                pairs.clone().all(|(a, b)| (a - b).abs() < 1e-5),
                "{name}: {:?}",
                pairs.collect::<Vec<_>>()
            );
        }
    }
    // And the logits are those of the network for what the graph makes of the photo.
    let pixels = calibrated.values(vec![tensor(&photo)], &["pixel_values"]).remove("pixel_values").unwrap();
    let pixels: Vec<f32> = pixels.values.iter().map(|value| *value as f32).collect();
    let device = candle_core::Device::Cpu;
    let pixels = candle_core::Tensor::from_vec(pixels, (1, 3, SIZE, SIZE), &device).unwrap();
    let pixels = pixels.permute((0, 2, 3, 1)).unwrap().contiguous().unwrap();
    for (head, logits) in config.heads.iter().zip(network.forward_eval(&pixels).unwrap()) {
        let logits = logits.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let mut pairs = found[&head.name].values.iter().zip(logits);
        assert!(pairs.all(|(a, b)| (a - f64::from(b)).abs() < 1e-4), "{}", head.name);
    }
    let told: serde_json::Value = serde_json::from_str(&calibrated.properties["calibration"]).unwrap();
    assert_eq!(told["heads"]["extras"]["temperatures"], json!([0.5, 4.0]));
    let point = |target: f64, threshold: Option<f64>, coverage: f64| json!({ "target_precision": target, "threshold": threshold, "coverage": coverage });
    let points = json!([point(0.9, Some(0.625), 0.5), point(0.95, Some(0.625), 0.5), point(0.99, None, 0.0)]);
    assert_eq!(told["heads"]["brand"]["operating_points"], points);
    assert_eq!(told["heads"]["era"]["operating_points"], json!([]), "nothing was measured");
}

#[test]
fn the_file_says_how_photos_are_prepared() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(Backbone::ResNet18, BottleneckStride::default());
    saved(&config, folder.path());
    with_preparation(folder.path(), &config, &SQUASHED);
    let said = |input: OnnxInput| {
        let file = write_onnx(&Model::open(folder.path()).unwrap(), input).unwrap();
        let graph = Graph::read(&file).unwrap();
        assert_in_order(&graph);
        let said: serde_json::Value = serde_json::from_str(&graph.properties["photo_preparation"]).unwrap();
        (graph, said)
    };
    let (photo, inside) = said(OnnxInput::Photo);
    let shape = |sides: &[&str]| sides.iter().map(|side| (*side).to_owned()).collect::<Vec<_>>();
    assert_eq!(photo.inputs, [("photo".to_owned(), shape(&["height", "width", "3"]))]);
    let outputs: Vec<_> =
        photo.outputs.iter().map(|(name, shape)| (name.as_str(), shape.join(" "))).collect();
    let expected =
        [("brand", "1 3"), ("era", "1 2"), ("brand_probabilities", "1 3"), ("era_probabilities", "1 2")];
    assert_eq!(outputs, expected.map(|(name, sides)| (name, sides.to_owned())));
    assert_eq!(inside["inside"], json!(["cut", "resize", "normalize"]));
    assert_eq!(inside["cut"], "not cut");
    let (prepared, outside) = said(OnnxInput::Prepared);
    assert_eq!(prepared.inputs[0].0, "pixel_values");
    assert_eq!(outside["inside"], json!([]));
    for (step, key, value) in [
        ("decode", "background", json!([255, 255, 255])),
        ("resize", "fit", json!("squash")),
        ("resize", "filter", json!("bilinear")),
        ("resize", "size", json!(SIZE)),
        ("normalize", "layout", json!("NCHW")),
    ] {
        assert_eq!((&outside[step][key], &inside[step][key]), (&value, &value), "{step}.{key}");
    }
    with_preparation(folder.path(), &config, &Preparation { margin: Some(0.125), ..SQUASHED });
    let (photo, inside) = said(OnnxInput::Photo);
    assert_eq!(photo.inputs[1], ("box".to_owned(), shape(&["4"])));
    assert_eq!(inside["cut"], json!({ "to": "box", "margin": 0.125 }));
}

#[test]
fn what_cannot_be_inside_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let plain = config(Backbone::ResNet18, BottleneckStride::default());
    saved(&plain, folder.path());
    let refused = |input| write_onnx(&Model::open(folder.path()).unwrap(), input).unwrap_err();
    let error = refused(OnnxInput::Photo);
    assert!(
        matches!(error, Error::NoPreparation(_)) && error.to_string().contains("preprocessor_config.json")
    );
    for names in [["photo", "era"], ["box", "era"], ["era", "era_probabilities"]] {
        let heads = names.map(|name| HeadConfig::new(name, ["a", "b"])).to_vec();
        let config = NetworkConfig { heads, ..plain.clone() };
        saved(&config, folder.path());
        with_preparation(folder.path(), &config, &SQUASHED);
        assert!(matches!(refused(OnnxInput::Photo), Error::HeadName(name) if names.contains(&name.as_str())));
        write_onnx(&Model::open(folder.path()).unwrap(), OnnxInput::Prepared).unwrap();
    }
    saved(&plain, folder.path());
    std::fs::write(folder.path().join("calibration.json"), r#"{ "photos": 3, "heads": {} }"#).unwrap();
    let error = Model::open(folder.path()).unwrap_err();
    assert!(error.to_string().contains("no head `brand`"), "{error}");
}
