//! Damage of the same size, which only hashing finds: nothing damaged leaves the store.

use std::path::Path;

use crate::project::Project;

/// Changes a bit in the middle of a file.
fn change(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn what_is_read_is_hashed_before_it_leaves_the_store() {
    let exports: [&[&str]; 3] =
        [&["export", "--onnx", "out"], &["export", "--card", "out"], &["export", "--folder", "out"]];
    let photo = "ingest/current/photos/";
    // A damaged file, the commands that read it, and one that does not and works all the same.
    type Command = &'static [&'static str];
    let cases: [(&str, &[Command], Command); 11] = [
        ("train/current/model/model.safetensors", &exports, &["inspect", "labels"]),
        ("train/current/model/config.json", &exports, &["sql", "select * from history"]),
        ("train/current/model/preprocessor_config.json", &exports, &["inspect", "history"]),
        ("evaluate/current/metrics.json", &exports[1..], &["sql", "select * from labels"]),
        (
            "labels/current/heads.json",
            &[exports[1], &["inspect", "labels"], &["preview", "--out", "out.png"]],
            &["sql", "select * from labels"],
        ),
        (
            "labels/current/labels.parquet",
            &[
                &["inspect", "labels"],
                &["sql", "select * from labels"],
                &["preview", "--out", "out.png"],
                &["inspect", "photos", "--out", "out.png"],
            ],
            &["sql", "select * from photos"],
        ),
        (
            "labels/current/classes.parquet",
            &[&["inspect", "classes"], &["sql", "select * from Classes"]],
            exports[0],
        ),
        (
            "evaluate/current/predictions.parquet",
            &[&["inspect", "predictions"]],
            &["sql", "select * from index"],
        ),
        (
            "preprocess/current/shards/00001.safetensors",
            &[&["preview", "--out", "out.png"], &["lr-find", "--out", "out.svg"]],
            exports[0],
        ),
        ("preprocess/current/index.parquet", &[&["inspect", "index"]], exports[2]),
        (photo, &[&["inspect", "photos", "--out", "out.png", "--limit", "72"]], &["inspect", "photos"]),
    ];
    for (file, readers, other) in cases {
        for reader in readers {
            let project = Project::finished();
            let mut path = project.path("data").join(file);
            while path.is_dir() {
                path = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).min().unwrap();
            }
            change(&path);
            let failed = project.call(reader).failed(5, "was changed: blake3");
            let stage = file.split('/').next().unwrap();
            let hint = format!("hint: `marque run {stage} --force` makes it again");
            assert!(failed.stderr.contains(&hint), "{file}, {reader:?}: {}", failed.stderr);
            for out in ["out", "out.png", "out.svg"] {
                assert!(!project.path(out).exists(), "{file}, {reader:?} wrote {out}");
            }
            project.call(other).succeeded();
            project.call(&["run", stage, "--force"]).succeeded();
            project.call(&["run"]).succeeded();
            project.call(reader).succeeded();
        }
    }
}

#[test]
fn a_model_named_by_its_folder_in_the_store_is_hashed_too() {
    let project = Project::finished();
    let arguments = ["run", "--set", "train.keep_checkpoints=1"];
    project.call(&arguments).succeeded();
    let model = "data/train/current/checkpoints/epoch-002";
    let export = ["export", "--onnx", "out.onnx", "--model", model];
    project.call(&export).succeeded();
    std::fs::remove_file(project.path("out.onnx")).unwrap();
    change(&project.path(model).join("model.safetensors"));
    project.call(&export).failed(5, "checkpoints/epoch-002/model.safetensors was changed");
    assert!(!project.path("out.onnx").exists());
    // The same folder elsewhere is nobody's to vouch for.
    project.call(&["export", "--folder", "published"]).succeeded();
    project.call(&["export", "--onnx", "out.onnx", "--model", "published"]).succeeded();
}

#[test]
fn a_card_without_results_says_so() {
    let project = Project::finished();
    let card = ["export", "--card", "card.md"];
    let told = project.call(&card).succeeded();
    assert!(!told.stderr.contains("no results"), "{}", told.stderr);
    project.call(&["run", "train", "--set", "train.epochs=1"]).succeeded();
    let told = project.call(&card).succeeded();
    assert!(told.stderr.contains("the card has no results"), "{}", told.stderr);
    assert!(told.stderr.contains("`marque run evaluate`"), "{}", told.stderr);
    let card = std::fs::read_to_string(project.path("card.md")).unwrap();
    assert!(!card.contains("## Results"));
    let onnx = project.call(&["export", "--onnx", "out.onnx"]).succeeded();
    assert!(!onnx.stderr.contains("no results"), "{}", onnx.stderr);
}
