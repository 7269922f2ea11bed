//! When stages are stale, and why.

use std::path::Path;

use marque_contracts::{Digest, Input, Stage};
use marque_store::{Reason, State, Store, assess};
use serde_json::json;

use crate::fake::{Fake, chain, run_all};

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
            |_, root| fs_err::remove_file(root.join("two/current/out")).unwrap(),
            &["two: out is missing"],
        ),
        (
            "truncated manifest",
            |_, root| fs_err::write(root.join("one/current/manifest.json"), "{\"store_format\":").unwrap(),
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
    assert_eq!(reasons, &[Reason::Upstream("two")]);
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
    let inventories = ["one", "two", "three"].map(|stage| store.inventory(stage, true).unwrap());
    let garbage: Vec<_> = inventories.iter().flat_map(|inventory| &inventory.garbage).collect();
    assert_eq!(garbage.len(), 2, "{garbage:?}");
    garbage.iter().for_each(|path| store.delete(path).unwrap());
    assert_eq!(run_all(folder.path(), chain()), [""; 0]);
}

#[test]
fn an_older_result_that_was_damaged_meanwhile_is_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    run_all(folder.path(), chain());
    let older = fs_err::canonicalize(folder.path().join("two/current")).unwrap();
    let mut other = chain();
    other[1].settings["text"] = json!("new");
    run_all(folder.path(), other);
    // The same size, so that only its content tells.
    fs_err::write(older.join("out"), "owtone").unwrap();
    let log = run_all(folder.path(), chain());
    assert!(log[0].starts_with("two: out was changed: blake3"), "{log:?}");
    assert_eq!(fs_err::read_to_string(folder.path().join("two/current/out")).unwrap(), "twoone");
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
