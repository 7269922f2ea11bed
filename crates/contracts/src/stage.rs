//! The trait of pipeline stages, and what a run of one gets and gives.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::digest::Digest;
use crate::failure::Failure;
use crate::progress::Progress;

/// Folder in a job's output with what a stage that was interrupted needs to go on. It never becomes part of a result: the
/// store deletes it once the result has its manifest, and not before, so that whatever ends the program in between, the
/// next run finds either all of it or a finished result.
pub const RESUME: &str = "resume";

/// What a stage reads of another stage's artifact.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Input {
    /// The stage that writes it.
    pub stage: &'static str,
    /// Files, or folders with `/` at the end. Only these enter the fingerprint: name exactly what is read.
    pub files: &'static [&'static str],
}

/// One stage of the pipeline: its resolved settings and the code to run. It touches nothing but the folders that a
/// [`Job`] names and the files outside the store that it lists as sources.
pub trait Stage {
    /// Name: folder in the store, section of the configuration, word on the command line.
    fn name(&self) -> &'static str;

    /// Raised whenever the same inputs and settings would give other bytes; stages that compute with the engine add its
    /// numerics version. A test pins the bytes of each stage (`tests/pins.rs`).
    fn version(&self) -> u32;

    /// The resolved settings that can change the output, defaults included, and no others, under the sections and keys of
    /// the configuration: `{"train": {"epochs": 10}}`.
    fn settings(&self) -> Value;

    /// The same where some of them follow from what the stage reads, given the folders of those artifacts, by stage. The
    /// store asks for these. One that cannot be read leaves them as they are without it: a run finds the damage.
    fn settings_for(&self, _inputs: &BTreeMap<String, PathBuf>) -> Value {
        self.settings()
    }

    /// What it reads of other artifacts.
    fn inputs(&self) -> Vec<Input>;

    /// Content digests of its sources, files outside the store, by the setting that names them.
    ///
    /// # Errors
    /// If such a file is missing or cannot be read.
    fn sources(&self) -> Result<BTreeMap<String, Digest>, Failure> {
        Ok(BTreeMap::new())
    }

    /// Whether a run can go on from the work folder of an interrupted one; if not, it starts with an empty folder. One
    /// that can takes over only what it finds noted, with digests, in [`RESUME`], and removes everything else.
    fn resumable(&self) -> bool {
        false
    }

    /// What a run would go on from in a work folder that an interrupted one has left, read on from "goes on": "in epoch 7
    /// of 12"; `None` if it would begin anew, or there is no telling. Cheap: only the run looks for damage.
    fn resumes_from(&self, _work: &Path) -> Option<String> {
        None
    }

    /// Refuses inputs that a run would refuse after a look at them: it is called before the stages before this one run, so
    /// that nobody is told after hours what could be known at once. `inputs` has the artifacts, by stage, of those
    /// [inputs](Self::inputs) that are up to date already.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    fn preflight(&self, _inputs: &BTreeMap<String, PathBuf>) -> Result<(), Failure> {
        Ok(())
    }

    /// Reads the inputs and fills the output folder.
    ///
    /// # Errors
    /// Any failure leaves the last good result untouched.
    fn run(&self, job: &Job<'_>) -> Result<Summary, Failure>;
}

/// One run of a stage: folders of its inputs, the folder to fill, and where to report progress.
pub struct Job<'a> {
    inputs: BTreeMap<String, PathBuf>,
    output: &'a Path,
    progress: &'a dyn Progress,
}

impl<'a> Job<'a> {
    /// A run that reads the artifacts at `inputs` (by stage name) and writes into the folder `output`.
    pub fn new(inputs: BTreeMap<String, PathBuf>, output: &'a Path, progress: &'a dyn Progress) -> Self {
        Self { inputs, output, progress }
    }

    /// Folder of the artifact of `stage`.
    ///
    /// # Panics
    /// If the stage did not declare that input: a mistake in the stage's code, not in any data.
    pub fn input(&self, stage: &str) -> &Path {
        self.inputs.get(stage).unwrap_or_else(|| panic!("`{stage}` is not a declared input of this stage"))
    }

    /// Folder to fill; if the stage is resumable, with what an interrupted run left in it.
    pub fn output(&self) -> &'a Path {
        self.output
    }

    /// Where to report progress.
    pub fn progress(&self) -> &'a dyn Progress {
        self.progress
    }
}

/// A stage's summary of its finished work.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Summary {
    /// One line for the terminal: "2,600 photos, 45 classes".
    pub line: String,
    /// Notes for the manifest; not part of any key, so times and addresses are welcome.
    pub notes: BTreeMap<String, Value>,
}
