//! What runs, what does not, and what is said about it.

use std::collections::BTreeSet;

use crate::project::{PIPELINE, Project};

const ALL: [&str; 5] = ["ingest", "labels", "preprocess", "train", "evaluate"];

#[test]
fn a_cold_run_runs_all_stages_and_a_second_one_none() {
    let project = Project::new(PIPELINE);
    assert_eq!(project.call(&["run"]).succeeded().ran(), ALL);
    let second = project.call(&["run"]).succeeded();
    assert!(second.ran().is_empty(), "{}", second.stdout);
    assert_eq!(second.stdout.matches("fresh").count(), 5, "{}", second.stdout);
    for file in
        ["labels/current/labels.parquet", "train/current/model/config.json", "evaluate/current/report.html"]
    {
        assert!(project.path("data").join(file).exists(), "{file}");
    }
    assert!(project.path("data/CACHEDIR.TAG").exists());
    project.call(&["verify"]).succeeded();
}

#[test]
fn each_change_runs_exactly_what_depends_on_it() {
    let cases: [(&str, &str, &[&str]); 7] = [
        ("epochs = 2", "epochs = 1", &["train", "evaluate"]),
        ("size = 32", "size = 33", &["preprocess", "train", "evaluate"]),
        // Other heads, the same pixels: preprocess stays.
        ("breaks = [2009]", "breaks = [2010]", &["labels", "train", "evaluate"]),
        ("test_photos = 16", "test_photos = 17", &ALL),
        ("keep_checkpoints = 0", "keep_checkpoints = 1", &["train"]),
        ("[train]", "[runtime]\nprecision = \"bf16\"\n[train]", &["train", "evaluate"]),
        ("# nothing", "# nothing", &[]),
    ];
    for (from, to, expected) in cases {
        let project = Project::finished();
        if !expected.is_empty() {
            project.edit(from, to);
        }
        let called = project.call(&["run"]).succeeded();
        assert_eq!(called.ran(), expected, "{from} → {to}\n{}", called.stdout);
    }
}

#[test]
fn a_stage_that_writes_the_same_bytes_stops_the_rebuild() {
    let project = Project::finished();
    project.edit("validation = 0.2", "validation = 0.0\nseed = 1");
    project.call(&["run", "labels", "preprocess"]).succeeded();
    project.edit("seed = 1", "seed = 2");
    let called = project.call(&["run", "labels", "preprocess"]).succeeded();
    assert_eq!(called.ran(), ["labels"], "{}", called.stdout);
    assert!(called.stdout.contains("the same files as before"), "{}", called.stdout);
}

#[test]
fn explain_names_the_key_that_changed() {
    let project = Project::finished();
    let fresh = project.call(&["explain", "train"]).succeeded();
    assert!(fresh.stdout.starts_with("train is fresh"), "{}", fresh.stdout);
    project.edit("epochs = 2", "epochs = 3");
    let stale = project.call(&["explain", "train"]).succeeded();
    assert!(stale.stdout.contains("train.epochs: 2 → 3"), "{}", stale.stdout);
    let follows = project.call(&["explain", "evaluate"]).succeeded();
    assert!(follows.stdout.contains("train has to run first"), "{}", follows.stdout);
    let set = project.call(&["explain", "labels", "--set", "labels.validation=0.3"]).succeeded();
    assert!(set.stdout.contains("labels.validation: 0.2 → 0.3"), "{}", set.stdout);
}

#[test]
fn what_a_stage_depends_on_has_the_names_of_its_keys() {
    let project = Project::finished();
    let other = [
        "train.schedule=\"step\"",
        "train.ema_decay=0.9",
        "train.freeze=[\"stem\"]",
        "train.optimizer=\"sgd\"",
        "train.heads.brand.loss_weight=2",
    ];
    let mut sections = BTreeSet::new();
    for pairs in [&[], &other[..]] {
        let set: Vec<_> = pairs.iter().flat_map(|pair| ["--set", pair]).collect();
        let config = project.call(&[&["config", "--json"], &set[..]].concat()).succeeded();
        let keys: serde_json::Map<_, _> = serde_json::from_str(&config.stdout).unwrap();
        for stage in ALL {
            let explained = project.call(&[&["explain", stage], &set[..]].concat()).succeeded();
            let fields =
                explained.stdout.lines().filter_map(|line| line.strip_prefix("  ")?.split_once(" = "));
            for (field, _) in fields.filter(|(field, _)| !field.contains('/') && field.contains('.')) {
                assert!(
                    keys.contains_key(field),
                    "{stage} depends on `{field}`, which is no key of the configuration"
                );
                sections.insert(field.split('.').next().unwrap().to_owned());
            }
        }
    }
    let expected = ["dataset", "evaluate", "heads", "labels", "predict", "preprocess", "runtime", "train"];
    assert!(sections.iter().eq(expected.iter()), "{sections:?}");
}

#[test]
fn status_shows_every_stage_and_why() {
    let project = Project::finished();
    let fresh = project.call(&["status"]).succeeded();
    assert_eq!(fresh.stdout.matches(" fresh ").count(), 5, "{}", fresh.stdout);
    let stale = project.call(&["status", "--set", "train.epochs=3"]).succeeded();
    let line = |stage: &str| stale.stdout.lines().find(|line| line.starts_with(stage)).unwrap();
    assert!(line("train").contains("stale") && line("train").ends_with("epochs: 2 → 3"), "{}", stale.stdout);
    assert!(line("evaluate").ends_with("train has to run first"), "{}", stale.stdout);
    let empty = Project::new(PIPELINE).call(&["status"]).succeeded();
    assert!(empty.stdout.contains("has not run yet"), "{}", empty.stdout);
}

#[test]
fn one_stage_can_be_run_again_alone() {
    let project = Project::finished();
    let before = project.content("evaluate");
    assert_eq!(project.call(&["run", "evaluate", "--force"]).succeeded().ran(), ["evaluate"]);
    assert_eq!(project.content("evaluate"), before, "evaluating twice must give the same bytes");
    project.edit("size = 32", "size = 33");
    let only = project.call(&["run", "evaluate", "--only", "--force"]).succeeded();
    assert_eq!(only.ran(), ["evaluate"], "{}", only.stdout);
}

#[test]
fn running_alone_needs_what_it_reads() {
    let project = Project::new(PIPELINE);
    project.call(&["run", "train", "--only"]).failed(5, "which is not there");
}

#[test]
fn going_back_takes_older_results_and_gc_deletes_them() {
    let project = Project::finished();
    project.call(&["run", "labels", "--set", "labels.validation=0.3"]).succeeded();
    let back = project.call(&["run"]).succeeded();
    assert!(back.ran().is_empty(), "{}", back.stdout);
    assert!(back.stdout.contains("restored from cache"), "{}", back.stdout);
    let dry = project.call(&["gc", "--dry-run"]).succeeded();
    assert_eq!(dry.stdout.lines().count(), 2, "{}", dry.stdout);
    project.call(&["gc"]).succeeded();
    let empty = project.call(&["gc"]).succeeded();
    assert_eq!(empty.stdout.lines().count(), 1, "{}", empty.stdout);
    assert!(project.call(&["run"]).succeeded().ran().is_empty());
}

#[test]
fn results_do_not_depend_on_threads_or_place() {
    let finished = Project::finished();
    let elsewhere = Project::new(&format!("{PIPELINE}\n[runtime]\nthreads = 1\n"));
    elsewhere.call(&["run"]).succeeded();
    for stage in ALL {
        assert_eq!(elsewhere.content(stage), finished.content(stage), "{stage}");
    }
}
