//! Stages made up for the tests, and running them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use marque_contracts::{Digest, Failure, FailureKind, Input, Job, Silent, Stage, Summary};
use marque_store::{Artifact, Observer, Outcome, Reason, Request, RunError, Store, run};
use serde_json::{Value, json};

/// Writes its settings' `text` (and with it what it read) into `out`.
pub(crate) struct Fake {
    pub(crate) name: &'static str,
    pub(crate) version: u32,
    pub(crate) settings: Value,
    pub(crate) inputs: Vec<Input>,
    pub(crate) source: Option<Digest>,
    pub(crate) gone: bool,
    pub(crate) fail: bool,
    pub(crate) resumable: bool,
    /// The `side` of stage one that it cannot work with.
    pub(crate) refuses: Option<&'static str>,
    pub(crate) resumed: Rc<RefCell<Vec<bool>>>,
}

impl Stage for Fake {
    fn name(&self) -> &'static str {
        self.name
    }
    fn version(&self) -> u32 {
        self.version
    }
    fn settings(&self) -> Value {
        self.settings.clone()
    }
    fn inputs(&self) -> Vec<Input> {
        self.inputs.clone()
    }
    fn sources(&self) -> Result<BTreeMap<String, Digest>, Failure> {
        if self.gone {
            return Err(Failure::new(FailureKind::Data, std::io::Error::other("the source is gone")));
        }
        Ok(self.source.map(|digest| ("path".to_owned(), digest)).into_iter().collect())
    }
    fn resumable(&self) -> bool {
        self.resumable
    }
    fn resumes_from(&self, work: &Path) -> Option<String> {
        work.join("half").exists().then(|| "after half".to_owned())
    }
    fn preflight(&self, inputs: &BTreeMap<String, PathBuf>) -> Result<(), Failure> {
        let side = inputs.get("one").map(|one| fs_err::read_to_string(one.join("side")).unwrap());
        match (side, self.refuses) {
            (Some(side), Some(refused)) if side == refused => {
                Err(Failure::new(FailureKind::Data, std::io::Error::other("one is of no use")))
            }
            _ => Ok(()),
        }
    }
    fn run(&self, job: &Job<'_>) -> Result<Summary, Failure> {
        self.resumed.borrow_mut().push(job.output().join("half").exists());
        fs_err::write(job.output().join("half"), "done").unwrap();
        if self.fail {
            return Err(Failure::new(FailureKind::Data, std::io::Error::other("broken on purpose")));
        }
        let mut text = self.settings["text"].as_str().unwrap_or_default().to_owned();
        for input in &self.inputs {
            for file in input.files.iter().filter(|file| !file.ends_with('/')) {
                text.push_str(&fs_err::read_to_string(job.input(input.stage).join(file)).unwrap());
            }
        }
        fs_err::write(job.output().join("out"), text).unwrap();
        fs_err::write(job.output().join("side"), self.settings["side"].to_string()).unwrap();
        Ok(Summary::default())
    }
}

pub(crate) fn fake(name: &'static str, inputs: &[(&'static str, &'static [&'static str])]) -> Fake {
    let inputs = inputs.iter().map(|&(stage, files)| Input { stage, files }).collect();
    Fake {
        name,
        version: 1,
        settings: json!({"text": name, "side": 0}),
        inputs,
        source: None,
        gone: false,
        fail: false,
        resumable: false,
        refuses: None,
        resumed: Rc::default(),
    }
}

/// one → two (reads one/out) → three (reads one/side, two/out).
pub(crate) fn chain() -> [Fake; 3] {
    [
        fake("one", &[]),
        fake("two", &[("one", &["out"])]),
        fake("three", &[("one", &["side"]), ("two", &["out"])]),
    ]
}

#[derive(Default)]
struct Log(RefCell<Vec<String>>);

impl Observer for Log {
    fn starts(&self, stage: &str, reasons: &[Reason]) {
        let reasons: Vec<_> = reasons.iter().map(ToString::to_string).collect();
        self.0.borrow_mut().push(format!("{stage}: {}", reasons.join("; ")));
    }
    fn done(&self, stage: &str, _: &Artifact, outcome: &Outcome) {
        if *outcome == Outcome::Restored {
            self.0.borrow_mut().push(format!("{stage} restored"));
        }
    }
}

pub(crate) fn try_run(
    root: &Path,
    stages: [Fake; 3],
    request: &Request,
) -> (Vec<String>, Result<(), RunError>) {
    let stages = stages.map(|stage| Box::new(stage) as Box<dyn Stage>);
    let store = Store::open(root).unwrap();
    let _lock = store.lock().unwrap();
    let log = Log::default();
    let result = run(&store, &stages, request, &Silent, &log);
    (log.0.into_inner(), result)
}

pub(crate) fn run_all(root: &Path, stages: [Fake; 3]) -> Vec<String> {
    let (log, result) = try_run(root, stages, &Request::default());
    result.unwrap();
    log
}
