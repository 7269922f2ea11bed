//! When stages run, why, and what a failure leaves behind, with stages made up for the test.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::rc::Rc;

use marque_contracts::{
    Artifact, Digest, Failure, FailureKind, Input, Job, Silent, Stage, Store, StoreError, Summary,
};
use marque_pipeline::{Error, Observer, Outcome, Reason, Request, State, assess, run};
use serde_json::{Value, json};

/// Writes its settings' `text` (and with it what it read) into `out`.
struct Fake {
    name: &'static str,
    version: u32,
    settings: Value,
    inputs: Vec<Input>,
    source: Option<Digest>,
    gone: bool,
    fail: bool,
    resumable: bool,
    resumed: Rc<RefCell<Vec<bool>>>,
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
    fn run(&self, job: &Job<'_>) -> Result<Summary, Failure> {
        self.resumed.borrow_mut().push(job.output().join("half").exists());
        std::fs::write(job.output().join("half"), "done").unwrap();
        if self.fail {
            return Err(Failure::new(FailureKind::Data, std::io::Error::other("broken on purpose")));
        }
        let mut text = self.settings["text"].as_str().unwrap_or_default().to_owned();
        for input in &self.inputs {
            for file in input.files.iter().filter(|file| !file.ends_with('/')) {
                text.push_str(&std::fs::read_to_string(job.input(input.stage).join(file)).unwrap());
            }
        }
        std::fs::write(job.output().join("out"), text).unwrap();
        std::fs::write(job.output().join("side"), self.settings["side"].to_string()).unwrap();
        Ok(Summary::default())
    }
}

fn fake(name: &'static str, inputs: &[(&'static str, &'static [&'static str])]) -> Fake {
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
        resumed: Rc::default(),
    }
}

/// one → two (reads one/out) → three (reads one/side, two/out).
fn chain() -> [Fake; 3] {
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

fn try_run(root: &Path, stages: [Fake; 3], request: &Request) -> (Vec<String>, Result<(), Error>) {
    let stages = stages.map(|stage| Box::new(stage) as Box<dyn Stage>);
    let store = Store::open(root).unwrap();
    let _lock = store.lock().unwrap();
    let log = Log::default();
    let result = run(&store, &stages, request, &Silent, &log);
    (log.0.into_inner(), result)
}

fn run_all(root: &Path, stages: [Fake; 3]) -> Vec<String> {
    let (log, result) = try_run(root, stages, &Request::default());
    result.unwrap();
    log
}

#[test]
fn each_reason_for_running_names_itself() {
    type Change = fn(&mut [Fake; 3], &Path);
    let cases: [(&str, Change, &[&str]); 7] = [
        ("nothing", |_, _| (), &[]),
        (
            "setting with another output",
            |s, _| s[1].settings = json!({"text": "new", "side": 0}),
            &["two: text: \"two\" → \"new\"", "three: two/out changed"],
        ),
        (
            "setting with the same output",
            |s, _| s[0].settings["unused"] = json!(1),
            &["one: unused: (absent) → 1"],
        ),
        ("version", |s, _| s[2].version = 2, &["three: stage_version: 1 → 2"]),
        (
            "only the file that is read counts",
            |s, _| s[0].settings["side"] = json!(5),
            &["one: side: 0 → 5", "three: one/side changed"],
        ),
        (
            "missing file",
            |_, root| std::fs::remove_file(root.join("two/current/out")).unwrap(),
            &["two: out is missing"],
        ),
        (
            "truncated manifest",
            |_, root| std::fs::write(root.join("one/current/manifest.json"), "{\"store_format\":").unwrap(),
            &["one: its record cannot be read: EOF while parsing a value at line 1 column 16"],
        ),
    ];
    for (name, change, expected) in cases {
        let folder = tempfile::tempdir().unwrap();
        let first = run_all(folder.path(), chain());
        assert_eq!(first, ["one: has not run yet", "two: has not run yet", "three: has not run yet"]);
        let mut stages = chain();
        change(&mut stages, folder.path());
        assert_eq!(run_all(folder.path(), stages), expected, "{name}");
        let store = Store::open(folder.path()).unwrap();
        for stage in ["one", "two", "three"] {
            let artifact = store.current(stage).unwrap().unwrap();
            assert_eq!(artifact.manifest.verify(&artifact.folder).unwrap(), [], "{name}");
        }
    }
}

#[test]
fn what_an_upstream_result_lacks_is_no_reason_to_call_a_result_fresh() {
    let folder = tempfile::tempdir().unwrap();
    run_all(folder.path(), chain());
    let mut stages = chain();
    stages[2].inputs = vec![Input { stage: "two", files: &["never written"] }];
    let stages = stages.map(|stage| Box::new(stage) as Box<dyn Stage>);
    let assessed = assess(&Store::open(folder.path()).unwrap(), &stages).unwrap();
    let State::Stale(reasons) = &assessed[2].state else { panic!("{:?}", assessed[2].state) };
    assert_eq!(reasons, &[Reason::Upstream("two".to_owned())]);
}

#[test]
fn an_outside_file_with_other_content_makes_the_stage_stale() {
    let folder = tempfile::tempdir().unwrap();
    let with = |content: &[u8]| {
        let mut stages = chain();
        stages[0].source = Some(Digest::of_bytes(content));
        stages
    };
    run_all(folder.path(), with(b"a"));
    assert_eq!(run_all(folder.path(), with(b"a")), [""; 0]);
    assert_eq!(run_all(folder.path(), with(b"b")), ["one: path changed"]);
}

#[test]
fn going_back_to_older_settings_takes_the_older_result() {
    let folder = tempfile::tempdir().unwrap();
    run_all(folder.path(), chain());
    let mut other = chain();
    other[1].settings["text"] = json!("new");
    run_all(folder.path(), other);
    assert_eq!(run_all(folder.path(), chain()), ["two restored", "three restored"]);
    let store = Store::open(folder.path()).unwrap();
    let sorted = ["one", "two", "three"].map(|stage| store.sort_out(stage, true).unwrap());
    let garbage: Vec<_> = sorted.iter().flat_map(|sorted| &sorted.garbage).collect();
    assert_eq!(garbage.len(), 2, "{garbage:?}");
    garbage.iter().for_each(|path| store.discard(path).unwrap());
    assert_eq!(run_all(folder.path(), chain()), [""; 0]);
}

#[test]
fn an_older_result_that_was_damaged_meanwhile_is_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    run_all(folder.path(), chain());
    let older = std::fs::canonicalize(folder.path().join("two/current")).unwrap();
    let mut other = chain();
    other[1].settings["text"] = json!("new");
    run_all(folder.path(), other);
    // The same size, so that only its content tells.
    std::fs::write(older.join("out"), "owtone").unwrap();
    let log = run_all(folder.path(), chain());
    assert!(log[0].starts_with("two: out was changed: blake3"), "{log:?}");
    assert_eq!(std::fs::read_to_string(folder.path().join("two/current/out")).unwrap(), "twoone");
}

#[test]
fn without_its_source_a_result_can_still_be_used() {
    let folder = tempfile::tempdir().unwrap();
    let with = |gone: bool, side: u32| {
        let mut stages = chain();
        stages[0].source = Some(Digest::of_bytes(b"a"));
        stages[0].gone = gone;
        stages[2].settings["side"] = json!(side);
        stages
    };
    run_all(folder.path(), with(false, 0));
    let three = Request { stages: BTreeSet::from([2]), ..Request::default() };
    let (_, result) = try_run(folder.path(), with(true, 1), &three);
    let Err(Error::Unsettled { stage, after, .. }) = result else { panic!("{result:?}") };
    assert_eq!((stage.as_str(), after), ("one", vec!["three".to_owned()]));
    let only = Request { only: true, ..three };
    let (log, result) = try_run(folder.path(), with(true, 1), &only);
    result.unwrap();
    assert_eq!(log, ["three: side: 0 → 1"]);
    // What follows a blocked stage is compared with the result that is there.
    let stages = with(true, 1).map(|stage| Box::new(stage) as Box<dyn Stage>);
    let states = assess(&Store::open_to_read(folder.path()).unwrap(), &stages).unwrap();
    assert!(matches!(states[0].state, State::Blocked(_)) && states[0].current.is_some());
    assert!(matches!(states[1].state, State::Fresh) && matches!(states[2].state, State::Fresh));
    // Without a result there is nothing to use.
    let empty = tempfile::tempdir().unwrap();
    let (_, result) = try_run(empty.path(), with(true, 0), &Request::default());
    assert!(matches!(result, Err(Error::Stage { .. })));
}

#[test]
fn changed_content_of_the_same_size_is_found_before_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    run_all(folder.path(), chain());
    std::fs::write(folder.path().join("one/current/out"), "eno").unwrap();
    let mut stages = chain();
    stages[1].settings["side"] = json!(1);
    let log = run_all(folder.path(), stages);
    assert_eq!(log.len(), 2, "{log:?}");
    assert!(log[0].starts_with("one: out was changed: blake3"), "{log:?}");
    assert!(log[1].starts_with("two: side"), "{log:?}");
    assert_eq!(std::fs::read_to_string(folder.path().join("two/current/out")).unwrap(), "twoone");
}

#[test]
fn a_failed_run_leaves_the_last_good_result() {
    let folder = tempfile::tempdir().unwrap();
    run_all(folder.path(), chain());
    let mut stages = chain();
    stages[1].settings["text"] = json!("new");
    stages[1].fail = true;
    let (_, result) = try_run(folder.path(), stages, &Request::default());
    assert_eq!(result.unwrap_err().to_string(), "stage `two` failed: broken on purpose");
    assert_eq!(std::fs::read_to_string(folder.path().join("two/current/out")).unwrap(), "twoone");
    assert_eq!(run_all(folder.path(), chain()), [""; 0]);
}

#[test]
fn work_of_an_interrupted_run_is_kept_only_for_stages_that_resume() {
    for (resumable, expected) in [(false, [false, false, false]), (true, [false, true, false])] {
        let folder = tempfile::tempdir().unwrap();
        let resumed = Rc::<RefCell<Vec<bool>>>::default();
        let with = |fail: bool| {
            let mut stages = chain();
            stages[0] = Fake { fail, resumable, resumed: resumed.clone(), ..fake("one", &[]) };
            stages
        };
        try_run(folder.path(), with(true), &Request::default()).1.unwrap_err();
        run_all(folder.path(), with(false));
        let force = Request { stages: BTreeSet::from([0]), force: true, only: false };
        try_run(folder.path(), with(false), &force).1.unwrap();
        assert_eq!(*resumed.borrow(), expected);
    }
}

#[test]
fn wanted_stages_bring_what_they_need_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let two = BTreeSet::from([1]);
    let request = Request { stages: two.clone(), ..Request::default() };
    let (log, _) = try_run(folder.path(), chain(), &request);
    assert_eq!(log, ["one: has not run yet", "two: has not run yet"]);
    let force = Request { stages: two.clone(), force: true, only: false };
    assert_eq!(try_run(folder.path(), chain(), &force).0, ["two: forced"]);
    let mut stages = chain();
    stages[0].settings["text"] = json!("new");
    let only = Request { stages: two, force: false, only: true };
    assert_eq!(try_run(folder.path(), stages, &only).0, [""; 0]);
}

#[test]
fn running_alone_without_its_input_says_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let only = Request { stages: BTreeSet::from([1]), force: false, only: true };
    let (_, result) = try_run(folder.path(), chain(), &only);
    assert_eq!(result.unwrap_err().to_string(), "stage `two` reads the result of `one`, which is not there");
}

#[test]
fn assessing_runs_nothing_and_sees_what_follows() {
    let folder = tempfile::tempdir().unwrap();
    run_all(folder.path(), chain());
    let mut stages = chain();
    stages[0].settings["text"] = json!("new");
    let stages = stages.map(|stage| Box::new(stage) as Box<dyn Stage>);
    let store = Store::open_to_read(folder.path()).unwrap();
    let states: Vec<_> = assess(&store, &stages)
        .unwrap()
        .into_iter()
        .map(|assessment| match assessment.state {
            State::Stale(reasons) => reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
            _ => "fresh".to_owned(),
        })
        .collect();
    assert_eq!(states, ["text: \"one\" → \"new\"", "one has to run first", "one has to run first"]);
}

#[test]
fn a_locked_store_says_who_holds_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let lock = store.lock().unwrap();
    let Err(StoreError::InUse { holder: Some(holder), .. }) = store.lock() else { panic!("not locked") };
    assert_eq!(holder.pid, std::process::id());
    drop(lock);
    store.lock().unwrap();
}

#[test]
fn a_store_of_another_format_is_refused() {
    for (format, who) in [(99, "a newer marque"), (0, "an older marque")] {
        let folder = tempfile::tempdir().unwrap();
        Store::open(folder.path()).unwrap();
        std::fs::write(folder.path().join("store.json"), format!("{{\"format\": {format}}}")).unwrap();
        let error = Store::open(folder.path()).unwrap_err();
        assert!(matches!(error, StoreError::Format { found, .. } if found == format));
        assert!(error.to_string().contains(who), "{error}");
    }
}

fn sorted(root: &Path, stage: &str) -> (Vec<String>, Vec<String>, Option<String>) {
    let sorted = Store::open(root).unwrap().sort_out(stage, true).unwrap();
    let name = |path: &std::path::PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    (
        sorted.garbage.iter().map(name).collect(),
        sorted.foreign.iter().map(name).collect(),
        sorted.unlinked.as_ref().map(name),
    )
}

#[test]
fn only_what_the_store_made_is_garbage() {
    let folder = tempfile::tempdir().unwrap();
    run_all(folder.path(), chain());
    let stage = folder.path().join("two");
    let key = "0123456789abcdef0123";
    let foreign = ["0000000000000000000a", "backup", "notes.txt", "work-in-progress"];
    for name in ["backup", "work-in-progress", foreign[0], &format!("work-{key}"), &format!("doomed-{key}")] {
        std::fs::create_dir(stage.join(name)).unwrap();
    }
    std::fs::write(stage.join("notes.txt"), "mine").unwrap();
    std::os::unix::fs::symlink(key, stage.join("current.77.tmp")).unwrap();
    let own = ["current.77.tmp".to_owned(), format!("doomed-{key}"), format!("work-{key}")];
    assert_eq!(sorted(folder.path(), "two"), (own.to_vec(), foreign.map(str::to_owned).to_vec(), None));
    assert_eq!(sorted(folder.path(), "nothing"), Default::default());
}

#[test]
fn without_a_link_the_newest_result_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    run_all(folder.path(), chain());
    let older = std::fs::read_link(folder.path().join("two/current")).unwrap();
    let mut other = chain();
    other[1].settings["text"] = json!("new");
    run_all(folder.path(), other);
    let newer = std::fs::read_link(folder.path().join("two/current")).unwrap();
    let manifest = folder.path().join("two").join(&newer).join("manifest.json");
    let mut record: Value = serde_json::from_slice(&std::fs::read(&manifest).unwrap()).unwrap();
    record["finished"] = json!("2999-01-01T00:00:00Z");
    std::fs::write(&manifest, record.to_string()).unwrap();
    let [older, newer] = [older, newer].map(|key| key.to_str().unwrap().to_owned());
    let link = folder.path().join("two/current");
    std::fs::remove_file(&link).unwrap();
    assert_eq!(sorted(folder.path(), "two"), (vec![older.clone()], vec![], Some(newer.clone())));
    std::os::unix::fs::symlink("0123456789abcdef0123", &link).unwrap();
    assert_eq!(sorted(folder.path(), "two"), (vec![older], vec![], Some(newer)));
}

#[test]
fn a_link_that_is_a_folder_is_refused_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    run_all(folder.path(), chain());
    let link = folder.path().join("one/current");
    std::fs::remove_file(&link).unwrap();
    std::fs::create_dir(&link).unwrap();
    let (_, result) = try_run(folder.path(), chain(), &Request::default());
    let error = result.unwrap_err().to_string();
    assert!(error.ends_with("one/current should be a link to the result in use, and is a folder"), "{error}");
    assert!(Store::open(folder.path()).unwrap().sort_out("one", true).is_err());
}

#[test]
fn what_a_killed_run_left_of_its_manifest_is_no_part_of_the_result() {
    let folder = tempfile::tempdir().unwrap();
    let failing = |fail| {
        let mut stages = chain();
        stages[0] = Fake { fail, resumable: true, ..fake("one", &[]) };
        stages
    };
    try_run(folder.path(), failing(true), &Request::default()).1.unwrap_err();
    let entries = std::fs::read_dir(folder.path().join("one")).unwrap();
    let work = entries.map(|entry| entry.unwrap().path()).next().unwrap();
    std::fs::write(work.join("manifest.json.4711.tmp"), "{").unwrap();
    std::fs::write(work.join("manifest.json"), "{").unwrap();
    run_all(folder.path(), failing(false));
    let artifact = Store::open(folder.path()).unwrap().current("one").unwrap().unwrap();
    let names: Vec<_> = artifact.manifest.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(names, ["half", "out", "side"]);
    assert_eq!(artifact.manifest.verify(&artifact.folder).unwrap(), []);
}
