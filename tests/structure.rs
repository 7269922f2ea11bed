//! The rules of the architecture that a compiler does not keep.

mod imports;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The crates that are stages.
const STAGES: [&str; 5] = ["ingest", "labels", "preprocess", "train", "evaluate"];

/// The most lines of a file.
const LONGEST: usize = 400;

/// Files that are longer, to be split.
const NOT_YET_SPLIT: [&str; 2] = ["crates/mat5/src/read.rs", "crates/settings/src/section.rs"];

/// Circles of files that are not broken yet, each with its crate.
const NOT_YET_BROKEN: [(&str, &[&str]); 14] = [
    ("fetch", &["fetcher.rs", "transfer.rs"]),
    ("ingest", &["archive.rs", "edition.rs", "error.rs", "settings.rs", "source.rs"]),
    ("inspect", &["rows.rs", "sql.rs"]),
    (
        "kernels",
        &[
            "microkernel.rs",
            "nhwc/bf16/mod.rs",
            "nhwc/convolution.rs",
            "nhwc/direct.rs",
            "nhwc/element.rs",
            "nhwc/normalise.rs",
            "nhwc/packed.rs",
            "nhwc/single.rs",
            "nhwc/winograd/formulas.rs",
            "nhwc/winograd/points.rs",
            "nhwc/winograd/tiling.rs",
            "nhwc/winograd/transform.rs",
            "simd.rs",
        ],
    ),
    ("kernels", &["nhwc/bf16/amx.rs", "nhwc/bf16/block.rs", "nhwc/bf16/dot.rs"]),
    ("labels", &["column.rs", "heads.rs", "settings.rs"]),
    ("labels", &["keyword.rs", "rules.rs"]),
    (
        "network",
        &[
            "agreement.rs",
            "build.rs",
            "config.rs",
            "error.rs",
            "gradients.rs",
            "load.rs",
            "network.rs",
            "save.rs",
            "training_pass.rs",
            "trunk/evaluate.rs",
            "trunk/mod.rs",
            "trunk/precision.rs",
        ],
    ),
    ("photo", &["decoder.rs", "photo.rs"]),
    ("sample", &["backdrop.rs", "scene.rs"]),
    ("train", &["agreement.rs", "stage.rs"]),
    ("train", &["checkpoint/state.rs", "learner.rs"]),
    ("train", &["head_settings.rs", "settings.rs"]),
    ("train", &["measured.rs", "objective.rs"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Tables of `crates/<name>/Cargo.toml` whose keys are the crates it depends on.
fn dependencies_in(name: &str, sections: &[&str]) -> BTreeSet<String> {
    let text = std::fs::read_to_string(root().join("crates").join(name).join("Cargo.toml")).unwrap();
    let manifest: toml::Table = toml::from_str(&text).unwrap();
    sections
        .iter()
        .filter_map(|section| manifest.get(*section)?.as_table())
        .flat_map(|table| table.keys().cloned())
        .collect()
}

/// Names of the crates that `crates/<name>` depends on, tests and build scripts included.
fn dependencies(name: &str) -> BTreeSet<String> {
    dependencies_in(name, &["dependencies", "dev-dependencies", "build-dependencies"])
}

/// The crates that depend on a library.
fn users(library: &str) -> Vec<String> {
    crates().into_iter().filter(|name| dependencies(name).contains(library)).collect()
}

fn crates() -> Vec<String> {
    let entries = std::fs::read_dir(root().join("crates")).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// All Rust files below a folder, sorted.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    let (folders, files): (Vec<_>, Vec<_>) = entries.into_iter().partition(|path| path.is_dir());
    let files = files.into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "rs"));
    files.chain(folders.iter().flat_map(|folder| rust_files(folder))).collect()
}

#[test]
fn stages_do_not_depend_on_one_another() {
    for stage in STAGES {
        for other in STAGES.iter().filter(|other| **other != stage) {
            assert!(!dependencies(stage).contains(&format!("marque-{other}")), "{stage} depends on {other}");
        }
    }
}

#[test]
fn only_the_program_knows_stages_and_the_store() {
    for name in crates().iter().filter(|name| *name != "cli") {
        for stage in STAGES.iter().filter(|stage| *stage != name) {
            assert!(!dependencies(name).contains(&format!("marque-{stage}")), "{name} depends on {stage}");
        }
    }
    assert_eq!(users("marque-store"), ["cli"]);
}

#[test]
fn heavy_libraries_stay_where_they_belong() {
    assert_eq!(users("polars"), ["inspect"]);
    assert_eq!(users("parquet"), ["formats"]);
    // `cli` times steps with it (`marque bench`), `export` has it in its tests alone, `reference` is for tests.
    let candle = ["cli", "evaluate", "export", "kernels", "network", "reference", "train"];
    let users = users("candle-core");
    assert!(users.iter().all(|name| candle.contains(&name.as_str())), "{users:?}");
}

#[test]
fn test_fixtures_are_for_tests() {
    for name in crates() {
        assert!(!dependencies_in(&name, &["dependencies"]).contains("marque-fixtures"), "{name}");
    }
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

#[test]
fn every_crate_is_on_the_map() {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let map = text.split("\n## ").find(|section| section.starts_with("The map")).expect("a map");
    let on_it: BTreeSet<_> = map
        .split("crates/")
        .skip(1)
        .map(|rest| rest.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap().to_owned())
        .collect();
    assert_eq!(on_it, crates().into_iter().collect());
}

#[test]
fn files_of_a_crate_do_not_import_one_another_in_circles() {
    let mut wrong = Vec::new();
    let mut unneeded = NOT_YET_BROKEN.to_vec();
    for name in crates() {
        for circle in imports::Files::read(&root().join("crates").join(&name).join("src")).circles() {
            let known = |(at, files): &(&str, &[&str])| {
                *at == name && circle.iter().all(|file| files.contains(&file.as_str()))
            };
            if NOT_YET_BROKEN.iter().any(known) {
                unneeded.retain(|entry| !known(entry));
            } else {
                wrong.push(format!("{name}: {}", circle.into_iter().collect::<Vec<_>>().join(", ")));
            }
        }
    }
    assert!(wrong.is_empty(), "files that import one another:\n{}", wrong.join("\n"));
    assert!(unneeded.is_empty(), "no longer circles, so strike them off: {unneeded:?}");
}

#[test]
fn files_are_short_enough_to_read() {
    let root = root();
    let sources = crates().into_iter().map(|name| root.join("crates").join(name).join("src"));
    let files = sources.chain([root.join("tests")]).flat_map(|folder| rust_files(&folder));
    let long: BTreeSet<_> = files
        .filter(|path| std::fs::read_to_string(path).unwrap().lines().count() > LONGEST)
        .map(|path| path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(long, NOT_YET_SPLIT.map(str::to_owned).into(), "files of more than {LONGEST} lines");
}
