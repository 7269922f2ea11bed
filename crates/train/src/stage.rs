//! The stage `train`: from labels and shards to the best model and the history of its epochs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use marque_contracts::counts::{counted, percent, seconds};
use marque_contracts::schema::{features, labels, preprocess, train};
use marque_contracts::{Digest, Failure, Input, Job, Stage, Summary};
use marque_formats::EpochRow;
use marque_kernels::NUMERICS_VERSION;
use serde_json::{Value, json};

use crate::calibration::calibrate;
use crate::data::{Data, read_labels};
use crate::initial_network::{check_weights, initial_network, weights_source};
use crate::inputs::Inputs;
use crate::locator::train_locator;
use crate::position::Position;
use crate::resume::ResumeStore;
use crate::time_left::time_left_by_record;
use crate::train_state::Timing;
use crate::trainer::{Trained, Trainer};
use crate::{Error, Settings};

/// Photos below which a training from scratch learns little: ResNets without pretrained weights want some thousands.
const FEW: usize = 5_000;

/// The stage that trains the network.
pub struct Train {
    settings: Settings,
    /// Whether the photos are drawn by the program: so much alike that a few are enough.
    drawn: bool,
}

impl Train {
    /// The stage with its settings.
    pub fn new(settings: Settings) -> Self {
        Self { settings, drawn: false }
    }

    /// The same for photos that the program draws: it does not warn where these are few.
    pub fn on_drawn_photos(self, drawn: bool) -> Self {
        Self { drawn, ..self }
    }

    fn train(&self, job: &Job<'_>) -> Result<Summary, Error> {
        let output = job.output();
        let data = Data::open(job, &self.settings)?;
        let photos = data.train.len();
        let settings = &self.settings.settled(photos);
        let chosen = self.settings.chosen(photos);
        if !chosen.is_empty() {
            let values: Vec<_> = chosen.iter().map(|(key, value)| format!("{key} = {value}")).collect();
            job.progress().line(&format!("{}: {}", Settings::why_chosen(photos), values.join(", ")));
        }
        if settings.weights.is_none() && photos < FEW && !self.drawn {
            tracing::warn!(
                "training from scratch on {}, which are few to learn from: train.weights = \"resnet18\" starts from what \
                 ImageNet's photos have taught, and takes its other settings from there",
                counted(photos as u64, "photo", "photos")
            );
        }
        let (network, features) = initial_network(settings, &data, job)?;
        let inputs = Inputs { settings, data: &data, features: features.as_ref() };
        let resume = ResumeStore::new(output, inputs.batches_per_epoch());
        let trained = Trainer::new(inputs, network, output, job.progress())?.train(&resume)?;
        let model = output.join(train::MODEL);
        train_locator(inputs, &model, job.progress())?;
        calibrate(inputs, output, job.progress())?;
        EpochRow::write(&trained.history, &output.join(train::HISTORY))?;
        EpochRow::write_csv(&trained.history, &output.join(train::HISTORY_CSV))?;
        let mut summary = summary(&trained, &data);
        if !chosen.is_empty() {
            summary.notes.insert("chosen_for_training_photos".to_owned(), chosen.into_iter().collect());
        }
        Ok(summary)
    }
}

fn summary(trained: &Trained, data: &Data) -> Summary {
    let best = trained.history.iter().find(|row| row.epoch as usize == trained.best_epoch);
    let heads: Vec<_> = best
        .iter()
        .flat_map(|row| &row.heads)
        .filter_map(|head| Some(format!("{} {}", head.name, percent(head.validation_accuracy?))))
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
        11 + 100 * NUMERICS_VERSION
    }

    fn settings(&self) -> Value {
        json!({ train::STAGE: self.settings, "runtime": { "precision": self.settings.precision } })
    }

    fn settings_for(&self, inputs: &BTreeMap<String, PathBuf>) -> Value {
        let settings = &self.settings;
        let folder = inputs.get(labels::STAGE).filter(|_| settings.are_open());
        let photos = folder.and_then(|folder| settings.training_photos(folder).ok());
        match photos {
            Some(photos) => Self::new(settings.settled(photos)).settings(),
            None => self.settings(),
        }
    }

    fn inputs(&self) -> Vec<Input> {
        let mut inputs = vec![
            Input { stage: labels::STAGE, files: &[labels::LABEL_TABLE, labels::HEADS] },
            Input {
                stage: preprocess::STAGE,
                files: &[preprocess::SHARDS, preprocess::INDEX, preprocess::BOXES, preprocess::PREPARATION],
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

    fn resumes_from(&self, work: &Path) -> Option<String> {
        let position = Position::of(work)?;
        let epochs = (!self.settings.are_open()).then_some(self.settings.epochs);
        let goes_on = position.describe(epochs);
        // How many epochs there will be is not known where the number of photos decides.
        let left = epochs.and_then(|_| time_left_by_record(work, position, &self.settings));
        Some(match left {
            Some(left) => format!("{goes_on}, about {} of training left", seconds(left)),
            None => goes_on,
        })
    }

    fn preflight(&self, inputs: &BTreeMap<String, PathBuf>) -> Result<(), Failure> {
        check_weights(&self.settings)?;
        match inputs.get(labels::STAGE) {
            Some(folder) => Ok(read_labels(&self.settings, folder).map(drop)?),
            None => Ok(()),
        }
    }

    fn run(&self, job: &Job<'_>) -> Result<Summary, Failure> {
        Ok(self.train(job)?)
    }
}
