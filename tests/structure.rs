//! The rules of the architecture that a compiler does not keep.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const STAGES: [&str; 5] = ["ingest", "labels", "preprocess", "train", "evaluate"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Names of the crates that `crates/<name>` depends on, tests and build scripts included.
fn dependencies(name: &str) -> BTreeSet<String> {
    let text = std::fs::read_to_string(root().join("crates").join(name).join("Cargo.toml")).unwrap();
    let manifest: toml::Table = toml::from_str(&text).unwrap();
    ["dependencies", "dev-dependencies", "build-dependencies"]
        .iter()
        .filter_map(|section| manifest.get(*section)?.as_table())
        .flat_map(|table| table.keys().cloned())
        .collect()
}

fn crates() -> Vec<String> {
    let entries = std::fs::read_dir(root().join("crates")).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn stages_do_not_depend_on_one_another() {
    for stage in STAGES {
        for other in STAGES.iter().filter(|other| **other != stage) {
            assert!(!dependencies(stage).contains(&format!("marque-{other}")), "{stage} depends on {other}");
        }
        assert!(!dependencies(stage).contains("marque-pipeline"), "{stage} knows the runner");
    }
}

#[test]
fn only_the_program_knows_stages() {
    for name in crates().iter().filter(|name| *name != "cli") {
        for stage in STAGES.iter().filter(|stage| *stage != name) {
            assert!(!dependencies(name).contains(&format!("marque-{stage}")), "{name} depends on {stage}");
        }
    }
}

#[test]
fn heavy_libraries_stay_where_they_belong() {
    let users = |library: &str| -> Vec<String> {
        crates().into_iter().filter(|name| dependencies(name).contains(library)).collect()
    };
    assert_eq!(users("polars"), ["inspect"]);
    assert_eq!(users("parquet"), ["formats"]);
    // `cli` times steps with it (`marque bench`), `export` has it in its tests alone, `reference` is for tests.
    let candle = ["cli", "evaluate", "export", "kernels", "network", "reference", "train"];
    assert!(
        users("candle-core").iter().all(|name| candle.contains(&name.as_str())),
        "{:?}",
        users("candle-core")
    );
}

#[test]
fn every_crate_opens_with_what_it_is() {
    for name in crates() {
        let source = root().join("crates").join(&name).join("src");
        let main =
            [source.join("lib.rs"), source.join("main.rs")].into_iter().find(|path| path.exists()).unwrap();
        let text = std::fs::read_to_string(&main).unwrap();
        assert!(text.starts_with("//! "), "{name} does not");
    }
}
