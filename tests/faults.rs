//! Kills and failing system calls at exact points, by a library that is preloaded (`faults/fault.c`): whatever fails, the
//! results in use stay whole, and the same run without the fault ends in the same bytes.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::project::{Called, Project};

const STAGES: [&str; 5] = ["ingest", "labels", "preprocess", "train", "evaluate"];

/// What the paths of the store's files hold, relative ones and whole ones.
const STORE: &str = "data/";

/// Error numbers of Linux.
const EIO: i32 = 5;
const EACCES: i32 = 13;
const EMFILE: i32 = 24;
const ENOSPC: i32 = 28;
const EROFS: i32 = 30;

/// The library, compiled once.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/faults/fault.c");
        let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fault.so");
        let own = library.with_extension(format!("{}.so", std::process::id()));
        let compiled = Command::new("cc")
            .args(["-Wall", "-Werror", "-O2", "-shared", "-fPIC", "-o"])
            .args([&own, &source])
            .arg("-ldl")
            .status();
        assert!(compiled.expect("a C compiler").success());
        std::fs::rename(own, &library).unwrap();
        library
    })
}

/// What fails, and when.
#[derive(Clone, Copy, Debug)]
struct Fault {
    /// Number of the call, from 1.
    at: usize,
    /// The error; none for a kill.
    error: Option<i32>,
    /// Whether all later calls fail as well.
    always: bool,
    /// Which calls count; all that change files if empty.
    calls: &'static str,
    /// What their paths hold.
    path: &'static str,
}

impl Fault {
    fn kill(at: usize) -> Self {
        Self { at, error: None, always: false, calls: "", path: STORE }
    }

    /// From some call on nothing more can be written.
    fn full(at: usize) -> Self {
        Self {
            error: Some(ENOSPC),
            always: true,
            calls: "create,mkdir,symlink,linkat,write,pwrite64,fsync,fdatasync",
            ..Self::kill(at)
        }
    }

    /// From the first call on, calls of some kind on some paths fail.
    fn from_the_start(error: i32, calls: &'static str, path: &'static str) -> Self {
        Self { at: 1, error: Some(error), always: true, calls, path }
    }

    fn command(&self, project: &Project, arguments: &[&str]) -> Command {
        let mut command = project.command(arguments);
        command.env("LD_PRELOAD", library()).env("FAULT_AT", self.at.to_string());
        // One thread, so that the calls come in the same order.
        command.env("RAYON_NUM_THREADS", "1");
        command.env("FAULT_ERRNO", self.error.unwrap_or(0).to_string());
        if self.always {
            command.env("FAULT_ALWAYS", "1");
        }
        for (name, value) in [("FAULT_CALLS", self.calls), ("FAULT_PATH", self.path)] {
            if !value.is_empty() {
                command.env(name, value);
            }
        }
        command
    }

    fn call(&self, project: &Project, arguments: &[&str]) -> Called {
        self.command(project, arguments).output().unwrap().into()
    }
}

/// How many calls of some fault's kind a command makes.
fn count(project: &Project, fault: Fault, arguments: &[&str]) -> usize {
    let log = project.path("calls.log");
    let counted = Fault { at: 0, ..fault };
    let called: Called = counted.command(project, arguments).env("FAULT_LOG", &log).output().unwrap().into();
    called.succeeded();
    let lines = std::fs::read_to_string(&log).unwrap().lines().count();
    std::fs::remove_file(log).unwrap();
    lines
}

/// A project in which the stages before one have run.
fn before(stage: &str) -> Project {
    let project = Project::finished();
    let position = STAGES.iter().position(|name| *name == stage).unwrap();
    for later in &STAGES[position..] {
        std::fs::remove_dir_all(project.path(&format!("data/{later}"))).unwrap();
    }
    project
}

/// All files below a folder, by path in it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() && !path.is_symlink() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found
}

/// Has a stage fail at some of the calls that it makes, runs it again, and compares. `most` bounds how many.
fn check_stage(stage: &str, most: usize, fault: fn(usize) -> Fault) {
    let arguments = ["run", stage];
    let expected = Project::finished().content(stage);
    let calls = count(&before(stage), fault(0), &arguments);
    assert!(calls > 5, "{stage} makes {calls} calls");
    let step = calls.div_ceil(most).max(1);
    // Not the same remainder in each stage, so that no kind of call is always passed over; the last calls are those
    // that put the result in its place.
    let points = (1 + stage.len() % step..calls).step_by(step).chain(calls.saturating_sub(4)..=calls);
    for at in points {
        let (project, fault) = (before(stage), fault(at));
        let called = fault.call(&project, &arguments);
        let said = format!("{stage}, {fault:?}: {:?}\n{}{}", called.code, called.stdout, called.stderr);
        match fault.error {
            None => assert_eq!(called.code, None, "{said}"),
            // Some files may fail without harm: who holds the lock need not be written down.
            Some(_) if called.code == Some(0) => {}
            Some(ENOSPC) => {
                assert_eq!(called.code, Some(7), "{said}");
                assert!(called.stderr.contains("hint: free some space"), "{said}");
                assert!(!called.stderr.contains("--force"), "{said}");
            }
            Some(_) => assert!(called.code.is_some_and(|code| code > 1 && code < 10), "{said}"),
        }
        assert!(!called.stderr.contains("panicked"), "{said}");
        // What is in use is whole, whether it is the new result or none.
        project.call(&["verify"]).succeeded();
        let again = project.call(&arguments).succeeded();
        assert_eq!(project.content(stage), expected, "{said}\nthen {}{}", again.stdout, again.stderr);
        project.call(&["verify"]).succeeded();
        let cleaned = project.call(&["gc"]).succeeded();
        assert!(!cleaned.stdout.contains("kept:"), "{said}\nthen {}", cleaned.stdout);
        for path in files(&project.path("data")) {
            let name = path.file_name().unwrap().to_str().unwrap();
            assert!(
                !name.ends_with(".tmp") && !path.to_str().unwrap().contains("/work-"),
                "{said}\n{path:?}"
            );
        }
    }
}

#[test]
fn a_stage_killed_at_exact_points_ends_in_the_same_bytes() {
    check_stage("labels", 6, Fault::kill);
    check_stage("preprocess", 4, Fault::kill);
}

#[test]
fn a_disk_that_fills_up_is_called_full_and_costs_nothing() {
    check_stage("labels", 4, Fault::full);
    check_stage("train", 3, Fault::full);
}

#[test]
#[ignore = "some hundreds of runs"]
fn every_stage_killed_at_exact_points_ends_in_the_same_bytes() {
    for stage in STAGES {
        check_stage(stage, 60, Fault::kill);
    }
}

#[test]
#[ignore = "some hundreds of runs"]
fn every_stage_on_a_disk_that_fills_up_ends_in_the_same_bytes() {
    for stage in STAGES {
        check_stage(stage, 30, Fault::full);
    }
}

#[test]
#[ignore = "some hundreds of runs"]
fn every_stage_with_a_failing_disk_ends_in_the_same_bytes() {
    for stage in STAGES {
        check_stage(stage, 30, |at| Fault { error: Some(EIO), ..Fault::kill(at) });
    }
}

#[test]
fn what_cannot_be_read_is_no_damage() {
    for error in [EACCES, EIO, EMFILE] {
        let project = Project::finished();
        let before = project.content("train");
        for path in ["model.safetensors", "manifest.json"] {
            let fault = Fault::from_the_start(error, "open", path);
            let called = fault.call(&project, &["run", "evaluate", "--set", "evaluate.flip=true"]);
            let failed = called.failed(5, path);
            assert!(failed.ran().is_empty(), "{}", failed.stdout);
        }
        let fault = Fault::from_the_start(error, "open", "model.safetensors");
        let called = fault.call(&project, &["run", "evaluate", "--force"]).failed(5, "cannot be read");
        assert!(called.stderr.contains("hint: nothing was changed"), "{}", called.stderr);
        assert_eq!(project.content("train"), before);
        project.call(&["run"]).succeeded();
    }
}

#[test]
fn a_complete_store_that_is_read_only_is_up_to_date() {
    let writes = "create,mkdir,symlink,linkat,rename,unlink,rmdir,write,pwrite64,ftruncate64";
    for error in [EROFS, EACCES] {
        let project = Project::finished();
        let fault = Fault::from_the_start(error, writes, STORE);
        let called = fault.call(&project, &["run"]).succeeded();
        assert!(called.stdout.contains("up to date"), "{}", called.stdout);
        assert!(called.ran().is_empty(), "{}", called.stdout);
        let refused = fault.call(&project, &["run", "labels", "--force"]).failed(5, "data/labels");
        assert!(
            refused.stderr.contains("hint: let this user read and write the store"),
            "{}",
            refused.stderr
        );
    }
}

#[test]
fn a_full_disk_is_cleaned_up_without_a_lock_file() {
    let project = Project::finished();
    std::fs::remove_file(project.path("data/lock")).unwrap();
    project.call(&["run", "labels", "--set", "labels.seed=5"]).succeeded();
    std::fs::remove_file(project.path("data/lock")).unwrap();
    let fault = Fault::from_the_start(ENOSPC, "create,mkdir,write", STORE);
    let called = fault.call(&project, &["gc"]).succeeded();
    assert!(called.stdout.contains("data/labels/"), "{}", called.stdout);
}

#[test]
fn outputs_beside_the_store_are_whole_or_not_there() {
    let outputs: [(&[&str], &str); 6] = [
        (&["export", "--onnx", "out.onnx"], "out.onnx"),
        (&["export", "--card", "card.md"], "card.md"),
        (&["export", "--folder", "published"], "published"),
        (&["inspect", "photos", "--out", "grid.png"], "grid.png"),
        (&["preview", "--photos", "2", "--draws", "1", "--out", "preview.jpg"], "preview.jpg"),
        (&["lr-find", "--steps", "20", "--out", "rates.svg"], "rates.svg"),
    ];
    let project = Project::finished();
    for (arguments, name) in outputs {
        // The last bytes do not fit any more, once on an empty place, once where there is an older file.
        for older in [false, true] {
            if older {
                project.call(arguments).succeeded();
            }
            let read = || -> Vec<(PathBuf, Vec<u8>)> {
                let path = project.path(name);
                let paths = match path.is_dir() {
                    true => files(&path),
                    false => Vec::from_iter(path.exists().then_some(path)),
                };
                paths.into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
            };
            let before = read();
            assert_eq!(before.is_empty(), !older, "{name}");
            let fault = Fault { always: false, ..Fault::from_the_start(ENOSPC, "write", name) };
            let at = if name == "published" { 4 } else { 1 };
            let called = Fault { at, ..fault }.call(&project, arguments).failed(7, "");
            assert!(called.stderr.contains("hint: free some space"), "{}", called.stderr);
            assert_eq!(read(), before, "{name}");
            assert!(older || !project.path(name).exists(), "{name}");
        }
    }
}
