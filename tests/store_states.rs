//! Each state of a store that a disk or a person can make: what `status`, `verify` and `run` say of it, and that whoever
//! does what a hint says gets on.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::project::{Called, Project};

/// What a run makes of a state.
enum Run {
    /// Nothing has to run.
    Fresh,
    /// An earlier result is taken.
    Restored,
    /// `labels` runs, and ends in the same bytes.
    Again,
    /// It fails with 5 and this message; what is at the path has to be moved away, or the hint's command to be run.
    Fails(&'static str, &'static str),
}

/// One state: its name, how it comes about, what `status` says of `labels`, what `verify` says if it finds damage, and
/// what a run does.
type State = (&'static str, fn(&Labels), &'static str, Option<&'static str>, Run);

/// The folders of the stage that is meddled with.
struct Labels {
    data: PathBuf,
    stage: PathBuf,
    link: PathBuf,
    result: PathBuf,
}

impl Labels {
    fn of(project: &Project) -> Self {
        let (data, stage) = (project.path("data"), project.path("data/labels"));
        let link = stage.join("current");
        let result = stage.join(fs::read_link(&link).unwrap());
        Self { data, stage, link, result }
    }

    fn manifest(&self, change: impl Fn(&mut Value)) {
        let path = self.result.join("manifest.json");
        let mut manifest: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        change(&mut manifest);
        fs::write(path, manifest.to_string()).unwrap();
    }

    fn relink(&self, target: &str) {
        fs::remove_file(&self.link).unwrap();
        symlink(target, &self.link).unwrap();
    }

    fn in_place_of(&self, path: PathBuf, make: impl Fn(&Path)) {
        if path.is_dir() && !path.is_symlink() {
            fs::remove_dir_all(&path).unwrap();
        } else if path.symlink_metadata().is_ok() {
            fs::remove_file(&path).unwrap();
        }
        make(&path);
    }
}

fn folder(path: &Path) {
    fs::create_dir(path).unwrap();
}

fn file(path: &Path) {
    fs::write(path, "mine").unwrap();
}

const BROKEN: &str = "stale";

const STATES: [State; 32] = [
    ("nothing", |_| (), "fresh", None, Run::Fresh),
    ("no link", |l| fs::remove_file(&l.link).unwrap(), "cached", None, Run::Restored),
    (
        "a link to nothing",
        |l| fs::remove_dir_all(&l.result).unwrap(),
        BROKEN,
        Some("is not there"),
        Run::Again,
    ),
    (
        "a link to another place",
        |l| l.relink("../train"),
        "cached",
        Some("leads to ../train, which is no result"),
        Run::Restored,
    ),
    (
        "a link to a key of no result",
        |l| l.relink("0123456789abcdef0123"),
        "cached",
        Some("is not there"),
        Run::Restored,
    ),
    (
        "a folder for the link",
        |l| l.in_place_of(l.link.clone(), folder),
        "",
        Some("is a folder"),
        Run::Fails("is a folder", "data/labels/current"),
    ),
    (
        "a file for the link",
        |l| l.in_place_of(l.link.clone(), file),
        "",
        Some("is a file"),
        Run::Fails("is a file", "data/labels/current"),
    ),
    (
        "a file for the stage",
        |l| l.in_place_of(l.stage.clone(), file),
        "",
        Some("should be a folder"),
        Run::Fails("should be a folder", "data/labels"),
    ),
    (
        "a file for the result",
        |l| l.in_place_of(l.result.clone(), file),
        BROKEN,
        Some("has no manifest.json"),
        Run::Again,
    ),
    (
        "an empty folder for the result",
        |l| l.in_place_of(l.result.clone(), folder),
        BROKEN,
        Some("has no manifest.json"),
        Run::Again,
    ),
    (
        "no manifest",
        |l| fs::remove_file(l.result.join("manifest.json")).unwrap(),
        BROKEN,
        Some("has no manifest.json"),
        Run::Again,
    ),
    (
        "an empty manifest",
        |l| fs::write(l.result.join("manifest.json"), "").unwrap(),
        BROKEN,
        Some("is damaged"),
        Run::Again,
    ),
    (
        "a manifest of another kind",
        |l| fs::write(l.result.join("manifest.json"), "[]").unwrap(),
        BROKEN,
        Some("is damaged"),
        Run::Again,
    ),
    (
        "a folder for the manifest",
        |l| l.in_place_of(l.result.join("manifest.json"), folder),
        BROKEN,
        Some("is damaged"),
        Run::Again,
    ),
    (
        "a manifest without files",
        |l| l.manifest(|m| m["files"] = json!([])),
        BROKEN,
        Some("lists no files"),
        Run::Again,
    ),
    (
        "a manifest with a file less",
        |l| l.manifest(|m| _ = m["files"].as_array_mut().unwrap().pop()),
        BROKEN,
        Some("content digest"),
        Run::Again,
    ),
    (
        "another content",
        |l| l.manifest(|m| m["content"] = json!("0".repeat(64))),
        BROKEN,
        Some("content digest"),
        Run::Again,
    ),
    (
        "another digest of a file",
        |l| l.manifest(|m| m["files"][0]["blake3"] = json!("0".repeat(64))),
        BROKEN,
        Some("content digest"),
        Run::Again,
    ),
    (
        "another key",
        |l| l.manifest(|m| m["key"] = json!("0123456789abcdef0123")),
        BROKEN,
        Some("another result"),
        Run::Again,
    ),
    (
        "another stage",
        |l| l.manifest(|m| m["fingerprint"]["stage"] = json!("train")),
        BROKEN,
        Some("another result"),
        Run::Again,
    ),
    (
        "another fingerprint",
        |l| l.manifest(|m| m["fingerprint"]["stage_version"] = json!(99)),
        BROKEN,
        Some("fingerprint"),
        Run::Again,
    ),
    (
        "another format",
        |l| l.manifest(|m| m["store_format"] = json!(99)),
        BROKEN,
        Some("store format 99"),
        Run::Again,
    ),
    (
        "files in another order",
        |l| l.manifest(|m| m["files"].as_array_mut().unwrap().reverse()),
        BROKEN,
        Some("list of files"),
        Run::Again,
    ),
    (
        "a file that leads out",
        |l| l.manifest(|m| m["files"][0]["path"] = json!("../../../x")),
        BROKEN,
        Some("list of files"),
        Run::Again,
    ),
    (
        "a file cut short",
        |l| fs::write(l.result.join("labels.parquet"), "PAR1").unwrap(),
        BROKEN,
        Some("has 4 bytes"),
        Run::Again,
    ),
    (
        "a file gone",
        |l| fs::remove_file(l.result.join("heads.json")).unwrap(),
        BROKEN,
        Some("is missing"),
        Run::Again,
    ),
    (
        "a folder for a file",
        |l| l.in_place_of(l.result.join("heads.json"), folder),
        BROKEN,
        Some("is no file any more"),
        Run::Again,
    ),
    (
        "a link to nothing for a file",
        |l| l.in_place_of(l.result.join("heads.json"), |p| symlink("x", p).unwrap()),
        BROKEN,
        Some("is missing"),
        Run::Again,
    ),
    (
        "a file of nobody's",
        |l| fs::write(l.result.join("notes.txt"), "mine").unwrap(),
        "fresh",
        Some("was not written by the stage"),
        Run::Fresh,
    ),
    (
        "a file for the work folder",
        |l| {
            let key = l.result.file_name().unwrap().to_str().unwrap();
            file(&l.stage.join(format!("work-{key}")));
            fs::remove_file(l.result.join("heads.json")).unwrap();
        },
        BROKEN,
        Some("is missing"),
        Run::Again,
    ),
    (
        "no tag, no lock",
        |l| {
            fs::remove_file(l.data.join("CACHEDIR.TAG")).unwrap();
            fs::remove_file(l.data.join("lock")).unwrap();
        },
        "fresh",
        None,
        Run::Fresh,
    ),
    ("a folder for the lock", |l| l.in_place_of(l.data.join("lock"), folder), "fresh", None, Run::Fresh),
];

/// What a line of `status` or `verify` says of `labels`.
fn of_labels(called: &Called) -> &str {
    called.stdout.lines().find(|line| line.starts_with("labels")).unwrap_or_default()
}

/// Does what the hint of a failed call says, if it names a command.
fn follow(project: &Project, failed: &Called) -> Called {
    let hint = failed.stderr.lines().find_map(|line| line.strip_prefix("hint: ")).expect("a hint");
    let command = hint.split('`').nth(1).unwrap_or_else(|| panic!("no command in {hint:?}"));
    let words: Vec<_> = command.split(' ').collect();
    assert_eq!(words[0], "marque", "{hint}");
    project.call(&words[1..])
}

#[test]
fn every_state_of_a_result_is_told_and_left_by_a_run() {
    let expected = Project::finished().content("labels");
    for (name, damage, status, verify, run) in STATES {
        let project = Project::finished();
        damage(&Labels::of(&project));
        let verified = project.call(&["verify"]);
        let said = format!("{name}: {}{}", verified.stdout, verified.stderr);
        assert_eq!(verified.code, Some(if verify.is_some() { 5 } else { 0 }), "{said}");
        assert!(of_labels(&verified).contains(verify.unwrap_or("labels")), "{said}");
        assert!(verified.stdout.contains("evaluate   ok"), "{said}");
        let told = project.call(&["status"]);
        if let Run::Fails(message, place) = run {
            told.failed(5, message);
            for command in [&["run"][..], &["gc"], &["inspect"], &["explain", "labels"]] {
                let failed = project.call(command).failed(5, message);
                assert!(failed.stderr.contains("hint: move it"), "{name}: {}", failed.stderr);
            }
            fs::rename(project.path(place), project.path("moved")).unwrap();
            project.call(&["run"]).succeeded();
        } else {
            let told = told.succeeded();
            assert!(of_labels(&told).contains(status), "{name}: {}", told.stdout);
            let called = project.call(&["run"]).succeeded();
            let ran: &[&str] = if matches!(run, Run::Again) { &["labels"] } else { &[] };
            assert_eq!(called.ran(), ran, "{name}: {}", called.stdout);
            let restored = called.stdout.contains("labels     restored");
            assert_eq!(restored, matches!(run, Run::Restored), "{name}: {}", called.stdout);
        }
        if verified.stdout.contains("was not written by the stage") {
            project.call(&["run", "labels", "--force"]).succeeded();
        }
        project.call(&["verify"]).succeeded();
        assert_eq!(project.content("labels"), expected, "{name}");
        let told = project.call(&["status"]).succeeded();
        assert_eq!(told.stdout.matches("fresh").count(), 5, "{name}: {}", told.stdout);
    }
}

#[test]
fn whoever_does_what_a_hint_says_gets_on() {
    for (name, damage, _, _, run) in STATES {
        if matches!(run, Run::Fails(..)) {
            continue;
        }
        let commands: [&[&str]; 4] = [
            &["run", "evaluate", "--force", "--only"],
            &["run", "train", "--force", "--only", "--set", "train.epochs=1"],
            &["inspect", "labels"],
            &["sql", "select count(*) from labels"],
        ];
        for command in commands {
            let project = Project::finished();
            damage(&Labels::of(&project));
            let called = project.call(command);
            if called.code == Some(0) {
                continue;
            }
            follow(&project, &called).succeeded();
            let again = project.call(command);
            assert_eq!(again.code, Some(0), "{name}, {command:?}: {}\n{}", called.stderr, again.stderr);
        }
    }
}
