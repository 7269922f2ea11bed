//! Trainings that go on from a state some epochs before the one that was interrupted, as those of short epochs do.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use marque_contracts::{Bar, Job, RESUME, Silent};

use super::*;
use crate::Settings;
use crate::data::Data;
use crate::initial_network::initial_network;
use crate::sample_data;

/// Copies the output folder after each epoch, before a state is written: what a kill at that moment leaves.
struct Copies<'a> {
    output: &'a Path,
    /// Folder of the copies, by epoch.
    folder: &'a Path,
    epoch: Mutex<usize>,
}

impl Progress for Copies<'_> {
    fn bar(&self, _: &str, _: u64, _: Unit) -> Box<dyn Bar> {
        Box::new(Silent)
    }

    fn line(&self, text: &str) {
        if text.starts_with("epoch ") {
            let mut epoch = self.epoch.lock().unwrap();
            *epoch += 1;
            copy(self.output, &self.folder.join(epoch.to_string()));
        }
    }
}

/// Files below a folder, by their path in it.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs_err::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = PathBuf::from(path.file_name().unwrap());
        match path.is_dir() {
            true => found.extend(files(&path).into_iter().map(|(below, bytes)| (name.join(below), bytes))),
            false => drop(found.insert(name, fs_err::read(path).unwrap())),
        }
    }
    found
}

fn copy(from: &Path, to: &Path) {
    for (path, bytes) in files(from) {
        fs_err::create_dir_all(to.join(&path).parent().unwrap()).unwrap();
        fs_err::write(to.join(path), bytes).unwrap();
    }
}

fn train(inputs: Inputs<'_>, output: &Path, progress: &dyn Progress, state_every: Duration) -> Trained {
    let job = Job::new(BTreeMap::new(), output, &Silent);
    let (network, _) = initial_network(inputs.settings, inputs.data, &job).unwrap();
    let trainer = Trainer::new(inputs, network, output, progress).unwrap();
    let resume = ResumeStore::new(output, inputs.batches_per_epoch());
    Trainer { state_every, ..trainer }.train(&resume).unwrap()
}

/// Models and history without the times that epochs took.
fn results(trained: &Trained, output: &Path) -> (BTreeMap<PathBuf, Vec<u8>>, usize, Vec<f64>) {
    let mut found = files(output);
    found.retain(|path, _| path.starts_with(train::MODEL) || path.starts_with(CHECKPOINTS));
    (found, trained.best_epoch, trained.history.iter().map(|row| row.validation_loss.unwrap()).collect())
}

#[test]
fn an_interrupted_training_goes_on_from_a_state_of_any_epoch_before() {
    let shards = tempfile::tempdir().unwrap();
    let mut data = sample_data::data(shards.path(), 24);
    data.validation = data.train.split_off(16);
    for (select_by, keep_checkpoints, patience) in
        [("last", 0, 0), ("last", 1, 0), ("last", 2, 0), ("accuracy", 2, 0), ("loss", 0, 1)]
    {
        let settings = sample_data::settings(&[
            "train.batch_size=8",
            "train.epochs=4",
            &format!("train.select_by={select_by:?}"),
            &format!("train.keep_checkpoints={keep_checkpoints}"),
            &format!("train.patience={patience}"),
        ]);
        check(&settings, &data, &format!("{select_by}, {keep_checkpoints} checkpoints, patience {patience}"));
    }
}

fn check(settings: &Settings, data: &Data, case: &str) {
    let inputs = Inputs { settings, data, features: None };
    let (often, never, copies) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let [after_each, after_none] = ["often", "never"].map(|name| copies.path().join(name));
    let progress = |output, folder| Copies { output, folder, epoch: Mutex::new(0) };
    let whole = train(inputs, often.path(), &progress(often.path(), &after_each), Duration::ZERO);
    let expected = results(&whole, often.path());
    let rarely = train(inputs, never.path(), &progress(never.path(), &after_none), Duration::MAX);
    assert_eq!(results(&rarely, never.path()), expected, "{case}: whenever states are written");
    assert!(
        files(never.path()).keys().any(|path| path.starts_with(RESUME)),
        "{case}: the last state is written"
    );
    let epochs = whole.history.len();
    for interrupted in 1..=epochs {
        for state in 0..interrupted {
            // What epochs have left since, and the state that was written after an earlier one.
            let work = tempfile::tempdir().unwrap();
            copy(&after_none.join(interrupted.to_string()), work.path());
            // Of the first epoch there is a state, however rarely they are written.
            let first = fs_err::remove_dir_all(work.path().join(RESUME));
            assert_eq!(first.is_ok(), interrupted > 1, "{case}, interrupted after {interrupted}");
            if state > 0 {
                // Before the next epoch's own state is written, that of this one is there.
                copy(&after_each.join((state + 1).to_string()).join(RESUME), &work.path().join(RESUME));
            }
            let resumed = train(inputs, work.path(), &Silent, Duration::MAX);
            let case = format!("{case}, interrupted after {interrupted}, state after {state}");
            assert_eq!(resumed.resumed_epochs, state, "{case}");
            assert_eq!(results(&resumed, work.path()), expected, "{case}");
        }
    }
}
