//! Pretrained weights by name, weights of one's own, and the defaults that follow from having some.

use marque_fetch::Checksum;
use marque_fixtures::server::{Reply, Server};
use serde_json::Value;

use crate::labelling::{COLOUR, own};
use crate::project::{PIPELINE, Project};

const SHA256: &str = "f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec";

fn config(project: &Project, set: &[&str]) -> Value {
    let set: Vec<_> = set.iter().flat_map(|pair| ["--set", *pair]).collect();
    let called = project.call(&[&["config", "--json"], &set[..]].concat()).succeeded();
    serde_json::from_str(&called.stdout).unwrap()
}

/// Names a server of the test's own for the published weights of ResNet18, which are these.
pub(crate) fn mirrored(project: &Project, weights: &[u8], server: &Server) {
    let file = project.path("fixture");
    std::fs::write(&file, weights).unwrap();
    let wrong = Checksum::parse("sha256", &"0".repeat(64)).unwrap();
    let sha256 = Checksum::check(&[wrong], &file, &|_| {}).unwrap().unwrap_err().found;
    let entry = format!(
        "\n[fetch]\nbackoff_seconds = 0.01\n[[fetch.files]]\npath = \"downloads/resnet18-f37072fd.pth\"\nsha256 = {sha256:?}\nurls = [{:?}]\n",
        server.url("weights")
    );
    let path = project.path("pipeline.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text + &entry).unwrap();
}

/// The weights of a trained ResNet18.
fn weights() -> Vec<u8> {
    std::fs::read(Project::finished().path("data/train/current/model/model.safetensors")).unwrap()
}

#[test]
fn a_name_fills_in_what_belongs_to_the_weights() {
    let project = Project::new(PIPELINE);
    let named = config(&project, &["train.weights=resnet50"]);
    for (key, value) in [
        ("backbone", serde_json::json!("resnet50")),
        ("bottleneck_stride", serde_json::json!("3x3")),
        ("norm_eps", serde_json::json!(1e-5)),
        ("mean", serde_json::json!([0.485, 0.456, 0.406])),
        ("std", serde_json::json!([0.229, 0.224, 0.225])),
    ] {
        let entry = &named[format!("train.{key}")];
        assert_eq!((&entry["value"], &entry["from"]), (&value, &"from weights `resnet50`".into()), "{key}");
    }
    // What is written down counts.
    let own = config(&project, &["train.weights=resnet50", "train.mean=[0.5, 0.5, 0.5]"]);
    assert_eq!(
        (&own["train.mean"]["from"], &own["train.std"]["from"]),
        (&"--set".into(), &"from weights `resnet50`".into())
    );
    // As TOML it reads back to the same.
    let toml = project.call(&["config", "--set", "train.weights=resnet34"]).succeeded().stdout;
    assert!(toml.contains("# from weights `resnet34`"), "{toml}");
    std::fs::write(project.path("again.toml"), &toml).unwrap();
    let again = project.call(&["config", "--json", "--config", "again.toml"]).succeeded().stdout;
    let again: Value = serde_json::from_str(&again).unwrap();
    assert_eq!(again["train.mean"]["value"], named["train.mean"]["value"]);
}

#[test]
fn what_does_not_fit_the_name_is_refused_before_anything_runs() {
    let project = Project::new(PIPELINE);
    let other = ["status", "--set", "train.weights=resnet50", "--set", "train.backbone=resnet18"];
    project.call(&other).failed(3, "train.backbone: is resnet18, which the weights of resnet50 do not fit");
    project
        .call(&["status", "--set", "train.weights=resnet101"])
        .failed(3, "weights that are known by name are \"resnet18\", \"resnet34\", \"resnet50\"");
    // A file of other weights too, whatever its name.
    std::fs::write(project.path("w.safetensors"), weights()).unwrap();
    let called =
        project.call(&["run", "--set", "train.weights=w.safetensors", "--set", "train.backbone=resnet34"]);
    let called = called.failed(4, "w.safetensors does not fit the backbone resnet34");
    assert!(called.ran().is_empty(), "{}", called.stdout);
}

#[test]
fn offline_the_place_size_and_checksum_of_named_weights_are_told() {
    let project = Project::new(PIPELINE);
    for command in ["run", "fetch"] {
        let called = project.call(&[command, "--offline", "--set", "train.weights=resnet18"]);
        let called = called.failed(4, "1 file is missing, and nothing is downloaded offline");
        for part in [
            "downloads/resnet18-f37072fd.pth  46,830,571 bytes",
            SHA256,
            "https://download.pytorch.org/models/resnet18-f37072fd.pth",
        ] {
            assert!(called.stderr.contains(part), "{part} is not in\n{}", called.stderr);
        }
        assert!(called.ran().is_empty(), "{}", called.stdout);
    }
    let elsewhere = ["fetch", "--offline", "--set", "train.weights=resnet18", "--set", "fetch.folder=models"];
    project.call(&elsewhere).failed(4, "models/resnet18-f37072fd.pth");
    // Stages that need no weights run.
    project.call(&["run", "labels", "--offline", "--set", "train.weights=resnet18"]).succeeded();
}

#[test]
fn named_weights_come_from_another_mirror_and_are_verified() {
    let project = Project::new(PIPELINE);
    project.edit("[train]", "[train]\nweights = \"resnet18\"");
    let bytes = weights();
    let content = bytes.clone();
    let server = Server::start(move |request, _| Reply::file(&content, "\"v1\"", request));
    mirrored(&project, &bytes, &server);
    let fetched = project.call(&["fetch"]).succeeded();
    assert!(fetched.stdout.contains("1 downloaded"), "{}", fetched.stdout);
    project.call(&["run", "train", "--offline"]).succeeded();
    assert!(project.call(&["run", "train", "--offline"]).succeeded().ran().is_empty());
    // Another file in their place is not learnt from, and the right one comes again.
    let place = project.path("downloads/resnet18-f37072fd.pth");
    std::fs::write(&place, b"other").unwrap();
    let called = project.call(&["run", "train"]).succeeded();
    assert!(called.stdout.contains("set aside with the ending .rejected"), "{}", called.stdout);
    assert_eq!(std::fs::read(&place).unwrap(), bytes);
}

#[test]
fn a_file_of_ones_own_says_its_normalisation_once() {
    let project = Project::new(PIPELINE);
    let file = "train.weights=w.safetensors";
    let mean = "train.mean=[0.485, 0.456, 0.406]";
    let std = "train.std=[0.229, 0.224, 0.225]";
    let warned = |set: &[&str]| {
        let set: Vec<_> = set.iter().flat_map(|pair| ["--set", *pair]).collect();
        project.call(&[&["status"], &set[..]].concat()).succeeded().stderr
    };
    let both = warned(&[file]);
    assert!(both.contains("train.mean: is not given, nor is std: mean = [0.5, 0.5, 0.5] and std"), "{both}");
    assert!(
        both.contains("that want mean = [0.485, 0.456, 0.406] and std = [0.229, 0.224, 0.225]"),
        "{both}"
    );
    assert!(warned(&[file, mean]).contains("train.std: is not given: std = [0.5, 0.5, 0.5] is taken"));
    assert_eq!(warned(&[file, mean, std]), "");
    assert_eq!(warned(&["train.weights=resnet18"]), "");
}

/// The pipeline with weights, and without what follows from their being there.
fn fine_tuning() -> Project {
    let project = Project::finished();
    project.edit(
        "epochs = 2\nbatch_size = 14\n",
        "weights = \"w.safetensors\"\nmean = [0.5, 0.5, 0.5]\nstd = [0.5, 0.5, 0.5]\n",
    );
    std::fs::write(project.path("w.safetensors"), weights()).unwrap();
    project
}

#[test]
fn what_is_left_open_follows_from_the_number_of_training_photos() {
    let project = fine_tuning();
    let chosen = marque_train::FineTuning::of(45);
    let shown = config(&project, &[]);
    let epochs = &shown["train.epochs"];
    assert_eq!(
        (&epochs["value"], &epochs["from"]),
        (&chosen.epochs.into(), &"for fine-tuning on 45 photos".into())
    );
    assert_eq!(shown["train.learning_rate"]["value"], chosen.learning_rate);
    let toml = project.call(&["config"]).succeeded().stdout;
    assert!(toml.lines().all(|line| line.chars().count() <= 80), "{toml}");

    let quick = ["--set", "train.epochs=2"];
    let called = project.call(&[&["run", "train"], &quick[..]].concat()).succeeded();
    let said = format!("for fine-tuning on 45 photos: batch_size = {}, learning_rate", chosen.batch_size);
    assert!(called.stdout.contains(&said), "{said:?} is not in\n{}", called.stdout);
    let explained = project.call(&[&["explain", "train"], &quick[..]].concat()).succeeded().stdout;
    assert!(explained.contains(&format!("train.batch_size = {}", chosen.batch_size)), "{explained}");
    let manifest = std::fs::read_to_string(project.path("data/train/current/manifest.json")).unwrap();
    let manifest: Value = serde_json::from_str(&manifest).unwrap();
    assert_eq!(manifest["notes"]["chosen_for_training_photos"]["layer_decay"], chosen.layer_decay);
    // Writing down what is chosen changes nothing.
    let written: Vec<_> = [
        format!("train.batch_size={}", chosen.batch_size),
        format!("train.learning_rate={}", chosen.learning_rate),
        format!("train.head_learning_rate={}", chosen.head_learning_rate),
        format!("train.layer_decay={}", chosen.layer_decay),
        format!("train.freeze_norm_statistics={}", chosen.freeze_norm_statistics),
        format!("train.ema_decay={}", chosen.ema_decay),
        format!("train.select_by={}", chosen.select_by),
        format!("train.random_resized_crop={:?}", chosen.random_resized_crop),
    ]
    .into_iter()
    .flat_map(|pair| ["--set".to_owned(), pair])
    .collect();
    let written: Vec<_> =
        ["run", "train"].into_iter().chain(quick).chain(written.iter().map(String::as_str)).collect();
    assert!(project.call(&written).succeeded().ran().is_empty());
    // With a rate of one's own the others depend on it, as without weights.
    let own = config(&project, &["train.learning_rate=1e-4"]);
    assert_eq!(own["train.layer_decay"]["value"], 1.0);
    assert_eq!(own["train.head_learning_rate"]["value"], Value::Null);
    // What tries the training knows them too.
    let tried = project.call(&["run", "train", "--dry-run"]).succeeded().stdout;
    assert!(tried.contains(&format!("for {} epochs", chosen.epochs)), "{tried}");
    project.call(&["lr-find", "--steps", "20"]).succeeded();
    project.call(&["preview", "--photos", "1", "--draws", "1"]).succeeded();
}

#[test]
fn damaged_labels_are_made_again_though_settings_follow_from_them() {
    let project = fine_tuning();
    let quick = ["run", "train", "--set", "train.epochs=1"];
    project.call(&quick).succeeded();
    let path = project.path("data/labels/current/labels.parquet");
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[..middle].fill(0);
    std::fs::write(&path, bytes).unwrap();
    let called = project.call(&quick).succeeded();
    assert_eq!(called.ran(), ["labels"], "{}", called.stdout);
    assert!(project.call(&quick).succeeded().ran().is_empty());
}

#[test]
fn what_is_left_open_is_not_known_before_the_photos_are_labelled() {
    let project = Project::new(PIPELINE);
    project.edit("epochs = 2", "weights = \"resnet18\"");
    let toml = project.call(&["config"]).succeeded().stdout;
    assert!(toml.contains("# epochs: chosen by the number of training photos"), "{toml}");
    assert_eq!(config(&project, &[])["train.epochs"]["value"], Value::Null);
}

#[test]
fn training_from_scratch_on_few_photos_is_warned_of() {
    let project = own(&format!("{COLOUR}[preprocess]\nsize = 32\n[train]\nepochs = 1\n"));
    let called = project.call(&["run", "train"]).succeeded();
    let said =
        "training from scratch on 18 photos, which are few to learn from: train.weights = \"resnet18\"";
    assert!(called.stderr.contains(said), "{}", called.stderr);
    // The program's own drawings are learnt from few.
    let drawn = Project::finished().call(&["run", "train", "--force"]).succeeded();
    assert!(!drawn.stderr.contains("from scratch"), "{}", drawn.stderr);
}
