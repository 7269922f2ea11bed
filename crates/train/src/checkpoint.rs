//! What training leaves on disk: models for others to open, and states to go on from.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use marque_formats::EpochRow;
use marque_network::{Network, NetworkConfig};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::Error;
use crate::optimizer::{AdamW, Moments};

const WEIGHTS: &str = "model.safetensors";
const CONFIG: &str = "config.json";
const PREPROCESSOR: &str = "preprocessor_config.json";
const MOMENTS: &str = "moments.safetensors";
const STATE: &str = "state.json";

/// Writes a model that other tools can open: weights, `config.json`, `preprocessor_config.json`.
pub(crate) fn write_model(network: &Network, folder: &Path) -> Result<(), Error> {
    create(folder)?;
    // Beside first: an interrupted run must not leave half a model where a whole one was.
    let beside = folder.join("model.safetensors.tmp");
    network.save(&beside)?;
    rename(&beside, &folder.join(WEIGHTS))?;
    write_json(&folder.join(CONFIG), network.config())?;
    write_json(&folder.join(PREPROCESSOR), &preprocessor(network.config()))
}

/// How to prepare photos, in the words of Hugging Face's image processors.
fn preprocessor(config: &NetworkConfig) -> serde_json::Value {
    json!({
        "do_resize": true,
        "size": { "height": config.input_size, "width": config.input_size },
        "resample": 2,
        "do_rescale": true,
        "rescale_factor": 1.0 / 255.0,
        "do_normalize": true,
        "image_mean": config.mean,
        "image_std": config.std,
    })
}

/// Folder of the checkpoint of an epoch.
pub(crate) fn epoch_folder(root: &Path, epoch: usize) -> PathBuf {
    root.join(format!("epoch-{epoch:03}"))
}

/// Where a training stands after an epoch.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct State {
    /// Epochs finished.
    pub(crate) epochs: usize,
    /// Steps of the optimiser.
    pub(crate) steps: u64,
    /// Epoch of the model in `model/`.
    pub(crate) best_epoch: usize,
    /// Measurements so far.
    pub(crate) history: Vec<EpochRecord>,
}

/// [`EpochRow`] for JSON. Floats are kept as their bits: what is read back must be what was written.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct EpochRecord {
    epoch: u32,
    numbers: [u64; 3],
    heads: Vec<(String, [u64; 3])>,
}

impl From<&EpochRow> for EpochRecord {
    fn from(row: &EpochRow) -> Self {
        let head = |head: &marque_formats::HeadEpoch| {
            let numbers = [head.train_accuracy, head.validation_accuracy, head.validation_macro_f1];
            (head.name.clone(), numbers.map(f64::to_bits))
        };
        Self {
            epoch: row.epoch,
            numbers: [row.learning_rate, row.train_loss, row.validation_loss].map(f64::to_bits),
            heads: row.heads.iter().map(head).collect(),
        }
    }
}

impl From<&EpochRecord> for EpochRow {
    fn from(record: &EpochRecord) -> Self {
        let [learning_rate, train_loss, validation_loss] = record.numbers.map(f64::from_bits);
        let head = |(name, numbers): &(String, [u64; 3])| {
            let [train_accuracy, validation_accuracy, validation_macro_f1] = numbers.map(f64::from_bits);
            marque_formats::HeadEpoch {
                name: name.clone(),
                train_accuracy,
                validation_accuracy,
                validation_macro_f1,
            }
        };
        let heads = record.heads.iter().map(head).collect();
        Self { epoch: record.epoch, learning_rate, train_loss, validation_loss, kept: false, heads }
    }
}

/// Writes all that is needed to go on after an epoch; what was there for earlier epochs is deleted then.
pub(crate) fn write_state(
    root: &Path,
    network: &Network,
    optimizer: &AdamW,
    state: &State,
) -> Result<(), Error> {
    let folder = epoch_folder(root, state.epochs);
    create(&folder)?;
    network.save(&folder.join(WEIGHTS))?;
    write_moments(&folder.join(MOMENTS), network, optimizer)?;
    for name in [WEIGHTS, MOMENTS] {
        let path = folder.join(name);
        std::fs::File::open(&path)
            .and_then(|file| file.sync_all())
            .map_err(|e| Error::io("flush", &path, e))?;
    }
    // Last, and by renaming: a folder with a state in it is a whole one.
    let (beside, path) = (folder.join("state.json.tmp"), folder.join(STATE));
    write_json(&beside, state)?;
    rename(&beside, &path)?;
    for (epochs, older) in states(root)? {
        if epochs < state.epochs {
            std::fs::remove_dir_all(&older).map_err(|e| Error::io("delete", &older, e))?;
        }
    }
    Ok(())
}

/// Goes back to where an interrupted run was, if it left a whole state.
pub(crate) fn read_state(
    root: &Path,
    network: &Network,
    optimizer: &mut AdamW,
) -> Result<Option<State>, Error> {
    let Some((_, folder)) = states(root)?.into_iter().rfind(|(_, folder)| folder.join(STATE).exists()) else {
        return Ok(None);
    };
    let path = folder.join(STATE);
    let text = std::fs::read_to_string(&path).map_err(|e| Error::io("read", &path, e))?;
    let state: State = serde_json::from_str(&text).map_err(|source| Error::Json { path, source })?;
    network.load(&folder.join(WEIGHTS))?;
    let path = folder.join(MOMENTS);
    let moments = read_moments(&path)?;
    optimizer
        .restore(network.parameters(), state.steps, moments)
        .map_err(|reason| Error::state(&path, reason))?;
    Ok(Some(state))
}

/// Folders of states, by epoch.
fn states(root: &Path) -> Result<Vec<(usize, PathBuf)>, Error> {
    if !root.exists() {
        return Ok(Vec::new());
    }
    let io = |e| Error::io("list", root, e);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root).map_err(io)? {
        let path = entry.map_err(io)?.path();
        let name =
            path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_prefix("epoch-"));
        if let Some(epoch) = name.and_then(|digits| digits.parse().ok()) {
            found.push((epoch, path));
        }
    }
    found.sort_unstable();
    Ok(found)
}

fn write_moments(path: &Path, network: &Network, optimizer: &AdamW) -> Result<(), Error> {
    let mut named: Vec<(String, &[f32])> = Vec::new();
    for (parameter, moments) in optimizer.moments(network.parameters()) {
        named.push((format!("{}.first", parameter.name), &moments.first));
        named.push((format!("{}.second", parameter.name), &moments.second));
    }
    let bytes: Vec<Vec<u8>> = named
        .iter()
        .map(|(_, values)| values.iter().flat_map(|value| value.to_le_bytes()).collect())
        .collect();
    let mut views = Vec::with_capacity(named.len());
    for ((name, values), bytes) in named.iter().zip(&bytes) {
        let view = TensorView::new(Dtype::F32, vec![values.len()], bytes)
            .map_err(|e| Error::state(path, e.to_string()))?;
        views.push((name.clone(), view));
    }
    safetensors::serialize_to_file(views, None::<HashMap<String, String>>, path)
        .map_err(|e| Error::state(path, e.to_string()))
}

fn read_moments(path: &Path) -> Result<BTreeMap<String, Moments>, Error> {
    let bytes = std::fs::read(path).map_err(|e| Error::io("read", path, e))?;
    let tensors = SafeTensors::deserialize(&bytes).map_err(|e| Error::state(path, e.to_string()))?;
    let values = |view: TensorView<'_>| -> Vec<f32> {
        view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
    };
    let mut moments = BTreeMap::new();
    for name in tensors.names() {
        let Some(parameter) = name.strip_suffix(".first") else { continue };
        let tensor = |name: &str| tensors.tensor(name).map_err(|e| Error::state(path, e.to_string()));
        let second = tensor(&format!("{parameter}.second"))?;
        moments
            .insert(parameter.to_owned(), Moments { first: values(tensor(name)?), second: values(second) });
    }
    Ok(moments)
}

fn create(folder: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(folder).map_err(|e| Error::io("create", folder, e))
}

fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    std::fs::rename(from, to).map_err(|e| Error::io("rename", to, e))
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<(), Error> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|source| Error::Json { path: path.to_owned(), source })?;
    std::fs::write(path, text).map_err(|e| Error::io("write", path, e))
}
