//! A project folder to run the program in, with a pipeline that takes seconds.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;

/// A pipeline as complete as the shipped one, on 72 small photos and one epoch.
pub(crate) const PIPELINE: &str = r#"
[dataset]
source = "sample"
train_photos = 56
test_photos = 16

[labels]
validation = 0.2

[[heads]]
name = "brand"
rule = "make"
min_images = 4

[[heads]]
name = "type"
rule = "keyword"
classes = ["Convertible", "Coupe", "SUV", "Van"]

[[heads]]
name = "era"
rule = "year"
breaks = [2009]

[preprocess]
size = 32
shard_photos = 20

[train]
epochs = 2
batch_size = 14
keep_checkpoints = 0
locator_steps = 12
checkpoint_steps = 10000
"#;

/// A folder with a `pipeline.toml`.
pub(crate) struct Project {
    folder: TempDir,
}

/// What a call of the program gave.
pub(crate) struct Called {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Project {
    /// A folder with nothing but the configuration.
    pub(crate) fn new(pipeline: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("pipeline.toml"), pipeline).unwrap();
        Self { folder }
    }

    /// A folder in which the pipeline has run already: a copy of one that is made once.
    pub(crate) fn finished() -> Self {
        static FINISHED: OnceLock<Project> = OnceLock::new();
        let finished = FINISHED.get_or_init(|| {
            let project = Project::new(PIPELINE);
            project.call(&["run"]).succeeded();
            project
        });
        let project = Project::new(PIPELINE);
        copy(&finished.path("data"), &project.path("data"));
        project
    }

    pub(crate) fn path(&self, inside: &str) -> PathBuf {
        self.folder.path().join(inside)
    }

    /// The program, set to run in this folder.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_marque"));
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null()).env_remove("RUST_LOG");
        command
    }

    /// A line of a shell, to run in this folder.
    pub(crate) fn shell(&self, line: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", line]).current_dir(self.folder.path()).env_remove("RUST_LOG");
        command
    }

    pub(crate) fn call(&self, arguments: &[&str]) -> Called {
        self.command(arguments).output().unwrap().into()
    }

    /// Changes the configuration.
    pub(crate) fn edit(&self, from: &str, to: &str) {
        let path = self.path("pipeline.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{from} is not in the configuration");
        std::fs::write(path, text.replace(from, to)).unwrap();
    }

    /// Content digest of a stage's current result, as its manifest has it.
    pub(crate) fn content(&self, stage: &str) -> String {
        let text =
            std::fs::read_to_string(self.path(&format!("data/{stage}/current/manifest.json"))).unwrap();
        let manifest: serde_json::Value = serde_json::from_str(&text).unwrap();
        manifest["content"].as_str().unwrap().to_owned()
    }
}

impl From<Output> for Called {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Called {
    pub(crate) fn succeeded(self) -> Self {
        assert_eq!(self.code, Some(0), "{}{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub(crate) fn failed(self, code: i32, message: &str) -> Self {
        assert_eq!(self.code, Some(code), "{}{}", self.stdout, self.stderr);
        assert!(self.stderr.contains(message), "{message:?} is not in:\n{}", self.stderr);
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        self
    }

    /// Stages that ran, in order.
    pub(crate) fn ran(&self) -> Vec<&str> {
        let stage = |line: &'_ str| -> Option<usize> { line.contains(" runs: ").then(|| line.find(' '))? };
        self.stdout.lines().filter_map(|line| Some(&line[..stage(line)?])).collect()
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().unwrap();
        if kind.is_symlink() {
            std::os::unix::fs::symlink(std::fs::read_link(from).unwrap(), to).unwrap();
        } else if kind.is_dir() {
            copy(&from, &to);
        } else {
            std::fs::copy(from, to).unwrap();
        }
    }
}
