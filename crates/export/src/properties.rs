//! What an exported graph says of itself: its metadata.

use marque_contracts::schema::{Filter, Preparation};
use marque_metrics::OperatingPoints;
use marque_network::{HeadConfig, NetworkConfig};
use marque_predict::HeadCalibration;
use serde_json::{Map, Value, json};

use crate::input::OnnxInput;
use crate::model::Model;

/// How often answers are to be right that operating points are told for.
const TARGET_PRECISIONS: [f64; 3] = [0.9, 0.95, 0.99];

/// By name, sorted.
pub(crate) fn properties(model: &Model, input: OnnxInput) -> Vec<(&'static str, String)> {
    let config = model.config();
    let head = |head: &HeadConfig| {
        let labels: Vec<_> = head.labels().collect();
        (head.name.clone(), json!({ "labels": labels, "problem_type": head.problem_type() }))
    };
    let heads: Map<String, Value> = config.heads.iter().map(head).collect();
    let preprocessing = match input {
        OnnxInput::Prepared => "NCHW, per colour (byte / 255 - image_mean) / image_std",
        OnnxInput::Photo => "inside: HWC, bytes of the upright RGB photo",
    };
    let all = [
        ("backbone", Some(config.backbone.name().to_owned())),
        ("calibration", calibration(model).map(|calibration| calibration.to_string())),
        ("color_space", Some("RGB".to_owned())),
        ("heads", Some(Value::from(heads).to_string())),
        ("image_mean", Some(format!("{:?}", config.mean))),
        ("image_size", Some(config.input_size.to_string())),
        ("image_std", Some(format!("{:?}", config.std))),
        ("photo_preparation", model.preparation().map(|it| preparation(it, config, input).to_string())),
        ("preprocessing", Some(preprocessing.to_owned())),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// In the words of `calibration.json`, with an operating point for each of some target precisions, whose `threshold` is null where no
/// probability is enough. `None` of a model that is not calibrated.
fn calibration(model: &Model) -> Option<Value> {
    let point = |points: &OperatingPoints, target: f64| match points.at(target) {
        Some(point) => {
            json!({ "target_precision": target, "threshold": point.threshold, "coverage": point.coverage })
        }
        None => json!({ "target_precision": target, "threshold": null, "coverage": 0.0 }),
    };
    let head = |(head, calibration): (&HeadConfig, &HeadCalibration)| {
        let points = &calibration.operating_points;
        let told = TARGET_PRECISIONS.iter().filter(|_| !points.is_empty());
        let points: Vec<_> = told.map(|target| point(points, *target)).collect();
        (head.name.clone(), json!({ "temperatures": calibration.temperatures, "operating_points": points }))
    };
    let calibration = model.calibration();
    let heads = model.config().heads.iter().zip(calibration.heads(false)).map(head);
    (calibration.photos() > 0)
        .then(|| json!({ "photos": calibration.photos(), "heads": Value::Object(heads.collect()) }))
}

/// How a photo becomes what the network sees, in the order of the steps.
fn preparation(preparation: &Preparation, config: &NetworkConfig, input: OnnxInput) -> Value {
    let &Preparation { margin, fit, resize, background, .. } = preparation;
    let cut = margin.map_or(json!("not cut"), |margin| json!({ "to": "box", "margin": margin }));
    json!({
        "decode": { "color_space": "RGB", "orientation": "upright, by EXIF", "background": background },
        "cut": cut,
        "resize": {
            "fit": fit,
            "size": config.input_size,
            "filter": resize,
            "antialias": true,
            "implementation": "Pillow",
            "order": if resize == Filter::Bilinear { ["down", "across"] } else { ["across", "down"] },
            "rounding": "whole levels, 0 to 255, halves upwards, after each of both",
            "padding": background,
        },
        "normalize": { "scale": 1.0 / 255.0, "mean": config.mean, "std": config.std, "layout": "NCHW" },
        "inside": match input {
            OnnxInput::Prepared => json!([]),
            OnnxInput::Photo => json!(["cut", "resize", "normalize"]),
        },
    })
}
