//! Model cards.

use std::collections::BTreeMap;

use marque_contracts::schema::{ClassWeights, Filter, Fit, Head, HeadKind, Preparation, Preprocessor, Split};
use marque_export::{CardFacts, Model, OnnxInput, model_card, write_folder};
use marque_metrics::{Metrics, OperatingPoints};
use marque_network::{Backbone, BottleneckStride, HeadConfig, LabelHierarchy, Network, NetworkConfig};
use marque_predict::{Calibration, Familiarity, HeadCalibration, PhotoFeatures};
use serde_json::{Value, json};

fn model(folder: &std::path::Path) -> Model {
    let heads = vec![
        HeadConfig::new("brand", ["A|B", "Other"]),
        HeadConfig::new("extras", ["roof"]).with_kind(HeadKind::Tags),
    ];
    let config = NetworkConfig { std: [0.25; 3], ..NetworkConfig::new(Backbone::ResNet18, 64, heads) };
    save(&config, folder)
}

fn save(config: &NetworkConfig, folder: &std::path::Path) -> Model {
    Network::new(config, 1).unwrap().save(&folder.join("model.safetensors")).unwrap();
    std::fs::write(folder.join("config.json"), serde_json::to_string(config).unwrap()).unwrap();
    let size = config.input_size;
    let preparation =
        Preparation { size, margin: None, fit: Fit::Squash, resize: Filter::Bilinear, background: [255; 3] };
    write_preprocessor(config, &preparation, folder);
    Model::open(folder).unwrap()
}

fn write_preprocessor(config: &NetworkConfig, preparation: &Preparation, folder: &std::path::Path) {
    let words = Preprocessor::new(preparation, config.mean, config.std);
    std::fs::write(folder.join("preprocessor_config.json"), json!(words).to_string()).unwrap();
}

fn head(name: &str, kind: HeadKind, classes: &[&str]) -> Head {
    Head {
        name: name.to_owned(),
        kind,
        classes: classes.iter().map(|class| (*class).to_owned()).collect(),
        counts: BTreeMap::from([(Split::Train, vec![31, 17]), (Split::Test, vec![5, 2])]),
        class_weights: ClassWeights::default(),
    }
}

/// A proportion of no photos.
fn nothing() -> Value {
    json!({ "count": 0, "total": 0, "share": null, "interval": null })
}

/// A head of `metrics.json`.
fn head_metrics(name: &str, accuracy: Value, macro_f1: Option<f64>) -> Value {
    json!({
        "name": name, "accuracy": accuracy, "majority": { "class": "Other", "accuracy": nothing() },
        "macro_f1": macro_f1, "log_loss": null, "calibration": { "expected_error": null, "bins": [] },
        "classes": [], "confusion": [],
    })
}

fn facts() -> CardFacts {
    let share = |share: f64, low: f64, high: f64| json!({ "count": 1, "total": 2, "share": share, "interval": [low, high] });
    let metrics = json!({
        "split": "test", "photos": 7, "all_heads_right": share(0.5, 0.2, 0.8), "photos_by_wrong_heads": [1, 1],
        "heads": [head_metrics("brand", share(0.875, 0.7, 0.95), Some(0.75)), head_metrics("era", nothing(), None)],
        "tags": [{
            "name": "extras", "exact": share(0.625, 0.4, 0.8), "always_none": nothing(),
            "mean_average_precision": 0.5, "macro_f1": null, "micro_f1": null, "log_loss": null, "tags": [],
        }],
    });
    let metrics: Metrics = serde_json::from_value(metrics).unwrap();
    CardFacts {
        heads: vec![
            head("brand", HeadKind::Single, &["A|B", "Other"]),
            head("extras", HeadKind::Tags, &["roof"]),
        ],
        metrics: Some(metrics),
        mirrored: false,
        training: Some(json!({ "epochs": 9, "schedule": { "shape": "one-cycle" } })),
        data: vec![("preprocess".to_owned(), json!({ "size": 64 }))],
    }
}

#[test]
fn a_card_says_what_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let card = model_card(&model(folder.path()), &facts());
    let (_, front, body) = {
        let mut parts = card.splitn(3, "---\n");
        (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap())
    };
    for part in [
        "library_name: marque\npipeline_tag: image-classification\n",
        "- resnet18\n",
        "model-index:\n- name: \"resnet18\"\n  results:\n  - task:\n",
        "name: \"brand of the test photos\"",
        "    - type: accuracy\n      name: \"accuracy\"\n      value: 0.875\n",
        "value: 0.75\n",
    ] {
        assert!(front.contains(part), "{part}\n{front}");
    }
    assert!(
        front.contains("    - type: mean_average_precision\n") && front.contains("value: 0.625\n"),
        "{front}"
    );
    assert!(!front.contains("era of"), "nothing was measured of it: {front}");
    for part in [
        "# ResNet18: brand, extras",
        "answers 2 questions about a photo: brand and extras",
        "11.2 million parameters",
        "| brand | one class | A\\|B, Other |",
        "| extras | several classes, or none | roof |",
        "| brand | accuracy | 87.5% | 70.0 to 95.0% |",
        "| extras | exactly the right tags | 62.5% | 40.0 to 80.0% |",
        "| extras | mean average precision | 50.0% |  |",
        "| all | right together | 50.0% | 20.0 to 80.0% |",
        "| brand | A\\|B | 31 | 0 | 5 |",
        "| `schedule.shape` | one-cycle |",
        "### Settings of `preprocess`",
        "logits(\"brand\")",
    ] {
        assert!(body.contains(part), "{part}\n{body}");
    }
}

#[test]
fn a_card_of_a_model_alone_says_less() {
    let folder = tempfile::tempdir().unwrap();
    let card = model_card(&model(folder.path()), &CardFacts::default());
    assert!(card.contains("## Heads") && card.contains("## Use"));
    assert!(["model-index", "## Results", "## Data", "## Training"].iter().all(|part| !card.contains(part)));
}

#[test]
fn a_card_says_how_photos_are_prepared() {
    let folder = tempfile::tempdir().unwrap();
    let config = model(folder.path()).config().clone();
    let squash = Preparation {
        size: 64,
        margin: None,
        fit: Fit::Squash,
        resize: Filter::Bilinear,
        background: [255; 3],
    };
    let says = |preparation: Preparation, expected: &str| {
        write_preprocessor(&config, &preparation, folder.path());
        let card = model_card(&Model::open(folder.path()).unwrap(), &CardFacts::default());
        assert!(card.contains(expected), "{expected}\n{card}");
    };
    says(
        squash.clone(),
        "Photos are RGB, not cut, resized to 64 × 64 pixels, whatever their shape (bilinear, antialiased), and normalised",
    );
    says(
        Preparation { fit: Fit::Crop, resize: Filter::Lanczos, margin: Some(0.0), ..squash.clone() },
        "cut to the box of the car, where there is one, and resized so that the shorter side has 64 pixels, of which \
         the middle 64 × 64 are taken (Lanczos",
    );
    says(
        Preparation {
            fit: Fit::Pad,
            resize: Filter::Bicubic,
            background: [1, 2, 3],
            margin: Some(0.05),
            ..squash
        },
        "with a margin of 5.0% of its sides, where there is one, and resized so that the longer side has 64 pixels, in \
         the middle of a square of the colour [1, 2, 3] (bicubic",
    );
}

#[test]
fn a_damaged_preparation_is_an_error_and_a_missing_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    model(folder.path());
    let path = folder.path().join("preprocessor_config.json");
    std::fs::write(&path, "{\"size\":").unwrap();
    let error = Model::open(folder.path()).unwrap_err().to_string();
    assert!(error.contains("preprocessor_config.json is damaged"), "{error}");
    std::fs::remove_file(&path).unwrap();
    let card = model_card(&Model::open(folder.path()).unwrap(), &CardFacts::default());
    assert!(card.contains("Photos are RGB, resized to 64 × 64 pixels, and normalised"), "{card}");
}

/// Names of classes are anything.
#[test]
fn names_are_text_in_the_card() {
    let folder = tempfile::tempdir().unwrap();
    let names =
        ["<unk>", "a|b", "*", "_x_", "snake_case", "[a](b)", "`c`", "A&B", "\\", "$1$", "gpj.\u{202e}exe"];
    let heads = vec![HeadConfig::new("brand", names)];
    let config = NetworkConfig { std: [0.25; 3], ..NetworkConfig::new(Backbone::ResNet18, 64, heads) };
    let facts = CardFacts { heads: vec![head("brand", HeadKind::Single, &names)], ..CardFacts::default() };
    let card = model_card(&save(&config, folder.path()), &facts);
    for shown in [
        "&lt;unk&gt;",
        "a\\|b",
        "\\*",
        "\\_x\\_",
        "snake_case",
        "\\[a\\](b)",
        "\\`c\\`",
        "A&amp;B",
        "\\\\",
        "\\$1\\$",
        "gpj.\\u202eexe",
    ] {
        assert!(card.contains(&format!("| brand | {shown} |")), "{shown}\n{card}");
    }
    assert!(!card.contains("<unk>") && !card.contains('\u{202e}'), "{card}");
}

/// What was not measured is not counted.
#[test]
fn results_say_what_they_are_of() {
    let folder = tempfile::tempdir().unwrap();
    let model = model(folder.path());
    let card = model_card(&model, &facts());
    assert!(
        card.contains("On 0 to 2 of the 7 photos of the test split, those with a label of the head:"),
        "{card}"
    );
    assert!(card.contains("Right together is of the 2 photos with every label."), "{card}");
    assert!(!card.contains("mirror"), "{card}");
    let mirrored = model_card(&model, &CardFacts { mirrored: true, ..facts() });
    for part in [
        "name: \"brand of the test photos, mean of photo and mirror image\"",
        "the mean of each photo's logits and those of its mirror image",
    ] {
        assert!(mirrored.contains(part), "{part}\n{mirrored}");
    }
    let mut single = facts();
    single.metrics.as_mut().unwrap().heads.pop();
    let card = model_card(&model, &single);
    assert!(card.contains("On 2 of the 7 photos of the test split, those with a label:"), "{card}");
}

#[test]
fn strides_of_bottlenecks_are_moved_to_where_torchvision_has_them() {
    let folder = tempfile::tempdir().unwrap();
    let plain = model(folder.path());
    let moves = "block.conv1.stride, block.conv2.stride = block.conv2.stride, block.conv1.stride";
    assert!(!model_card(&plain, &CardFacts::default()).contains(moves));
    let config = NetworkConfig {
        backbone: Backbone::ResNet50,
        bottleneck_stride: BottleneckStride::First1x1,
        ..plain.config().clone()
    };
    assert!(model_card(&save(&config, folder.path()), &CardFacts::default()).contains(moves));
}

#[test]
fn a_folder_holds_all_that_others_need() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let model = model(from.path());
    let folder = to.path().join("published");
    write_folder(&model, "# Card\n", OnnxInput::Prepared, &folder).unwrap();
    let mut names: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let expected =
        ["README.md", "config.json", "model.onnx", "model.safetensors", "preprocessor_config.json"];
    assert_eq!(names, expected);
    assert_eq!(Model::open(&folder).unwrap().config(), model.config());
    let error = write_folder(&model, "", OnnxInput::Prepared, from.path()).unwrap_err();
    assert!(error.to_string().contains("is the folder of the model itself"), "{error}");
}

#[test]
fn a_card_explains_answers_that_agree() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = model(folder.path()).config().clone();
    let implies = BTreeMap::from([("brand".to_owned(), vec![Some(0), Some(1), Some(1)])]);
    config.hierarchy = Some(LabelHierarchy { head: HeadConfig::new("exact", ["x", "y", "z"]), implies });
    let card = model_card(&save(&config, folder.path()), &CardFacts::default());
    for part in [
        "The head brand answers together with exact, a head of 3 finer classes",
        "import json, torch, torchvision",
        "product = logits(\"exact\").log_softmax(1)[:, known]",
    ] {
        assert!(card.contains(part), "{part}\n{card}");
    }
}

#[test]
fn a_card_says_how_far_to_trust_an_answer() {
    let folder = tempfile::tempdir().unwrap();
    let model = model(folder.path());
    let plain = model_card(&model, &facts());
    assert!(plain.contains("not calibrated") && plain.contains("does not tell which photos"), "{plain}");
    // What the folder tells by itself.
    let points = OperatingPoints::measure((0..40).map(|photo| (0.5 + f64::from(photo) / 100.0, photo > 9)));
    let brand = HeadCalibration { temperatures: vec![1.5], operating_points: points };
    let calibration = vec![brand, HeadCalibration::default()];
    let heads = &model.config().heads;
    Calibration::new(calibration.clone(), calibration, 40).write(folder.path(), heads).unwrap();
    let widths = [512, 256];
    let rows = |width: usize| (0..12 * width).map(|at| (at * at % 97) as f32).collect::<Vec<_>>();
    let [features, early] = widths.map(rows);
    let photos = PhotoFeatures { features: &features, early: &early };
    Familiarity::fit(widths, photos, photos).unwrap().write(folder.path()).unwrap();
    let model = Model::open(folder.path()).unwrap();
    let unmeasured = model_card(&model, &CardFacts::default());
    for said in [
        "fitted on 40 validation photos.\n",
        "| brand | 95.0% | 60.0% | 75.0% |",
        "| brand | 99.0% | none is enough | 0.0% |",
        "where 99.0% of them are more so, a photo is unfamiliar",
    ] {
        assert!(unmeasured.contains(said), "{said} is not in\n{unmeasured}");
    }
    let mut facts = facts();
    let mut metrics = json!(facts.metrics.unwrap());
    let of = |count: u32, total: u32| json!({ "count": count, "total": total, "share": f64::from(count) / f64::from(total), "interval": null });
    metrics["heads"][0]["uncalibrated_error"] = json!(0.07);
    metrics["heads"][0]["calibration"]["expected_error"] = json!(0.018);
    metrics["heads"][0]["selective"] = json!([
        { "target_precision": 0.95, "threshold": 0.71, "answered": of(6, 7), "right": of(6, 6) },
        { "target_precision": 0.99, "threshold": null, "answered": of(0, 7), "right": nothing() },
    ]);
    metrics["without_boxes"] = json!({
        "photos": 7, "finds_cars": true, "overlap": 0.9,
        "heads": [{ "name": "brand", "right": of(5, 7), "right_with_boxes": of(6, 7) }], "all_heads_right": of(5, 7),
    });
    facts.metrics = Some(serde_json::from_value(metrics.clone()).unwrap());
    let card = model_card(&model, &facts);
    for said in [
        "fitted on 40 validation photos. Their expected calibration error is brand 1.8% (without: 7.0%)",
        "| brand | 95.0% | 71.0% | 85.7% | 100% |",
        "| brand | 99.0% | none is enough | 0.0% | – |",
        "intersection over union with the boxes given: 90.0%",
        "brand 71.4% (with the box: 85.7%)",
    ] {
        assert!(card.contains(said), "{said} is not in\n{card}");
    }
    metrics["without_boxes"]["overlap"] = json!(null);
    facts.metrics = Some(serde_json::from_value(metrics).unwrap());
    assert!(
        model_card(&model, &facts).contains("sees photos without a box whole, for which it was not made")
    );
}
