//! The store over time: cleaning up, older results, links that are gone, sources that are gone.

use std::path::{Path, PathBuf};

use crate::interruption::{ENDLESS, start_until, stop};
use crate::labelling::{COLOUR, own};
use crate::project::Project;

/// Folders and files of a stage, by name.
fn entries(project: &Project, stage: &str) -> Vec<String> {
    let entries = std::fs::read_dir(project.path(&format!("data/{stage}"))).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().to_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

fn link(project: &Project, stage: &str) -> PathBuf {
    project.path(&format!("data/{stage}/current"))
}

#[test]
fn cleaning_up_leaves_what_marque_has_not_made() {
    let project = Project::finished();
    let key = std::fs::read_link(link(&project, "labels")).unwrap().to_str().unwrap().to_owned();
    project.call(&["run", "labels", "--set", "labels.seed=5"]).succeeded();
    project.call(&["run", "labels"]).succeeded();
    for folder in ["data/labels/backup", "data/labels/work-aaaaaaaaaaaaaaaaaaaa"] {
        std::fs::create_dir(project.path(folder)).unwrap();
    }
    std::fs::write(project.path("data/labels/notes.txt"), "mine").unwrap();
    let before = entries(&project, "labels");
    let would = project.call(&["gc", "--dry-run"]).succeeded();
    assert!(would.stdout.contains("would be freed"), "{}", would.stdout);
    assert_eq!(entries(&project, "labels"), before);
    let called = project.call(&["gc"]).succeeded();
    for name in ["backup", "notes.txt"] {
        let told = format!("kept: data/labels/{name}, which marque has not made");
        assert!(called.stdout.contains(&told), "{}", called.stdout);
    }
    // The key is a digest, and may come before or after the others.
    let mut left = [key.as_str(), "backup", "current", "notes.txt"];
    left.sort_unstable();
    assert_eq!(entries(&project, "labels"), left);
    assert!(project.call(&["run"]).succeeded().ran().is_empty());
}

#[test]
fn cleaning_up_without_links_keeps_the_newest_results() {
    let project = Project::finished();
    for stage in ["labels", "train"] {
        std::fs::remove_file(link(&project, stage)).unwrap();
    }
    let called = project.call(&["gc"]).succeeded();
    assert!(called.stdout.contains("the newest; no link says which result is current"), "{}", called.stdout);
    assert!(project.call(&["run"]).succeeded().ran().is_empty(), "nothing is lost");
}

#[test]
fn a_folder_in_place_of_the_link_is_named() {
    let project = Project::finished();
    std::fs::remove_file(link(&project, "labels")).unwrap();
    std::fs::create_dir(link(&project, "labels")).unwrap();
    for command in [&["run"][..], &["status"], &["gc"], &["inspect"]] {
        let called = project.call(command).failed(5, "data/labels/current should be a link");
        assert!(called.stderr.contains("hint: move it out of the store"), "{}", called.stderr);
    }
    let verified = project.call(&["verify"]).failed(5, "1 file or record");
    assert!(verified.stdout.contains("evaluate   ok"), "{}", verified.stdout);
}

#[test]
fn all_damaged_results_are_listed() {
    let project = Project::finished();
    for stage in ["labels", "train"] {
        std::fs::write(project.path(&format!("data/{stage}/current/manifest.json")), "{").unwrap();
    }
    let called = project.call(&["verify"]).failed(5, "2 files or records in use are not what was written");
    for stage in ["labels", "train"] {
        assert!(
            called.stdout.contains(&format!("data/{stage}/current")) || called.stdout.contains("is damaged")
        );
    }
    assert_eq!(called.stdout.matches("is damaged").count(), 2, "{}", called.stdout);
    assert_eq!(called.stdout.matches(" ok: ").count(), 3, "{}", called.stdout);
}

#[test]
fn a_store_of_another_format_says_what_to_do() {
    let project = Project::finished();
    for (format, hint) in [("99", "use the newer marque"), ("0", "move the folder away")] {
        std::fs::write(project.path("data/store.json"), format!("{{\"format\":{format}}}")).unwrap();
        let called = project.call(&["status"]).failed(5, &format!("in format {format}"));
        assert!(called.stderr.contains(hint), "{}", called.stderr);
    }
}

#[test]
fn results_can_be_used_when_their_source_is_gone() {
    let project =
        own(&format!("[labels]\nvalidation = 0.2\n{COLOUR}[preprocess]\nsize = 32\n[train]\nepochs = 1\n"));
    project.call(&["run"]).succeeded();
    std::fs::rename(project.path("photos"), project.path("elsewhere")).unwrap();
    std::fs::remove_file(project.path("cars.csv")).unwrap();
    // What is wrong comes first, and what follows from it then.
    let refused = project.call(&["run", "evaluate"]).failed(4, "error: cars.csv is not a table");
    let follows = "\n  so it is unknown whether the result of `ingest` is stale";
    assert!(refused.stderr.contains(follows), "{}", refused.stderr);
    assert!(refused.stderr.contains("`marque run evaluate --only` takes the results"), "{}", refused.stderr);
    project.call(&["run", "evaluate", "--only", "--force"]).succeeded();
    let status = project.call(&["status"]).succeeded();
    assert!(status.stdout.contains("blocked"), "{}", status.stdout);
    assert_eq!(status.stdout.matches("fresh").count(), 4, "{}", status.stdout);
    project.call(&["explain", "train"]).succeeded();
    project.call(&["explain", "ingest"]).succeeded();
    for command in [&["inspect"][..], &["inspect", "photos"], &["inspect", "photos", "--out", "grid.png"]] {
        project.call(command).succeeded();
    }
    project.call(&["sql", "select count(*) from labels"]).succeeded();
    project.call(&["export", "--onnx", "cars.onnx"]).succeeded();
    project.call(&["preview", "--photos", "2", "--draws", "1"]).succeeded();
    project.call(&["verify"]).succeeded();
}

#[test]
fn records_of_the_store_itself_are_named_with_what_to_do() {
    type Change = fn(&Path);
    let cases: [(&str, Change); 3] = [
        ("empty", |record| std::fs::write(record, "").unwrap()),
        ("of another kind", |record| std::fs::write(record, "[]").unwrap()),
        ("a folder", |record| {
            std::fs::remove_file(record).unwrap();
            std::fs::create_dir(record).unwrap();
        }),
    ];
    for (name, damage) in cases {
        let project = Project::finished();
        let record = project.path("data/store.json");
        damage(&record);
        for command in [&["run"][..], &["status"], &["verify"], &["gc"], &["sql", "select 1 from labels"]] {
            let failed = project.call(command).failed(5, "data/store.json is damaged");
            assert!(failed.stderr.contains("hint: delete it"), "{name}: {}", failed.stderr);
        }
        if record.is_dir() {
            std::fs::remove_dir(&record).unwrap()
        } else {
            std::fs::remove_file(&record).unwrap()
        }
        assert!(project.call(&["run"]).succeeded().ran().is_empty(), "{name}");
        assert!(record.is_file());
    }
    let project = Project::finished();
    std::fs::rename(project.path("data"), project.path("elsewhere")).unwrap();
    std::fs::write(project.path("data"), "mine").unwrap();
    for command in ["run", "status", "verify", "gc"] {
        let failed = project.call(&[command]).failed(5, "data should be a folder of the store");
        assert!(failed.stderr.contains("hint: move it away"), "{}", failed.stderr);
    }
}

#[test]
fn cleaning_up_takes_what_killed_and_failed_runs_left_beside_results() {
    let project = Project::finished();
    let left = [
        "CACHEDIR.TAG.77.tmp",
        "store.json.4711.tmp",
        "ingest/rejected.parquet",
        "ingest/rejected.parquet.5.tmp",
    ];
    for name in left {
        std::fs::write(project.path("data").join(name), "half").unwrap();
    }
    std::fs::write(project.path("data/README.md"), "mine").unwrap();
    let called = project.call(&["gc"]).succeeded();
    assert!(!called.stdout.contains("kept:"), "{}", called.stdout);
    for name in left {
        assert!(called.stdout.contains(&format!("data/{name}")), "{}", called.stdout);
        assert!(!project.path("data").join(name).exists(), "{name}");
    }
    assert!(project.path("data/README.md").exists());
}

#[test]
fn a_lock_file_that_is_deleted_lets_no_second_run_in() {
    let project = Project::finished();
    let first = start_until(&project, &["run", "--set", ENDLESS], "train      runs");
    std::fs::remove_file(project.path("data/lock")).unwrap();
    project.call(&["run"]).failed(5, "the store is in use");
    project.call(&["gc"]).failed(5, "the store is in use");
    stop(first);
    project.call(&["run"]).succeeded();
}
