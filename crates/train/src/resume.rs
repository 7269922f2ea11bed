//! States to resume an interrupted training from.
//!
//! A state is a folder: weights, the optimiser's state, averaged weights, the history, and the position.
//! It is written under another name, flushed and renamed, so that a folder with a state's name is complete whenever the
//! program ended. It holds digests of its files, so that one that a disk has damaged is found before any of it is used.

mod tensors;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use marque_contracts::durable::{remove_folder, sync_file, sync_folder};
use marque_contracts::{Digest, json};
use marque_formats::EpochRow;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::ema::Ema;
use crate::learner::Learner;
use crate::optimizer::ParameterState;
use crate::position::{FOLDER, Position};
use crate::train_state::{EpochState, Timing, TrainState};

const WEIGHTS: &str = "model.safetensors";
const OPTIMIZER: &str = "optimizer.safetensors";
const AVERAGE: &str = "average.safetensors";
/// The rows of finished epochs; not there before the first is.
const HISTORY: &str = "history.parquet";
const STATE: &str = "state.json";
const DIGESTS: &str = "digests.json";
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
}

/// The states of one training, the last of which is resumed from.
pub(crate) struct ResumeStore {
    root: PathBuf,
}

impl ResumeStore {
    /// The states in the output folder of a training.
    pub(crate) fn new(output: &Path) -> Self {
        Self { root: output.join(FOLDER) }
    }

    /// Whether there is one, complete or not.
    pub(crate) fn exists(&self) -> bool {
        self.root.exists()
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
        remove_folder(&unfinished)?;
        fs_err::create_dir_all(&unfinished)?;
        write(state, epoch_state, learner, &unfinished)?;
        sync_folder(&unfinished)?;
        let folder = self.root.join(&name);
        remove_folder(&folder)?;
        fs_err::rename(&unfinished, &folder)?;
        sync_folder(&self.root)?;
        for older in self.list()?.iter().filter(|path| **path != folder) {
            remove(older)?;
        }
        Ok(())
    }

    /// Restores the last state that is not damaged, if there is one.
    pub(crate) fn read(&self, learner: &mut Learner<'_>) -> Result<Option<(TrainState, EpochState)>, Error> {
        for folder in self.list()?.iter().rev() {
            match damage(folder) {
                None => return read(learner, folder).map(Some),
                Some(damage) => {
                    tracing::warn!(
                        "the state {} is damaged ({damage}): resuming from the state before it, or from the start",
                        folder.display()
                    );
                    remove_folder(folder)?;
                }
            }
        }
        Ok(None)
    }

    /// Removes all states, in one step as far as anybody can see.
    pub(crate) fn clear(&self) -> Result<(), Error> {
        remove_folder(&self.root.with_extension("tmp"))?;
        if self.root.exists() { remove(&self.root) } else { Ok(()) }
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
fn remove(folder: &Path) -> Result<(), Error> {
    let unfinished = folder.with_extension("tmp");
    remove_folder(&unfinished)?;
    fs_err::rename(folder, &unfinished)?;
    Ok(remove_folder(&unfinished)?)
}

fn write(
    state: &TrainState,
    epoch_state: &EpochState,
    learner: &Learner<'_>,
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
        let history = folder.join(HISTORY);
        EpochRow::write(&state.history, &history)?;
        sync_file(&history)?;
    }
    let steps = learner.parameters.iter().zip(learner.optimizer.state());
    let record = Record {
        epoch: state.epoch,
        best_epoch: state.best_epoch,
        timings: state.timings.clone(),
        epoch_state: epoch_state.clone(),
        steps: steps.map(|(parameter, state)| (parameter.name.clone(), state.steps)).collect(),
        ema_steps: learner.ema.as_ref().map(Ema::steps),
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

/// What is wrong with the files of a state, if anything is.
fn damage(folder: &Path) -> Option<String> {
    let digests: BTreeMap<String, Digest> = match json::read(&folder.join(DIGESTS)) {
        Ok(digests) => digests,
        Err(error) => return Some(format!("{DIGESTS}: {error}")),
    };
    if let Some(missing) = [WEIGHTS, OPTIMIZER, STATE].iter().find(|name| !digests.contains_key(**name)) {
        return Some(format!("{DIGESTS} does not name {missing}"));
    }
    digests.iter().find_map(|(name, written)| match Digest::of_file(&folder.join(name)) {
        Ok(found) if found == *written => None,
        Ok(_) => Some(format!("{name} is not what was written")),
        Err(error) => Some(format!("{name}: {error}")),
    })
}

fn read(learner: &mut Learner<'_>, folder: &Path) -> Result<(TrainState, EpochState), Error> {
    let record: Record = json::read(&folder.join(STATE))?;
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
    let state =
        TrainState { epoch: record.epoch, best_epoch: record.best_epoch, history, timings: record.timings };
    Ok((state, record.epoch_state))
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
