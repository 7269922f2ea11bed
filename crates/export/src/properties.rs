//! What an exported graph says of itself: its metadata.

use marque_contracts::schema::Preparation;
use marque_network::{HeadConfig, NetworkConfig};
use serde_json::{Map, Value, json};

use crate::input::OnnxInput;
use crate::model::Model;

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
        ("calibration", model.calibration().map(|calibration| calibration.to_json().to_string())),
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
            "rounding": "whole levels, 0 to 255, halves upwards, down and across each",
            "padding": background,
        },
        "normalize": { "scale": 1.0 / 255.0, "mean": config.mean, "std": config.std, "layout": "NCHW" },
        "inside": match input {
            OnnxInput::Prepared => json!([]),
            OnnxInput::Photo => json!(["cut", "resize", "normalize"]),
        },
    })
}
