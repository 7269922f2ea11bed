//! The stage itself.

use std::collections::BTreeMap;
use std::path::Path;

use marque_contracts::schema::{labels, preprocess, train};
use marque_contracts::{Digest, Failure, Input, Job, Stage, Summary};
use marque_formats::EpochRow;
use marque_network::{HeadConfig, Network, NetworkConfig};
use serde_json::{Value, json};

use crate::data::Data;
use crate::trainer::{Trained, Trainer};
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
        let data = Data::open(job)?;
        let network = Network::new(&self.config(&data), self.settings.seed)?;
        if let Some(path) = &self.settings.weights {
            load_backbone(&network, path)?;
        }
        let trainer = Trainer {
            settings: &self.settings,
            data: &data,
            network,
            output: job.output(),
            progress: job.progress(),
        };
        let trained = trainer.train(&job.output().join(train::MODEL))?;
        EpochRow::write(&trained.history, &job.output().join(train::HISTORY))?;
        EpochRow::write_csv(&trained.history, &job.output().join(train::HISTORY_CSV))?;
        Ok(summary(&trained, &data))
    }

    fn config(&self, data: &Data) -> NetworkConfig {
        let settings = &self.settings;
        let head =
            |head: &marque_contracts::schema::Head| HeadConfig::new(&head.name, head.classes.iter().cloned());
        NetworkConfig {
            backbone: settings.backbone,
            bottleneck_stride: settings.bottleneck_stride,
            norm_eps: settings.norm_eps,
            norm_momentum: 0.1,
            zero_init_residual: settings.weights.is_none(),
            dropout: settings.dropout as f32,
            input_size: data.geometry().height,
            mean: settings.mean.map(|x| x as f32),
            std: settings.std.map(|x| x as f32),
            heads: data.heads.iter().map(head).collect(),
        }
    }
}

/// Loads pretrained weights, all of the trunk or none.
fn load_backbone(network: &Network, path: &Path) -> Result<(), Error> {
    let report = network.load_backbone(path)?;
    if report.is_complete() {
        tracing::info!("{} weights from {}", report.loaded.len(), path.display());
        return Ok(());
    }
    Err(Error::Weights {
        path: path.to_owned(),
        backbone: format!("{:?}", network.config().backbone).to_lowercase(),
        problem: report.to_string(),
    })
}

fn summary(trained: &Trained, data: &Data) -> Summary {
    let best = trained.history.iter().find(|row| row.epoch as usize == trained.best_epoch);
    let heads: Vec<_> = best
        .iter()
        .flat_map(|row| &row.heads)
        .map(|head| format!("{} {:.1}%", head.name, 100.0 * head.validation_accuracy))
        .collect();
    let line = match data.validation.is_empty() {
        true => format!("{} epochs", trained.history.len()),
        false => {
            format!("best epoch {} of {}: {}", trained.best_epoch, trained.history.len(), heads.join(", "))
        }
    };
    let notes = BTreeMap::from([
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
        1
    }

    fn settings(&self) -> Value {
        json!(self.settings)
    }

    fn inputs(&self) -> Vec<Input> {
        vec![
            Input { stage: labels::STAGE, files: &[labels::LABEL_TABLE, labels::HEADS] },
            Input { stage: preprocess::STAGE, files: &[preprocess::SHARDS, preprocess::INDEX] },
        ]
    }

    fn sources(&self) -> Result<BTreeMap<String, Digest>, Failure> {
        let Some(path) = &self.settings.weights else { return Ok(BTreeMap::new()) };
        let digest = Digest::of_file(path).map_err(|e| Error::io("read", path, e))?;
        Ok(BTreeMap::from([("weights".to_owned(), digest)]))
    }

    fn resumable(&self) -> bool {
        true
    }

    fn run(&self, job: &Job<'_>) -> Result<Summary, Failure> {
        Ok(self.train(job)?)
    }
}
