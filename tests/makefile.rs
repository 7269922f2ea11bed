//! `make`, whose recipes are a shell's.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

fn script(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// Runs a target of the Makefile with stand-ins for cargo and the program, and gives the words that the program got, a line
/// each.
fn made(target_folder: &str, arguments: &[&str]) -> Vec<String> {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    std::fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Makefile"), root.join("Makefile"))
        .unwrap();
    script(&root.join("bin/cargo"), "exit 0");
    script(&root.join(target_folder).join("release/marque"), "printf '%s\\n' \"$@\"");
    let path = format!("{}:{}", root.join("bin").display(), std::env::var("PATH").unwrap());
    let mut make = Command::new("make");
    make.arg("-s").args(arguments).current_dir(root).env("PATH", path);
    for name in ["MAKEFLAGS", "MAKELEVEL", "SET", "CONFIG", "OFFLINE", "FORCE", "CARGO_TARGET_DIR"] {
        make.env_remove(name);
    }
    if target_folder != "target" {
        make.env("CARGO_TARGET_DIR", root.join(target_folder));
    }
    let called = make.output().unwrap();
    assert!(called.status.success(), "{target_folder}: {}", String::from_utf8_lossy(&called.stderr));
    String::from_utf8(called.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn folders_and_values_may_have_any_name() {
    for folder in ["target", "target dir", "it's  here", "a\"b$HOME`c`;d", "(e) & f"] {
        for (target, words) in [
            ("all", &["run", "--config", "pipeline.toml"][..]),
            ("train", &["run", "train", "--config", "pipeline.toml"]),
            ("status", &["status", "--config", "pipeline.toml"]),
        ] {
            assert_eq!(made(folder, &[target]), words, "{folder}");
        }
    }
    let arguments =
        ["all", "CONFIG=my  cars/the \"one\".toml", "SET=dataset.path=my  photos train.freeze=[\"a\"]"];
    let words = made("target", &arguments);
    assert_eq!(
        words,
        [
            "run",
            "--config",
            "my  cars/the \"one\".toml",
            "--sets",
            "dataset.path=my  photos train.freeze=[\"a\"]",
        ]
    );
}
