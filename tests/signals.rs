//! Signals and limits that whoever starts the program has set.

use std::process::Stdio;
use std::time::Duration;

use crate::project::{Called, Project};

/// Starts a run from a shell that has set up something, and sends it a signal while it trains.
fn signalled(set_up: &str, signal: &str) -> Called {
    let project = Project::finished();
    let line = format!("{set_up}; exec \"$MARQUE\" run train --set train.epochs=6");
    let child = project
        .shell(&line)
        .env("MARQUE", env!("CARGO_BIN_EXE_marque"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Long enough for the handlers to be there, shorter than the training.
    std::thread::sleep(Duration::from_millis(700));
    let sent = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    child.wait_with_output().unwrap().into()
}

#[test]
fn a_signal_that_was_ignored_before_stays_ignored() {
    for (ignored, signal) in [("HUP", "-HUP"), ("INT", "-INT"), ("TERM", "-TERM")] {
        let called = signalled(&format!("trap '' {ignored}"), signal).succeeded();
        assert!(called.stdout.contains("epoch 6/6"), "{ignored}: {}", called.stdout);
        assert!(!called.stderr.contains("interrupted"), "{ignored}: {}", called.stderr);
    }
    for (ignored, signal) in [("HUP", "-INT"), ("INT", "-HUP"), ("QUIT", "-TERM")] {
        let called = signalled(&format!("trap '' {ignored}"), signal);
        assert_eq!(called.code, Some(130), "{ignored} {signal}: {}{}", called.stdout, called.stderr);
        assert!(called.stderr.contains("interrupted: finished stages are kept"), "{}", called.stderr);
    }
}

#[test]
fn a_limit_that_is_reached_is_said() {
    let limited = |limit: &str| -> Called {
        let project = Project::new(crate::project::PIPELINE);
        let line = format!("{limit}; exec \"$MARQUE\" run --set train.epochs=200");
        project.shell(&line).env("MARQUE", env!("CARGO_BIN_EXE_marque")).output().unwrap().into()
    };
    let called = limited("ulimit -f 100").failed(7, "File too large");
    assert!(called.stderr.contains("`ulimit -f`"), "{}", called.stderr);
    limited("ulimit -t 3").failed(7, "limit on processor time");
    limited("ulimit -v 400000").failed(7, "error: out of memory");
}

#[test]
fn nothing_that_a_user_types_steers_the_terminal() {
    let called = Project::finished().call(&["run", "\u{1b}]0;owned\u{7}"]).failed(2, "there is no stage");
    assert!(called.stderr.contains("\\u001b]0;owned\\u0007"), "{:?}", called.stderr);
    assert!(!called.stderr.contains('\u{1b}'), "{:?}", called.stderr);
}
