//! States to resume an interrupted training from.
//!
//! A state is a folder: weights, the optimiser's state, averaged weights, the history, the position, and the models that
//! the epochs so far have left, as second names (hard links) of the files in the output folder.
//! It is written under another name, flushed and renamed, so that a folder with a state's name is complete whenever the
//! program ended. It holds digests of all its files, so that one that a disk has damaged is found before any of it is
//! used. A training that goes on from a state begins with the models of that state, and with nothing else that an
//! interrupted run has left.

mod tensors;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use marque_contracts::disk::is_missing;
use marque_contracts::durable::{create_folder, link_or_copy, remove, sync_file, sync_folder};
use marque_contracts::{Digest, RESUME, json};
use marque_formats::EpochRow;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::ema::Ema;
use crate::learner::Learner;
use crate::optimizer::ParameterState;
use crate::position::Position;
use crate::train_state::{EpochState, Timing, TrainState};

const WEIGHTS: &str = "model.safetensors";
const OPTIMIZER: &str = "optimizer.safetensors";
const AVERAGE: &str = "average.safetensors";
/// The rows of finished epochs; not there before the first is.
const HISTORY: &str = "history.parquet";
const STATE: &str = "state.json";
const DIGESTS: &str = "digests.json";
/// Folder of the models that a state refers to, under their paths in the output folder.
const KEPT: &str = "kept";
const UNFINISHED: &str = ".tmp";

/// All but the values and the history of a state: `state.json`.
#[derive(Serialize, Deserialize)]
struct Record {
    epoch: usize,
    best_epoch: usize,
    timings: Vec<Timing>,
    epoch_state: EpochState,
    /// Steps that each parameter has taken.
    steps: BTreeMap<String, u64>,
    ema_steps: Option<u64>,
    /// Digests of the files in [`KEPT`].
    kept: BTreeMap<String, Digest>,
    /// Batches in an epoch.
    #[serde(default)]
    batches: usize,
}

/// How long the part of a training took that a state is after.
#[derive(Deserialize)]
pub(crate) struct Elapsed {
    /// Of each finished epoch.
    pub(crate) timings: Vec<Timing>,
    /// Of the epoch under way.
    #[serde(rename = "epoch_state")]
    pub(crate) under_way: UnderWay,
    /// Batches in an epoch; 0 if the state does not say.
    #[serde(default)]
    pub(crate) batches: usize,
}

/// What is done of the epoch under way.
#[derive(Deserialize)]
pub(crate) struct UnderWay {
    pub(crate) timing: Timing,
}

impl Elapsed {
    /// Reads it off the state at a position in a work folder; `None` if there is no telling.
    pub(crate) fn of(work: &Path, position: Position) -> Option<Self> {
        json::read(&work.join(RESUME).join(position.name()).join(STATE)).ok()
    }
}

/// The states of one training, the last of which is resumed from.
pub(crate) struct ResumeStore {
    output: PathBuf,
    root: PathBuf,
    /// Batches in an epoch.
    batches: usize,
}

impl ResumeStore {
    /// The states in the output folder of a training, of so many batches in an epoch.
    pub(crate) fn new(output: &Path, batches: usize) -> Self {
        Self { output: output.to_owned(), root: output.join(RESUME), batches }
    }

    /// Writes a state durably; earlier ones are removed then.
    pub(crate) fn write(
        &self,
        state: &TrainState,
        epoch_state: &EpochState,
        learner: &Learner<'_>,
    ) -> Result<(), Error> {
        let name = Position { epoch: state.epoch, batches: epoch_state.batches() }.name();
        let unfinished = self.root.join(format!("{name}{UNFINISHED}"));
        let folder = self.root.join(&name);
        let written = self.write_as(state, epoch_state, learner, &unfinished, &folder);
        if written.is_err() {
            // Where the disk is full, half a state takes the room that the next try needs.
            let _ = remove(&unfinished);
            return written;
        }
        for older in self.list()?.iter().filter(|path| **path != folder) {
            discard(older)?;
        }
        Ok(())
    }

    fn write_as(
        &self,
        state: &TrainState,
        epoch_state: &EpochState,
        learner: &Learner<'_>,
        unfinished: &Path,
        folder: &Path,
    ) -> Result<(), Error> {
        remove(unfinished)?;
        create_folder(unfinished)?;
        for path in state.kept.keys() {
            let second = unfinished.join(KEPT).join(path);
            link_or_copy(&self.output.join(path), &second)?;
            sync_folder(second.parent().unwrap_or(unfinished))?;
        }
        write(state, epoch_state, learner, self.batches, unfinished)?;
        sync_folder(unfinished)?;
        remove(folder)?;
        fs_err::rename(unfinished, folder)?;
        Ok(sync_folder(&self.root)?)
    }

    /// Restores the last state that is not damaged, if there is one, with the models that it refers to; everything else
    /// in the output folder is removed.
    pub(crate) fn read(&self, learner: &mut Learner<'_>) -> Result<Option<(TrainState, EpochState)>, Error> {
        for folder in self.list()?.iter().rev() {
            match check(folder)? {
                Ok(record) => {
                    self.restore_models(folder, &record.kept)?;
                    return read(learner, folder, record).map(Some);
                }
                Err(damage) => {
                    tracing::warn!(
                        "the state {} is damaged ({damage}): resuming from the state before it, or from the start",
                        folder.display()
                    );
                    remove(folder)?;
                }
            }
        }
        self.restore_models(&self.root, &BTreeMap::new())?;
        Ok(None)
    }

    /// Leaves in the output folder, beside the states, the models of one of them and nothing else.
    fn restore_models(&self, state: &Path, kept: &BTreeMap<String, Digest>) -> Result<(), Error> {
        for entry in fs_err::read_dir(&self.output)? {
            let path = entry?.path();
            if path.components().ne(self.root.components()) {
                remove(&path)?;
            }
        }
        for path in kept.keys() {
            link_or_copy(&state.join(KEPT).join(path), &self.output.join(path))?;
        }
        Ok(())
    }

    /// Makes sure, at the end of a training, that its models are still what was written.
    pub(crate) fn check_models(&self, state: &TrainState) -> Result<(), Error> {
        for (path, written) in &state.kept {
            let path = self.output.join(path);
            if Digest::of_file(&path)? != *written {
                return Err(Error::state(&path, "it was changed while training went on"));
            }
        }
        Ok(())
    }

    /// Folders of complete states, in the order of training.
    fn list(&self) -> Result<Vec<PathBuf>, Error> {
        let entries = match fs_err::read_dir(&self.root) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if name.starts_with("epoch-") && !name.ends_with(UNFINISHED) {
                found.push(path);
            }
        }
        found.sort_unstable();
        Ok(found)
    }
}

/// Renames a folder before it is removed: one that is half removed must not look complete.
fn discard(folder: &Path) -> Result<(), Error> {
    let unfinished = folder.with_extension("tmp");
    remove(&unfinished)?;
    fs_err::rename(folder, &unfinished)?;
    Ok(remove(&unfinished)?)
}

fn write(
    state: &TrainState,
    epoch_state: &EpochState,
    learner: &Learner<'_>,
    batches: usize,
    folder: &Path,
) -> Result<(), Error> {
    let weights = folder.join(WEIGHTS);
    learner.network.save(&weights)?;
    sync_file(&weights)?;
    write_optimizer(learner, &folder.join(OPTIMIZER))?;
    if let Some(ema) = &learner.ema {
        let named = ema.named().map(|(name, values)| (name.to_owned(), values));
        tensors::write(&folder.join(AVERAGE), named)?;
    }
    if !state.history.is_empty() {
        EpochRow::write(&state.history, &folder.join(HISTORY))?;
    }
    let steps = learner.parameters.iter().zip(learner.optimizer.state());
    let record = Record {
        epoch: state.epoch,
        best_epoch: state.best_epoch,
        timings: state.timings.clone(),
        epoch_state: epoch_state.clone(),
        steps: steps.map(|(parameter, state)| (parameter.name.clone(), state.steps)).collect(),
        ema_steps: learner.ema.as_ref().map(Ema::steps),
        kept: state.kept.clone(),
        batches,
    };
    json::write(&folder.join(STATE), &record)?;
    let mut digests = BTreeMap::new();
    for name in [WEIGHTS, OPTIMIZER, AVERAGE, HISTORY, STATE] {
        let path = folder.join(name);
        if path.exists() {
            digests.insert(name, Digest::of_file(&path)?);
        }
    }
    Ok(json::write(&folder.join(DIGESTS), &digests)?)
}

/// Reads what a state says of itself after hashing all its files, or what is wrong with one of them.
///
/// # Errors
/// If a file is there and cannot be read: that says nothing of what it holds.
fn check(folder: &Path) -> Result<Result<Record, String>, Error> {
    let digests: BTreeMap<String, Digest> = match whole(&folder.join(DIGESTS))? {
        Ok(digests) => digests,
        Err(damage) => return Ok(Err(damage)),
    };
    if let Some(missing) = [WEIGHTS, OPTIMIZER, STATE].iter().find(|name| !digests.contains_key(**name)) {
        return Ok(Err(format!("{DIGESTS} does not name {missing}")));
    }
    if let Some(damage) = damage(folder, &digests)? {
        return Ok(Err(damage));
    }
    let record: Record = match whole(&folder.join(STATE))? {
        Ok(record) => record,
        Err(damage) => return Ok(Err(damage)),
    };
    let damage = damage(&folder.join(KEPT), &record.kept)?;
    Ok(damage.map_or(Ok(record), Err))
}

/// A JSON record, or what is wrong with it.
fn whole<T: DeserializeOwned>(path: &Path) -> Result<Result<T, String>, Error> {
    match json::read(path) {
        Ok(record) => Ok(Ok(record)),
        Err(error) if json::is_damage(&error) || is_missing(&error) => Ok(Err(error.to_string())),
        Err(error) => Err(error.into()),
    }
}

/// The first file that is missing or has another digest, in words.
fn damage(folder: &Path, digests: &BTreeMap<String, Digest>) -> Result<Option<String>, Error> {
    for (name, written) in digests {
        match Digest::of_file(&folder.join(name)) {
            Ok(found) if found == *written => {}
            Ok(_) => return Ok(Some(format!("{name} is not what was written"))),
            Err(error) if is_missing(&error) => return Ok(Some(error.to_string())),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
}

fn read(learner: &mut Learner<'_>, folder: &Path, record: Record) -> Result<(TrainState, EpochState), Error> {
    learner.network.load(&folder.join(WEIGHTS))?;
    read_optimizer(learner, &folder.join(OPTIMIZER), &record.steps)?;
    if let Some(ema) = &mut learner.ema {
        let path = folder.join(AVERAGE);
        let mut saved = tensors::read(&path)?;
        let mut values = Vec::new();
        for (name, old) in ema.named() {
            values.push(take(&mut saved, name, &[old.len()], &path)?);
        }
        ema.restore(record.ema_steps.unwrap_or(0), values);
    }
    let history = if record.epoch > 1 {
        let heads: Vec<_> = learner.objective.head_names().map(str::to_owned).collect();
        EpochRow::read(&folder.join(HISTORY), &heads)?
    } else {
        Vec::new()
    };
    let Record { epoch, best_epoch, timings, epoch_state, kept, .. } = record;
    Ok((TrainState { epoch, best_epoch, history, timings, kept }, epoch_state))
}

/// The optimiser's state, and the parameters that the objective has beside the network's.
fn write_optimizer(learner: &Learner<'_>, path: &Path) -> Result<(), Error> {
    let mut values = Vec::new();
    for (parameter, state) in learner.parameters.iter().zip(learner.optimizer.state()) {
        values.push((format!("{}.first", parameter.name), state.first.as_slice()));
        values.push((format!("{}.second", parameter.name), state.second.as_slice()));
    }
    let mut extras = Vec::new();
    for parameter in learner.objective.parameters() {
        extras.push((format!("{}.value", parameter.name), parameter.var.to_vec1::<f32>()?));
    }
    values.extend(extras.iter().map(|(name, values)| (name.clone(), values.as_slice())));
    tensors::write(path, values)
}

fn read_optimizer(
    learner: &mut Learner<'_>,
    path: &Path,
    steps: &BTreeMap<String, u64>,
) -> Result<(), Error> {
    let mut saved = tensors::read(path)?;
    let mut states = Vec::with_capacity(learner.parameters.len());
    for parameter in &learner.parameters {
        let (name, len) = (&parameter.name, parameter.var.elem_count());
        states.push(ParameterState {
            steps: steps.get(name).copied().unwrap_or(0),
            first: take(&mut saved, &format!("{name}.first"), &[0, len], path)?,
            second: take(&mut saved, &format!("{name}.second"), &[0, len], path)?,
        });
    }
    learner.optimizer.restore(states);
    for parameter in learner.objective.parameters() {
        let len = parameter.var.elem_count();
        let values = take(&mut saved, &format!("{}.value", parameter.name), &[len], path)?;
        parameter.var.set(&Tensor::from_vec(values, len, &Device::Cpu)?)?;
    }
    Ok(())
}

/// A list by its name, which must have one of some lengths.
fn take(
    saved: &mut BTreeMap<String, Vec<f32>>,
    name: &str,
    lengths: &[usize],
    path: &Path,
) -> Result<Vec<f32>, Error> {
    let values = saved.remove(name).ok_or_else(|| Error::state(path, format!("{name} is missing")))?;
    if !lengths.contains(&values.len()) {
        return Err(Error::state(path, format!("{name} has another size")));
    }
    Ok(values)
}
