//! What runs, and what a failure leaves behind.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use marque_contracts::{Digest, Stage};
use marque_store::{Request, RunError, State, Store, assess};
use serde_json::json;

use crate::fake::{Fake, chain, fake, run_all, try_run};

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
    let Err(RunError::UnknownStaleness { stage, downstream, .. }) = result else { panic!("{result:?}") };
    assert_eq!((stage, downstream), ("one", vec!["three"]));
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
    assert!(matches!(result, Err(RunError::Stage { .. })));
}

#[test]
fn changed_content_of_the_same_size_is_found_before_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    run_all(folder.path(), chain());
    fs_err::write(folder.path().join("one/current/out"), "eno").unwrap();
    let mut stages = chain();
    stages[1].settings["side"] = json!(1);
    let log = run_all(folder.path(), stages);
    assert_eq!(log.len(), 2, "{log:?}");
    assert!(log[0].starts_with("one: out was changed: blake3"), "{log:?}");
    assert!(log[1].starts_with("two: side"), "{log:?}");
    assert_eq!(fs_err::read_to_string(folder.path().join("two/current/out")).unwrap(), "twoone");
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
    assert_eq!(fs_err::read_to_string(folder.path().join("two/current/out")).unwrap(), "twoone");
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
fn an_interrupted_run_is_told_where_the_next_goes_on_from_it() {
    let folder = tempfile::tempdir().unwrap();
    let with = |fail: bool, resumable: bool| {
        let mut stages = chain();
        stages[0] = Fake { fail, resumable, ..fake("one", &[]) };
        stages
    };
    let state = |stages: [Fake; 3]| {
        let stages = stages.map(|stage| Box::new(stage) as Box<dyn Stage>);
        let first = assess(&Store::open_to_read(folder.path()).unwrap(), &stages).unwrap().remove(0);
        let State::Stale(reasons) = first.state else { panic!("{:?}", first.state) };
        (reasons[0].to_string(), first.work.is_some())
    };
    try_run(folder.path(), with(true, true), &Request::default()).1.unwrap_err();
    assert_eq!(state(with(false, true)), ("not finished: goes on after half".to_owned(), true));
    assert_eq!(state(with(false, false)), ("has not run yet".to_owned(), false));
    let force = Request { stages: BTreeSet::from([0]), force: true, only: false };
    assert_eq!(try_run(folder.path(), with(true, true), &force).0, ["one: forced"]);
    assert_eq!(run_all(folder.path(), with(false, true))[0], "one: not finished: goes on after half");
}

#[test]
fn what_a_later_stage_cannot_work_with_stops_the_run_before_the_stages_in_between() {
    let folder = tempfile::tempdir().unwrap();
    let refusing = || {
        let mut stages = chain();
        stages[2].refuses = Some("0");
        stages
    };
    let (log, result) = try_run(folder.path(), refusing(), &Request::default());
    assert_eq!(log, ["one: has not run yet"]);
    assert_eq!(result.unwrap_err().to_string(), "stage `three` failed: one is of no use");
    // Who does not ask for that stage is not bothered.
    let two = Request { stages: BTreeSet::from([1]), ..Request::default() };
    let (log, result) = try_run(folder.path(), refusing(), &two);
    assert_eq!((log, result.is_ok()), (vec!["two: has not run yet".to_owned()], true));
    // What is damaged is no reason: it is made again first.
    run_all(folder.path(), chain());
    fs_err::write(folder.path().join("one/current/side"), "9").unwrap();
    let mut stages = chain();
    stages[1].settings["side"] = json!(1);
    stages[2].settings["side"] = json!(1);
    stages[2].refuses = Some("9");
    let log = run_all(folder.path(), stages);
    assert!(log[0].starts_with("two: side") && log[1].starts_with("one: side was changed"), "{log:?}");
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
