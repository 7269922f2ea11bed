//! The rules of the architecture that a compiler does not keep.

mod imports;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The crates that are stages.
const STAGES: [&str; 5] = ["ingest", "labels", "preprocess", "train", "evaluate"];

/// The most lines of a file.
const LONGEST: usize = 400;

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
    // `cli` times steps with it (`marque bench`), `evaluate` and `export` have it in their tests alone, `reference` is for tests.
    let candle = ["cli", "evaluate", "export", "kernels", "network", "predict", "reference", "train"];
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

/// The rows of the map in ARCHITECTURE.md: line, crate, what it depends on.
fn map() -> Vec<(String, String, BTreeSet<String>)> {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let map = text.split("\n## ").find(|section| section.starts_with("The map")).expect("a map");
    let (mut rows, mut line) = (Vec::new(), String::new());
    for row in map.lines().filter(|row| row.contains("`crates/")) {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        if !cells[1].is_empty() {
            line = cells[1].to_owned();
        }
        let name = cells[2].trim_matches('`').trim_start_matches("crates/").to_owned();
        rows.push((line.clone(), name, cells[4].split_whitespace().map(str::to_owned).collect()));
    }
    rows
}

#[test]
fn the_map_is_that_of_the_imports() {
    let map = map();
    let names: Vec<_> = map.iter().map(|(_, name, _)| name.clone()).collect();
    assert_eq!(names.iter().cloned().collect::<BTreeSet<_>>(), crates().into_iter().collect());
    let lines: Vec<_> = map.iter().map(|(line, ..)| line.as_str()).collect();
    for (position, (line, name, drawn)) in map.iter().enumerate() {
        let ours = |dependency: &String| Some(dependency.strip_prefix("marque-")?.to_owned());
        let real: BTreeSet<_> = dependencies_in(name, &["dependencies"]).iter().filter_map(ours).collect();
        if name != "cli" {
            assert_eq!(&real, drawn, "what {name} depends on");
        }
        for dependency in &real {
            let at = names.iter().position(|other| other == dependency).unwrap();
            let below = lines[at] != line && at > position;
            assert!(below || (name == "reference" && dependency == "network"), "{name} → {dependency}");
        }
    }
}

#[test]
fn files_are_opened_by_fs_err() {
    let root = root();
    for path in crates().iter().flat_map(|name| rust_files(&root.join("crates").join(name).join("src"))) {
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        assert!(!code.contains("std::fs"), "{} opens files by std::fs", path.display());
    }
}

#[test]
fn files_of_a_crate_do_not_import_one_another_in_circles() {
    let mut circles = Vec::new();
    for name in crates() {
        for circle in imports::Files::read(&root().join("crates").join(&name).join("src")).circles() {
            circles.push(format!("{name}: {}", circle.into_iter().collect::<Vec<_>>().join(", ")));
        }
    }
    assert!(circles.is_empty(), "files that import one another:\n{}", circles.join("\n"));
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
    assert!(long.is_empty(), "files of more than {LONGEST} lines: {long:?}");
}
