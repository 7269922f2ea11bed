//! Where a training stands, in memory and on disk.
//!
//! A state is a folder. It is filled under another name, flushed, and renamed: a folder with a state's name is a
//! whole one, whenever the program was killed. Digests of its files are in it, so that one that a disk has damaged is
//! known before any of it is used.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use marque_contracts::Digest;
use marque_contracts::schema::Head;
use marque_contracts::schema::model::WEIGHTS;
use marque_formats::EpochRow;
use serde::{Deserialize, Serialize};

use super::{EpochRecord, create, delete, flush, rename, tensors, write_json};
use crate::Error;
use crate::ema::Ema;
use crate::learner::Learner;
use crate::measured::Measured;
use crate::optimizer::Memory;

const OPTIMIZER: &str = "optimizer.safetensors";
const AVERAGE: &str = "average.safetensors";
const STATE: &str = "state.json";
const DIGESTS: &str = "digests.json";
const UNFINISHED: &str = ".tmp";

/// Where a training stands. All random choices follow from the seed and the place, so no generator is in it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Run {
    /// Epoch under way, from 1; one more than there are when all are done.
    pub(crate) epoch: usize,
    /// Batches of it that are done.
    pub(crate) batches: usize,
    /// Epoch of the model in `model/`; 0 for none yet.
    pub(crate) best_epoch: usize,
    /// A row per finished epoch.
    pub(crate) history: Vec<EpochRow>,
    /// What was measured in the epoch under way, if it has begun.
    pub(crate) running: Option<Running>,
    /// How long each finished epoch took.
    pub(crate) timings: Vec<Timing>,
}

/// What was measured in the epoch under way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Running {
    pub(crate) measured: Measured,
    /// Sum over its steps of the norm of the gradients.
    #[serde(with = "crate::bits")]
    pub(crate) norms: f64,
    /// Steps of the optimiser.
    pub(crate) steps: usize,
    /// Time so far.
    pub(crate) timing: Timing,
}

/// How long an epoch took. Not part of any result.
#[derive(Clone, Copy, Debug, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Timing {
    /// Seconds of training, validation left out.
    pub(crate) seconds: f64,
    /// Seconds of these in which the next batch was waited for.
    pub(crate) waited: f64,
}

/// All but the values of a state: `state.json`.
#[derive(Serialize, Deserialize)]
struct Record {
    epoch: usize,
    batches: usize,
    best_epoch: usize,
    history: Vec<EpochRecord>,
    running: Option<Running>,
    timings: Vec<Timing>,
    /// Steps that each parameter has taken.
    steps: BTreeMap<String, u64>,
    ema_steps: Option<u64>,
}

/// The folder of states.
pub(crate) struct States {
    root: PathBuf,
}

impl Run {
    /// Nothing done yet.
    pub(crate) fn start() -> Self {
        Self { epoch: 1, batches: 0, best_epoch: 0, history: Vec::new(), running: None, timings: Vec::new() }
    }
}

impl Running {
    /// An epoch that has not begun.
    pub(crate) fn new(heads: &[Head]) -> Self {
        Self { measured: Measured::new(heads), norms: 0.0, steps: 0, timing: Timing::default() }
    }
}

impl Timing {
    /// Photos trained on in a second, of so many in the epoch.
    pub(crate) fn photos_per_second(self, photos: usize) -> f64 {
        if self.seconds > 0.0 { photos as f64 / self.seconds } else { 0.0 }
    }

    /// Share of the time in which the next batch was waited for.
    pub(crate) fn waited_share(self) -> f64 {
        if self.seconds > 0.0 { self.waited / self.seconds } else { 0.0 }
    }
}

impl States {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Whether there is one, whole or not.
    pub(crate) fn exist(&self) -> bool {
        self.root.exists()
    }

    /// Writes a state; those of earlier places are deleted then.
    pub(crate) fn write(&self, run: &Run, learner: &Learner) -> Result<(), Error> {
        let name = format!("epoch-{:05}-batch-{:08}", run.epoch, run.batches);
        let beside = self.root.join(format!("{name}{UNFINISHED}"));
        delete(&beside)?;
        create(&beside)?;
        write(run, learner, &beside)?;
        flush(&beside)?;
        let folder = self.root.join(&name);
        delete(&folder)?;
        rename(&beside, &folder)?;
        flush(&self.root)?;
        for older in self.list()?.iter().filter(|path| **path != folder) {
            // Under another name first: what is deleted halfway must not look whole.
            let doomed = older.with_extension("tmp");
            delete(&doomed)?;
            rename(older, &doomed)?;
            delete(&doomed)?;
        }
        Ok(())
    }

    /// Goes back to where an interrupted run was: to its last state that is not damaged, if there is one.
    pub(crate) fn read(&self, learner: &mut Learner) -> Result<Option<Run>, Error> {
        for folder in self.list()?.iter().rev() {
            match damage(folder) {
                None => return read(learner, folder).map(Some),
                Some(damage) => {
                    tracing::warn!(
                        "the state {} is damaged ({damage}): going on from the state before it, or from the start",
                        folder.display()
                    );
                    delete(folder)?;
                }
            }
        }
        Ok(None)
    }

    /// Deletes all states, in one step as far as anybody can see.
    pub(crate) fn clear(&self) -> Result<(), Error> {
        let doomed = self.root.with_extension("tmp");
        delete(&doomed)?;
        if self.root.exists() {
            rename(&self.root, &doomed)?;
        }
        delete(&doomed)
    }

    /// Folders of whole states, in the order of their places.
    fn list(&self) -> Result<Vec<PathBuf>, Error> {
        let io = |e| Error::io("list", &self.root, e);
        let entries = match std::fs::read_dir(&self.root) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(io)?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let path = entry.map_err(io)?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if name.starts_with("epoch-") && !name.ends_with(UNFINISHED) {
                found.push(path);
            }
        }
        found.sort_unstable();
        Ok(found)
    }
}

fn write(run: &Run, learner: &Learner, folder: &Path) -> Result<(), Error> {
    let weights = folder.join(WEIGHTS);
    learner.network.save(&weights)?;
    flush(&weights)?;
    write_optimizer(learner, &folder.join(OPTIMIZER))?;
    if let Some(ema) = &learner.ema {
        let named = ema.named().map(|(name, values)| (name.to_owned(), values));
        tensors::write(&folder.join(AVERAGE), named)?;
    }
    let steps = learner.parameters.iter().zip(learner.optimizer.memories());
    let record = Record {
        epoch: run.epoch,
        batches: run.batches,
        best_epoch: run.best_epoch,
        history: run.history.iter().map(Into::into).collect(),
        running: run.running.clone(),
        timings: run.timings.clone(),
        steps: steps.map(|(parameter, memory)| (parameter.name.clone(), memory.steps)).collect(),
        ema_steps: learner.ema.as_ref().map(Ema::steps),
    };
    let path = folder.join(STATE);
    write_json(&path, &record)?;
    flush(&path)?;
    let mut digests = BTreeMap::new();
    for name in [WEIGHTS, OPTIMIZER, AVERAGE, STATE] {
        let path = folder.join(name);
        if path.exists() {
            digests.insert(name, Digest::of_file(&path).map_err(|e| Error::io("read", &path, e))?);
        }
    }
    let path = folder.join(DIGESTS);
    write_json(&path, &digests)?;
    flush(&path)
}

/// What is wrong with the files of a state, if anything is.
fn damage(folder: &Path) -> Option<String> {
    let text = match std::fs::read_to_string(folder.join(DIGESTS)) {
        Ok(text) => text,
        Err(error) => return Some(format!("{DIGESTS}: {error}")),
    };
    let digests: BTreeMap<String, Digest> = match serde_json::from_str(&text) {
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

fn read(learner: &mut Learner, folder: &Path) -> Result<Run, Error> {
    let path = folder.join(STATE);
    let text = std::fs::read_to_string(&path).map_err(|e| Error::io("read", &path, e))?;
    let record: Record = serde_json::from_str(&text).map_err(|source| Error::Json { path, source })?;
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
    Ok(Run {
        epoch: record.epoch,
        batches: record.batches,
        best_epoch: record.best_epoch,
        history: record.history.iter().map(Into::into).collect(),
        running: record.running,
        timings: record.timings,
    })
}

/// What the optimiser remembers, and what is learned beside the network.
fn write_optimizer(learner: &Learner, path: &Path) -> Result<(), Error> {
    let mut values = Vec::new();
    for (parameter, memory) in learner.parameters.iter().zip(learner.optimizer.memories()) {
        values.push((format!("{}.first", parameter.name), memory.first.as_slice()));
        values.push((format!("{}.second", parameter.name), memory.second.as_slice()));
    }
    let mut extras = Vec::new();
    for parameter in learner.objective.parameters() {
        extras.push((format!("{}.value", parameter.name), parameter.var.to_vec1::<f32>()?));
    }
    values.extend(extras.iter().map(|(name, values)| (name.clone(), values.as_slice())));
    tensors::write(path, values)
}

fn read_optimizer(learner: &mut Learner, path: &Path, steps: &BTreeMap<String, u64>) -> Result<(), Error> {
    let mut saved = tensors::read(path)?;
    let mut memories = Vec::with_capacity(learner.parameters.len());
    for parameter in &learner.parameters {
        let (name, len) = (&parameter.name, parameter.var.elem_count());
        memories.push(Memory {
            steps: steps.get(name).copied().unwrap_or(0),
            first: take(&mut saved, &format!("{name}.first"), &[0, len], path)?,
            second: take(&mut saved, &format!("{name}.second"), &[0, len], path)?,
        });
    }
    learner.optimizer.restore(memories);
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
