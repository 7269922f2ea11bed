//! The stage itself.

use std::collections::BTreeMap;
use std::path::Path;

use marque_contracts::schema::{Head, features, labels, preprocess, train};
use marque_contracts::{Digest, Failure, Input, Job, Stage, Summary};
use marque_formats::EpochRow;
use marque_network::{HeadConfig, Network, NetworkConfig, Precision};
use serde_json::{Value, json};

use crate::checkpoint::{Timing, flush};
use crate::data::Data;
use crate::features::FeatureReader;
use crate::hierarchy::label_hierarchy;
use crate::trainer::{Trained, Trainer, states};
use crate::{Error, Settings};

/// Stage 4.
pub struct Train {
    settings: Settings,
}

impl Train {
    /// The stage with its settings.
    pub fn new(settings: Settings) -> Self {
        Self { settings }
    }

    fn train(&self, job: &Job<'_>) -> Result<Summary, Error> {
        let (settings, output) = (&self.settings, job.output());
        let data = Data::open(job)?;
        let history = [train::HISTORY, train::HISTORY_CSV].map(|name| output.join(name));
        let states = states(output);
        if !states.exist() && history[0].exists() {
            // States are deleted last: an interrupted run had finished all but saying so.
            states.clear()?;
            match finished(&history[0], &data) {
                Ok(trained) => return Ok(summary(&trained, &data)),
                Err(error) => {
                    tracing::warn!("what an interrupted run left is damaged, training anew: {error}")
                }
            }
        }
        let (network, features) = prepare(settings, &data, job)?;
        let trainer = Trainer::new(settings, &data, features.as_ref(), network, output, job.progress())?;
        let trained = trainer.train(&output.join(train::MODEL))?;
        EpochRow::write(&trained.history, &history[0])?;
        EpochRow::write_csv(&trained.history, &history[1])?;
        history.iter().try_for_each(|path| flush(path))?;
        states.clear()?;
        Ok(summary(&trained, &data))
    }
}

/// The network before its first step, and the activations that it reads in place of photos, if it does.
pub(crate) fn prepare(
    settings: &Settings,
    data: &Data,
    job: &Job<'_>,
) -> Result<(Network, Option<FeatureReader>), Error> {
    let stored = data.geometry().height;
    if let Some((key, message)) = settings.size_misfits(stored).first() {
        return Err(Error::Settings(format!("{key} {message}")));
    }
    if settings.precision == Precision::Bf16 && marque_kernels::bf16_unit().is_none() {
        tracing::warn!("this CPU has no unit for bf16: runtime.precision = \"f32\" would be faster here");
    }
    let heads = data.heads.iter().map(head_config).collect();
    let config = network_config(settings, stored, heads);
    let config = NetworkConfig { hierarchy: label_hierarchy(settings, &data.heads, &data.train)?, ..config };
    let network = Network::new(&config, settings.seed)?.with_precision(settings.precision);
    if let Some(path) = &settings.weights {
        load_backbone(&network, path)?;
    }
    let features = match settings.cached_parts() {
        0 => None,
        _ => Some(FeatureReader::open(job.input(features::STAGE))?),
    };
    Ok((network, features))
}

/// What an earlier run left when it was interrupted after its last epoch.
fn finished(history: &Path, data: &Data) -> Result<Trained, Error> {
    let names: Vec<_> = data.heads.iter().map(|head| head.name.clone()).collect();
    let history = EpochRow::read(history, &names)?;
    let best_epoch = history.iter().find(|row| row.kept).map_or(0, |row| row.epoch as usize);
    Ok(Trained { best_epoch, resumed_epochs: history.len(), timings: Vec::new(), history })
}

pub(crate) fn head_config(head: &Head) -> HeadConfig {
    HeadConfig::new(&head.name, head.classes.iter().cloned()).with_kind(head.kind)
}

/// A network of the configured backbone for photos of `size` pixels.
pub(crate) fn network_config(settings: &Settings, size: usize, heads: Vec<HeadConfig>) -> NetworkConfig {
    NetworkConfig {
        backbone: settings.backbone,
        bottleneck_stride: settings.bottleneck_stride,
        norm_eps: settings.norm_eps,
        norm_momentum: 0.1,
        zero_init_residual: settings.weights.is_none(),
        dropout: settings.dropout as f32,
        input_size: size,
        mean: settings.mean.map(|x| x as f32),
        std: settings.std.map(|x| x as f32),
        heads,
        hierarchy: None,
    }
}

/// The content of the pretrained weights, by the key that names them.
pub(crate) fn weights_source(settings: &Settings) -> Result<BTreeMap<String, Digest>, Failure> {
    let Some(path) = &settings.weights else { return Ok(BTreeMap::new()) };
    let digest = Digest::of_file(path).map_err(|e| Error::io("read", path, e))?;
    Ok(BTreeMap::from([("weights".to_owned(), digest)]))
}

/// Loads pretrained weights, all of the backbone or none.
pub(crate) fn load_backbone(network: &Network, path: &Path) -> Result<(), Error> {
    let report = network.load_backbone(path)?;
    if report.is_complete() {
        tracing::info!("{} weights from {}", report.loaded.len(), path.display());
        return Ok(());
    }
    Err(Error::Weights {
        path: path.to_owned(),
        backbone: network.config().backbone.name().to_owned(),
        problem: report.to_string(),
    })
}

fn summary(trained: &Trained, data: &Data) -> Summary {
    let best = trained.history.iter().find(|row| row.epoch as usize == trained.best_epoch);
    let heads: Vec<_> = best
        .iter()
        .flat_map(|row| &row.heads)
        .filter_map(|head| Some(format!("{} {:.1}%", head.name, 100.0 * head.validation_accuracy?)))
        .collect();
    let line = match data.validation.is_empty() {
        true => match trained.history.len() {
            1 => "1 epoch".to_owned(),
            epochs => format!("{epochs} epochs"),
        },
        false => {
            format!("best epoch {} of {}: {}", trained.best_epoch, trained.history.len(), heads.join(", "))
        }
    };
    let photos = data.train.len();
    let timing = |timing: &Timing| {
        json!({
            "seconds": timing.seconds,
            "photos_per_second": timing.photos_per_second(photos),
            "waited_share": timing.waited_share(),
        })
    };
    let notes = BTreeMap::from([
        ("epochs".to_owned(), trained.timings.iter().map(timing).collect()),
        ("train_photos".to_owned(), json!(data.train.len())),
        ("validation_photos".to_owned(), json!(data.validation.len())),
        ("best_epoch".to_owned(), json!(trained.best_epoch)),
        ("resumed_epochs".to_owned(), json!(trained.resumed_epochs)),
    ]);
    Summary { line, notes }
}

impl Stage for Train {
    fn name(&self) -> &'static str {
        train::STAGE
    }

    fn version(&self) -> u32 {
        5
    }

    fn settings(&self) -> Value {
        json!(self.settings)
    }

    fn inputs(&self) -> Vec<Input> {
        let mut inputs = vec![
            Input { stage: labels::STAGE, files: &[labels::LABEL_TABLE, labels::HEADS] },
            Input {
                stage: preprocess::STAGE,
                files: &[preprocess::SHARDS, preprocess::INDEX, preprocess::PREPARATION],
            },
        ];
        if self.settings.cached_parts() > 0 {
            inputs.push(Input { stage: features::STAGE, files: &[features::FEATURES, features::RECORD] });
        }
        inputs
    }

    fn sources(&self) -> Result<BTreeMap<String, Digest>, Failure> {
        weights_source(&self.settings)
    }

    fn resumable(&self) -> bool {
        true
    }

    fn run(&self, job: &Job<'_>) -> Result<Summary, Failure> {
        Ok(self.train(job)?)
    }
}
