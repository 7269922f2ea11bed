//! Any bytes: the archive walker returns, hands over no name that leads out, and stays within its limits.
#![no_main]

use std::path::{Component, Path};

use libfuzzer_sys::fuzz_target;
use marque_ingest::archive::{Limits, list, unpack};

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits { files: 64, bytes: 1 << 20, ratio: 100 };
    let folder = tempfile::tempdir().expect("a folder for scratch files");
    let archive = folder.path().join("archive");
    std::fs::write(&archive, bytes).expect("a scratch file can be written");
    let Ok(names) = list(&archive, limits) else { return };
    assert!(names.len() <= 64);
    for name in &names {
        assert!(Path::new(name).components().all(|part| matches!(part, Component::Normal(_))), "{name:?}");
    }
    let staging = folder.path().join("staging");
    if unpack(&archive, limits, &staging, &|name, _| Some(name.to_owned()), &|_| {}).is_err() {
        assert!(!staging.exists());
    }
    let left = std::fs::read_dir(folder.path()).expect("the folder can be listed").count();
    assert!(left <= 2, "something was written outside");
});
