//! Trying a training without running it: `run --dry-run` and `lr-find`.

use crate::project::{PIPELINE, Project};

/// All files of the store, with their sizes.
fn store(project: &Project) -> Vec<(String, u64)> {
    fn walk(folder: &std::path::Path, found: &mut Vec<(String, u64)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let metadata = path.symlink_metadata().unwrap();
            if metadata.is_dir() {
                walk(&path, found);
            }
            found.push((path.display().to_string(), metadata.len()));
        }
    }
    let mut found = Vec::new();
    walk(&project.path("data"), &mut found);
    found.sort();
    found
}

#[test]
fn a_dry_run_says_what_would_run_and_tries_the_training() {
    let project = Project::finished();
    let before = store(&project);
    let dry = ["run", "--dry-run", "--set", "train.epochs=40", "--set", "train.accumulate=2"];
    let called = project.call(&dry).succeeded();
    for part in [
        "preprocess fresh",
        "train      would run: train.accumulate: 1 → 2, train.epochs: 2 → 40",
        "evaluate   would run: train has to run first",
        "training: tried 4 batches of",
        "an epoch: about",
        "for 40 epochs",
        "memory: ",
    ] {
        assert!(called.stdout.contains(part), "{part:?} is not in\n{}", called.stdout);
    }
    assert_eq!(store(&project), before, "nothing is written");
    let fresh = project.call(&["run", "--dry-run"]).succeeded();
    assert!(!fresh.stdout.contains("tried"), "{}", fresh.stdout);
    let empty = Project::new(PIPELINE);
    let called = empty.call(&["run", "--dry-run"]).succeeded();
    // One command brings all that is missing.
    let said = "training cannot be tried yet: `marque run preprocess` makes what it reads first";
    assert!(called.stdout.contains(said), "{}", called.stdout);
    assert!(!empty.path("data").exists());
    empty.call(&["run", "preprocess"]).succeeded();
    let called = empty.call(&["run", "--dry-run"]).succeeded();
    assert!(called.stdout.contains("training: tried 2 batches of"), "{}", called.stdout);
    // What would stop the training is found, too.
    std::fs::write(project.path("other.pth"), "no weights").unwrap();
    let other = ["run", "train", "--dry-run", "--set", "train.weights=\"other.pth\""];
    project.call(&other).failed(4, "other.pth is not a weights file");
}

#[test]
fn a_sweep_of_learning_rates_is_drawn_and_leaves_nothing_behind() {
    let project = Project::finished();
    let before = store(&project);
    let called = project.call(&["lr-find", "--steps", "20", "--out", "rates.svg"]).succeeded();
    assert!(called.stdout.contains("steps, from 1.0e-7 to "), "{}", called.stdout);
    assert!(called.stdout.contains("plot: rates.svg"), "{}", called.stdout);
    let svg = std::fs::read_to_string(project.path("rates.svg")).unwrap();
    assert!(svg.starts_with("<svg") && svg.contains("<polyline"), "{svg}");
    assert_eq!(store(&project), before, "nothing is written into the store");
    project.call(&["lr-find", "--steps", "20", "--out", "again.svg"]).succeeded();
    assert_eq!(std::fs::read_to_string(project.path("again.svg")).unwrap(), svg);
    project.call(&["lr-find", "--from", "1", "--to", "0.1"]).failed(2, "--from 1 must be below --to 0.1");
    project.call(&["lr-find", "--out", "rates.png"]).failed(2, "so name it with .svg");
    project
        .call(&["lr-find", "--out", "nowhere/rates.svg"])
        .failed(4, "failed to open file `nowhere/rates.svg`");
    let other = project.call(&["lr-find", "--steps", "20", "--set", "preprocess.resize=lanczos"]).succeeded();
    let said = "tried on the results that are there, though preprocess would run first: preprocess.resize: ";
    assert!(other.stdout.contains(said), "{}", other.stdout);
    project.call(&["lr-find", "--from", "0"]).failed(2, "must be a number above 0");
    Project::new(PIPELINE).call(&["lr-find"]).failed(4, "`labels` has no result yet");
}
