//! The store's own files: lock, format, links, garbage.

use std::path::{Path, PathBuf};

use marque_store::{Request, Store, StoreError};
use serde_json::{Value, json};

use crate::fake::{Fake, chain, fake, run_all, try_run};

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
        fs_err::write(folder.path().join("store.json"), format!("{{\"format\": {format}}}")).unwrap();
        let error = Store::open(folder.path()).unwrap_err();
        assert!(matches!(error, StoreError::Format { found, .. } if found == format));
        assert!(error.to_string().contains(who), "{error}");
    }
}

/// Names of what is garbage, foreign, and kept for want of a link.
fn inventory(root: &Path, stage: &str) -> (Vec<String>, Vec<String>, Option<String>) {
    let inventory = Store::open(root).unwrap().inventory(stage, true).unwrap();
    let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    (
        inventory.garbage.iter().map(name).collect(),
        inventory.foreign.iter().map(name).collect(),
        inventory.unlinked.as_ref().map(name),
    )
}

#[test]
fn only_what_the_store_made_is_garbage() {
    let folder = tempfile::tempdir().unwrap();
    run_all(folder.path(), chain());
    let stage = folder.path().join("two");
    let key = "0123456789abcdef0123";
    let foreign = ["0000000000000000000a", "backup", "notes.txt", "work-in-progress"];
    for name in ["backup", "work-in-progress", foreign[0], &format!("work-{key}"), &format!("trash-{key}")] {
        fs_err::create_dir(stage.join(name)).unwrap();
    }
    fs_err::write(stage.join("notes.txt"), "mine").unwrap();
    fs_err::os::unix::fs::symlink(key, stage.join("current.77.tmp")).unwrap();
    let own = ["current.77.tmp".to_owned(), format!("trash-{key}"), format!("work-{key}")];
    assert_eq!(inventory(folder.path(), "two"), (own.to_vec(), foreign.map(str::to_owned).to_vec(), None));
    assert_eq!(inventory(folder.path(), "nothing"), Default::default());
}

#[test]
fn without_a_link_the_newest_result_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    run_all(folder.path(), chain());
    let older = fs_err::read_link(folder.path().join("two/current")).unwrap();
    let mut other = chain();
    other[1].settings["text"] = json!("new");
    run_all(folder.path(), other);
    let newer = fs_err::read_link(folder.path().join("two/current")).unwrap();
    let manifest = folder.path().join("two").join(&newer).join("manifest.json");
    let mut record: Value = serde_json::from_slice(&fs_err::read(&manifest).unwrap()).unwrap();
    record["finished"] = json!("2999-01-01T00:00:00Z");
    fs_err::write(&manifest, record.to_string()).unwrap();
    let [older, newer] = [older, newer].map(|key| key.to_str().unwrap().to_owned());
    let link = folder.path().join("two/current");
    fs_err::remove_file(&link).unwrap();
    assert_eq!(inventory(folder.path(), "two"), (vec![older.clone()], vec![], Some(newer.clone())));
    fs_err::os::unix::fs::symlink("0123456789abcdef0123", &link).unwrap();
    assert_eq!(inventory(folder.path(), "two"), (vec![older], vec![], Some(newer)));
}

#[test]
fn a_link_that_is_a_folder_is_refused_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    run_all(folder.path(), chain());
    let link = folder.path().join("one/current");
    fs_err::remove_file(&link).unwrap();
    fs_err::create_dir(&link).unwrap();
    let (_, result) = try_run(folder.path(), chain(), &Request::default());
    let error = result.unwrap_err().to_string();
    assert!(
        error.ends_with("one/current should be a link to the current result, and is a folder"),
        "{error}"
    );
    assert!(Store::open(folder.path()).unwrap().inventory("one", true).is_err());
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
    let entries = fs_err::read_dir(folder.path().join("one")).unwrap();
    let work = entries.map(|entry| entry.unwrap().path()).next().unwrap();
    fs_err::write(work.join("manifest.json.4711.tmp"), "{").unwrap();
    fs_err::write(work.join("manifest.json"), "{").unwrap();
    run_all(folder.path(), failing(false));
    let artifact = Store::open(folder.path()).unwrap().current("one").unwrap().unwrap();
    let names: Vec<_> = artifact.manifest.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(names, ["half", "out", "side"]);
    assert_eq!(artifact.manifest.verify(&artifact.folder).unwrap(), []);
}
