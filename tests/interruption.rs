//! Damage, interruption and rivalry: nothing that was finished is lost.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::project::{PIPELINE, Project};

/// A training that lasts until it is stopped.
pub(crate) const ENDLESS: &str = "train.epochs=9999";

/// Starts a run and waits until it prints a line that holds `text`.
pub(crate) fn start_until(project: &Project, arguments: &[&str], text: &str) -> Child {
    let mut child = project.command(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let found = lines.by_ref().map_while(Result::ok).any(|line| line.contains(text));
    assert!(found, "the run ended before it printed {text:?}");
    // Keeps the pipe open and drained while the run goes on.
    std::thread::spawn(move || lines.for_each(drop));
    child
}

pub(crate) fn stop(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_killed_run_leaves_the_last_good_result_and_goes_on() {
    let project = Project::finished();
    let before = project.content("train");
    stop(start_until(&project, &["run", "--set", ENDLESS], "epoch 2/9999"));
    assert_eq!(project.content("train"), before);
    project.call(&["verify"]).succeeded();
    assert!(project.call(&["run"]).succeeded().ran().is_empty(), "the old result is still right");
}

#[test]
fn a_training_that_was_killed_ends_in_the_same_weights() {
    let whole = Project::finished();
    whole.call(&["run", "train", "--set", "train.epochs=4"]).succeeded();
    let killed = Project::finished();
    stop(start_until(&killed, &["run", "train", "--set", "train.epochs=4"], "epoch 2/4"));
    let set = ["--set", "train.epochs=4"];
    let goes_on = "not finished: goes on in epoch ";
    let status = killed.call(&[&["status"][..], &set].concat()).succeeded().stdout;
    let line = status.lines().find(|line| line.starts_with("train")).unwrap();
    assert!(line.contains(goes_on) && line.contains(" of 4, about "), "{status}");
    assert!(line.contains(" of training left"), "{status}");
    let dry = killed.call(&[&["run", "train", "--dry-run"][..], &set].concat()).succeeded().stdout;
    assert!(dry.contains(&format!("would run: {goes_on}")), "{dry}");
    assert!(dry.contains("left: about ") && dry.contains(", as it goes on in epoch "), "{dry}");
    let forced =
        killed.call(&[&["run", "train", "--dry-run", "--force"][..], &set].concat()).succeeded().stdout;
    assert!(!forced.contains("goes on") && forced.contains("in all: about "), "{forced}");
    // What another configuration left is of no use.
    let other = killed.call(&["status", "--set", "train.epochs=5"]).succeeded().stdout;
    assert!(!other.contains(goes_on), "{other}");
    let resumed = killed.call(&[&["run", "train"][..], &set].concat()).succeeded();
    assert!(!resumed.stdout.contains("epoch 1/4"), "{}", resumed.stdout);
    assert!(resumed.stdout.contains(&format!("train      runs: {goes_on}")), "{}", resumed.stdout);
    assert!(resumed.stdout.contains("  resuming in epoch "), "{}", resumed.stdout);
    assert_eq!(killed.content("train"), whole.content("train"));
}

/// Everything that keeps a state: two optimisers' worth of options, an average, learned weights, several batches a step.
const EVERYTHING: [&str; 18] = [
    "--set",
    "train.epochs=3",
    "--set",
    "train.batch_size=4",
    "--set",
    "train.accumulate=2",
    "--set",
    "train.ema_decay=0.9",
    "--set",
    "train.head_weighting=uncertainty",
    "--set",
    "train.freeze=[\"stem\", \"layer1\"]",
    "--set",
    "train.freeze_epochs=[2, 1]",
    "--set",
    "train.mixup_alpha=0.2",
    "--set",
    "train.dropout=0.1",
];

#[test]
fn a_training_killed_at_any_moment_ends_in_the_same_weights() {
    let arguments = |steps: &'static str| {
        let mut arguments = vec!["run", "train", "--set", steps];
        arguments.extend(EVERYTHING);
        arguments
    };
    let whole = Project::finished();
    let started = Instant::now();
    whole.call(&arguments("train.checkpoint_steps=10000")).succeeded();
    let time = started.elapsed();
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    for steps in ["train.checkpoint_steps=1", "train.checkpoint_steps=3", "train.checkpoint_steps=10000"] {
        let killed = Project::finished();
        let mut kills = 0;
        for _ in 0..4 {
            let mut child = killed
                .command(&arguments(steps))
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            std::thread::sleep(time.mul_f64(rng.random_range(0.05..0.5)));
            kills += usize::from(child.try_wait().unwrap().is_none());
            stop(child);
        }
        assert!(kills > 0, "no run was killed");
        killed.call(&arguments(steps)).succeeded();
        assert_eq!(killed.content("train"), whole.content("train"), "{steps}");
        killed.call(&["verify"]).succeeded();
    }
}

/// The state in the one work folder of `train`.
fn state(project: &Project) -> std::path::PathBuf {
    let work = std::fs::read_dir(project.path("data/train")).unwrap().map(|entry| entry.unwrap().path());
    let work = work.map(|path| path.join("resume")).find(|path| path.exists()).expect("a state");
    let states = std::fs::read_dir(work).unwrap().map(|entry| entry.unwrap().path());
    states.filter(|path| path.extension().is_none()).max().expect("a whole state")
}

#[test]
fn a_damaged_state_is_left_and_the_training_ends_in_the_same_weights() {
    let arguments = ["run", "train", "--set", "train.epochs=4"];
    let whole = Project::finished();
    whole.call(&arguments).succeeded();
    type Damage = fn(&std::path::Path);
    let damages: [(&str, Damage); 3] = [
        ("cut off", |state| {
            let weights =
                std::fs::OpenOptions::new().write(true).open(state.join("model.safetensors")).unwrap();
            weights.set_len(100).unwrap();
        }),
        ("a changed byte", |state| {
            let path = state.join("optimizer.safetensors");
            let mut bytes = std::fs::read(&path).unwrap();
            *bytes.last_mut().unwrap() ^= 1;
            std::fs::write(path, bytes).unwrap();
        }),
        ("no digests", |state| std::fs::remove_file(state.join("digests.json")).unwrap()),
    ];
    for (name, damage) in damages {
        let killed = Project::finished();
        stop(start_until(&killed, &arguments, "epoch 2/4"));
        damage(&state(&killed));
        let resumed = killed.call(&arguments).succeeded();
        assert!(resumed.stderr.contains("is damaged"), "{name}: {}", resumed.stderr);
        assert!(resumed.stdout.contains("epoch 1/4"), "{name}: {}", resumed.stdout);
        assert_eq!(killed.content("train"), whole.content("train"), "{name}");
    }
}

#[test]
fn an_interrupt_promises_nothing_where_nothing_is_kept() {
    let project = Project::new(PIPELINE);
    let child = project
        .command(&["bench", "--backbone", "resnet18", "--size", "64", "--steps", "1000"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Long enough for the handler to be there, far too short for the bench.
    std::thread::sleep(Duration::from_secs(2));
    let status = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(status.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "interrupted\n");
}

#[test]
fn a_loss_that_is_no_number_is_traced_and_the_last_state_is_kept() {
    let project = Project::finished();
    let before = project.content("train");
    let arguments = [
        "run",
        "train",
        "--set",
        "train.learning_rate=10",
        "--set",
        "train.optimizer=sgd",
        "--set",
        "train.schedule=cosine",
        "--set",
        "train.warmup=1",
        "--set",
        "train.momentum=0.999",
        "--set",
        "train.epochs=200",
        "--set",
        "train.weight_decay=10",
    ];
    let failed = project.call(&arguments).failed(6, "is not finite");
    assert!(
        failed.stderr.contains("learning rate ") && failed.stderr.contains("best model so far"),
        "{}",
        failed.stderr
    );
    assert_eq!(project.content("train"), before);
    let work = std::fs::read_dir(project.path("data/train")).unwrap();
    let work: Vec<_> =
        work.map(|entry| entry.unwrap().path()).filter(|path| path.join("resume").exists()).collect();
    assert_eq!(work.len(), 1, "the work folder with the last good state: {work:?}");
    assert!(work[0].join("model/model.safetensors").exists());
}

#[test]
fn a_model_that_answers_no_numbers_is_never_kept() {
    let project = Project::finished();
    let before = project.content("train");
    let pairs =
        ["train.learning_rate=10", "train.optimizer=sgd", "train.schedule=constant", "train.warmup=0"];
    let wild = ["train.momentum=0.999", "train.weight_decay=10", "train.select_by=loss"];
    let mut arguments = vec!["run", "train"];
    arguments.extend(pairs.iter().chain(&wild).flat_map(|pair| ["--set", pair]));
    let failed = project.call(&arguments).failed(6, "is not finite after epoch 1");
    assert!(!failed.stderr.contains("best model so far"), "there is none: {}", failed.stderr);
    assert_eq!(project.content("train"), before);
}

#[test]
fn damaged_results_are_found_and_made_again() {
    // What is done to the store, what `verify` says of it, what runs then.
    type Damage = fn(&Project);
    let cases: [(&str, Damage, &str, &[&str]); 3] = [
        (
            "truncated",
            |p| std::fs::write(p.path("data/labels/current/labels.parquet"), b"PAR1").unwrap(),
            "labels.parquet has 4 bytes",
            &["labels"],
        ),
        (
            "missing",
            |p| std::fs::remove_file(p.path("data/preprocess/current/shards/00000.safetensors")).unwrap(),
            "shards/00000.safetensors is missing",
            &["preprocess"],
        ),
        (
            "extra",
            |p| std::fs::write(p.path("data/labels/current/notes.txt"), b"mine").unwrap(),
            "notes.txt was not written by the stage",
            &[],
        ),
    ];
    for (name, damage, message, expected) in cases {
        let project = Project::finished();
        damage(&project);
        let verified = project.call(&["verify"]).failed(5, "not what was written");
        assert!(verified.stdout.contains(message), "{name}: {}", verified.stdout);
        assert_eq!(project.call(&["run"]).succeeded().ran(), expected, "{name}");
    }
}

#[test]
fn a_changed_byte_is_found_before_a_stage_reads_it() {
    let project = Project::finished();
    let path = project.path("data/preprocess/current/shards/00001.safetensors");
    let mut bytes = std::fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&path, bytes).unwrap();
    project.call(&["verify"]).failed(5, "1 file or record in use is not");
    project.call(&["run", "train", "--only", "--force"]).failed(5, "00001.safetensors was changed");
    let mended = project.call(&["run", "train", "--force"]).succeeded();
    assert_eq!(mended.ran(), ["preprocess", "train"], "{}", mended.stdout);
    project.call(&["verify"]).succeeded();
}

#[test]
fn a_truncated_manifest_makes_its_stage_run_again() {
    let project = Project::finished();
    let path = project.path("data/labels/current/manifest.json");
    let text = std::fs::read(&path).unwrap();
    std::fs::write(&path, &text[..text.len() / 2]).unwrap();
    let called = project.call(&["run"]).succeeded();
    assert_eq!(called.ran(), ["labels"], "{}", called.stdout);
    assert!(called.stdout.contains("its record cannot be read"), "{}", called.stdout);
}

#[test]
fn two_runs_at_once_are_kept_apart() {
    let project = Project::finished();
    let first = start_until(&project, &["run", "--set", ENDLESS], "train      runs");
    let second = project.call(&["run"]).failed(5, "the store is in use by process");
    assert!(second.stderr.contains(&format!("process {}", first.id())), "{}", second.stderr);
    project.call(&["status"]).succeeded();
    stop(first);
    project.call(&["run"]).succeeded();
}

#[test]
fn an_interrupt_ends_with_a_word_and_130() {
    let project = Project::new(PIPELINE);
    let mut child = project
        .command(&["run", "--set", ENDLESS])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let seen = lines.map_while(Result::ok).any(|line| line.contains("train      runs"));
    assert!(seen);
    let status = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(status.success());
    let started = Instant::now();
    let output = child.wait_with_output().unwrap();
    assert!(started.elapsed() < Duration::from_secs(20));
    assert_eq!(output.status.code(), Some(130));
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(words.contains("interrupted: finished stages are kept"), "{words}");
}

#[test]
fn an_interrupt_ends_the_run_even_if_nobody_reads_its_words() {
    let project = Project::new(PIPELINE);
    let mut child = project
        .command(&["run", "--set", ENDLESS])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("train      runs")));
    drop((lines, child.stderr.take()));
    let status = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(status.success());
    let started = Instant::now();
    let ended = loop {
        match child.try_wait().unwrap() {
            None if started.elapsed() < Duration::from_secs(20) => {
                std::thread::sleep(Duration::from_millis(20))
            }
            ended => break ended,
        }
    };
    let _ = child.kill();
    assert_eq!(ended.expect("it runs on").code(), Some(130));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_under_the_output_is_an_error() {
    let full = std::fs::File::create("/dev/full").unwrap();
    let output = Project::finished().command(&["inspect", "labels"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(7));
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(words.contains("the output cannot be written"), "{words}");
    assert!(words.contains("hint: free some space"), "{words}");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let project = Project::finished();
    let mut child = project
        .command(&["sql", "select * from labels"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}
