//! The training loop.

use std::path::Path;

use candle_core::{Device, Tensor};
use marque_contracts::{Progress, Unit};
use marque_formats::{EpochRow, HeadEpoch};
use marque_kernels::{CrossEntropy, cross_entropy};
use marque_network::{Gradients, Network};

use crate::Error;
use crate::augment::Augment;
use crate::batches::{Batches, shuffled, steps};
use crate::checkpoint::{self, State};
use crate::data::{Data, Sample};
use crate::optimizer::AdamW;
use crate::random::generator;
use crate::settings::{ClassWeighting, Selection, Settings};
use crate::tally::Tally;

/// Photos per step in validation, where nothing is kept for a backward pass.
const VALIDATION_BATCH: usize = 64;

/// Folder for the state to go on from after an interruption.
const RESUME: &str = "resume";
/// Folder for the checkpoints of the last epochs.
const CHECKPOINTS: &str = "checkpoints";

/// A training under way.
pub(crate) struct Trainer<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) data: &'a Data,
    pub(crate) network: Network,
    pub(crate) output: &'a Path,
    pub(crate) progress: &'a dyn Progress,
}

/// What was measured over some photos.
struct Measured {
    loss: f64,
    tallies: Vec<Tally>,
}

/// How a training ended.
pub(crate) struct Trained {
    pub(crate) history: Vec<EpochRow>,
    pub(crate) best_epoch: usize,
    /// Epochs that an earlier, interrupted run had done.
    pub(crate) resumed_epochs: usize,
}

impl Trainer<'_> {
    /// Trains all epochs, from where an interrupted run was, and leaves the best model in `model`.
    pub(crate) fn train(self, model: &Path) -> Result<Trained, Error> {
        let mut optimizer = AdamW::new(self.settings.adamw, self.network.parameters());
        let resume = self.output.join(RESUME);
        let state = checkpoint::read_state(&resume, &self.network, &mut optimizer)?;
        let resumed_epochs = state.as_ref().map_or(0, |state| state.epochs);
        let mut best_epoch = state.as_ref().map_or(0, |state| state.best_epoch);
        let mut history: Vec<EpochRow> =
            state.iter().flat_map(|state| &state.history).map(EpochRow::from).collect();
        if resumed_epochs > 0 {
            tracing::info!("going on after epoch {resumed_epochs}");
        }
        for epoch in resumed_epochs + 1..=self.settings.epochs {
            let row = self.epoch(epoch, &mut optimizer)?;
            self.progress.line(&describe(&row, self.settings.epochs, !self.data.validation.is_empty()));
            let best = history.iter().map(|row| self.score(row)).fold(f64::NEG_INFINITY, f64::max);
            // Of equal epochs the later one wins: it has seen more.
            if self.score(&row) >= best {
                best_epoch = epoch;
                checkpoint::write_model(&self.network, model)?;
            }
            history.push(row);
            self.keep_checkpoint(epoch)?;
            let records = history.iter().map(Into::into).collect();
            let state = State { epochs: epoch, steps: optimizer.steps(), best_epoch, history: records };
            checkpoint::write_state(&resume, &self.network, &optimizer, &state)?;
        }
        for row in &mut history {
            row.kept = row.epoch as usize == best_epoch;
        }
        std::fs::remove_dir_all(&resume).map_err(|e| Error::io("delete", &resume, e))?;
        Ok(Trained { history, best_epoch, resumed_epochs })
    }

    fn epoch(&self, epoch: usize, optimizer: &mut AdamW) -> Result<EpochRow, Error> {
        let settings = self.settings;
        let per_epoch = steps(self.data.train.len(), settings.batch_size);
        let total = per_epoch * settings.epochs;
        let bar =
            self.progress.bar(&format!("epoch {epoch}/{}", settings.epochs), per_epoch as u64, Unit::Steps);
        let order = shuffled(self.data.train.len(), settings.seed, epoch);
        let augment = Augment::new(
            self.network.config().mean,
            self.network.config().std,
            settings.flip,
            settings.shift,
        );
        let batches = Batches {
            shards: &self.data.shards,
            samples: &self.data.train,
            augment: &augment,
            random: Some((settings.seed, epoch)),
        };
        let losses = self.losses();
        let mut measured = self.nothing();
        let mut gradients = Gradients::new();
        let mut factor = 0.0;
        std::thread::scope(|scope| -> Result<(), Error> {
            for (step, batch) in batches.stream(scope, &order, per_epoch).iter().enumerate() {
                let batch = batch?;
                let mut dropout = generator(settings.seed, "dropout", epoch, step);
                let pass = self.network.forward_train(&batch.images, &mut dropout)?;
                let loss = summed_loss(pass.logits(), &batch.targets, &losses)?;
                let value = f64::from(loss.to_scalar::<f32>()?);
                if !value.is_finite() {
                    return Err(Error::NotFinite { loss: value, epoch, step: step + 1 });
                }
                measured.add(value, pass.logits(), &batch.targets)?;
                pass.backward(&loss, &mut gradients)?;
                factor = settings.schedule.factor((epoch - 1) * per_epoch + step, total);
                let (rate, head_rate) =
                    (settings.learning_rate * factor, settings.head_learning_rate * factor);
                optimizer.step(self.network.parameters(), &gradients, rate, head_rate)?;
                bar.set_message(&measured.so_far(step + 1, self.data));
                bar.advance(1);
            }
            Ok(())
        })?;
        drop(bar);
        let train = measured.over(per_epoch);
        let validation = self.validate(&self.data.validation, &losses)?;
        let heads = self.data.heads.iter().enumerate().map(|(i, head)| HeadEpoch {
            name: head.name.clone(),
            train_accuracy: train.tallies[i].accuracy(),
            validation_accuracy: validation.tallies[i].accuracy(),
            validation_macro_f1: validation.tallies[i].macro_f1(),
        });
        Ok(EpochRow {
            epoch: epoch as u32,
            learning_rate: settings.learning_rate * factor,
            train_loss: train.loss,
            validation_loss: validation.loss,
            kept: false,
            heads: heads.collect(),
        })
    }

    /// Measures in evaluation mode, every photo, without augmentation.
    fn validate(&self, samples: &[Sample], losses: &[CrossEntropy]) -> Result<Measured, Error> {
        let mut measured = self.nothing();
        if samples.is_empty() {
            return Ok(measured);
        }
        let bar = self.progress.bar("validate", samples.len() as u64, Unit::Photos);
        let augment = Augment::new(self.network.config().mean, self.network.config().std, false, 0);
        let batches = Batches { shards: &self.data.shards, samples, augment: &augment, random: None };
        let order: Vec<usize> = (0..samples.len()).collect();
        let count = samples.len().div_ceil(VALIDATION_BATCH);
        std::thread::scope(|scope| -> Result<(), Error> {
            for batch in batches.stream(scope, &order, count) {
                let batch = batch?;
                let photos = batch.images.dim(0)?;
                let logits = self.network.forward_eval(&batch.images)?;
                let loss = summed_loss(&logits, &batch.targets, losses)?.to_scalar::<f32>()?;
                measured.add(f64::from(loss) * photos as f64, &logits, &batch.targets)?;
                bar.advance(photos as u64);
            }
            Ok(())
        })?;
        Ok(measured.over(samples.len()))
    }

    /// The loss of each head.
    fn losses(&self) -> Vec<CrossEntropy> {
        let weights = |head: &marque_contracts::schema::Head| match self.settings.class_weights {
            ClassWeighting::None => None,
            ClassWeighting::Inverse => Some(&head.class_weights.inverse).cloned(),
            ClassWeighting::Effective => Some(&head.class_weights.effective).cloned(),
        };
        let loss = |head| CrossEntropy {
            focal_gamma: 0.0,
            class_weights: weights(head).map(|weights| weights.into_iter().map(|w| w as f32).collect()),
            label_smoothing: self.settings.label_smoothing as f32,
        };
        self.data.heads.iter().map(loss).collect()
    }

    /// What makes one epoch better than another: higher is better.
    fn score(&self, row: &EpochRow) -> f64 {
        let mean =
            |pick: fn(&HeadEpoch) -> f64| row.heads.iter().map(pick).sum::<f64>() / row.heads.len() as f64;
        match self.settings.select_by {
            _ if self.data.validation.is_empty() => f64::from(row.epoch),
            Selection::Accuracy => mean(|head| head.validation_accuracy),
            Selection::MacroF1 => mean(|head| head.validation_macro_f1),
            Selection::Loss => -row.validation_loss,
            Selection::Last => f64::from(row.epoch),
        }
    }

    fn keep_checkpoint(&self, epoch: usize) -> Result<(), Error> {
        let keep = self.settings.keep_checkpoints;
        if keep == 0 {
            return Ok(());
        }
        let root = self.output.join(CHECKPOINTS);
        checkpoint::write_model(&self.network, &checkpoint::epoch_folder(&root, epoch))?;
        if epoch > keep {
            let old = checkpoint::epoch_folder(&root, epoch - keep);
            if old.exists() {
                std::fs::remove_dir_all(&old).map_err(|e| Error::io("delete", &old, e))?;
            }
        }
        Ok(())
    }

    fn nothing(&self) -> Measured {
        Measured {
            loss: 0.0,
            tallies: self.data.heads.iter().map(|head| Tally::new(head.classes.len())).collect(),
        }
    }
}

impl Measured {
    fn add(&mut self, loss: f64, logits: &[Tensor], targets: &[Vec<i64>]) -> Result<(), Error> {
        self.loss += loss;
        for ((tally, logits), targets) in self.tallies.iter_mut().zip(logits).zip(targets) {
            tally.count(logits, targets)?;
        }
        Ok(())
    }

    fn over(mut self, count: usize) -> Self {
        self.loss /= count as f64;
        self
    }

    fn so_far(&self, steps: usize, data: &Data) -> String {
        let heads = data.heads.iter().zip(&self.tallies);
        let accuracies: Vec<_> =
            heads.map(|(head, tally)| format!("{} {:.0}%", head.name, 100.0 * tally.accuracy())).collect();
        format!("loss {:.3}  {}", self.loss / steps as f64, accuracies.join("  "))
    }
}

fn summed_loss(logits: &[Tensor], targets: &[Vec<i64>], losses: &[CrossEntropy]) -> Result<Tensor, Error> {
    let mut sum: Option<Tensor> = None;
    for ((logits, targets), options) in logits.iter().zip(targets).zip(losses) {
        let targets = Tensor::new(targets.as_slice(), &Device::Cpu)?;
        let loss = cross_entropy(logits, &targets, options)?;
        sum = Some(match sum {
            Some(sum) => (sum + loss)?,
            None => loss,
        });
    }
    sum.ok_or_else(|| Error::Data("there is no head to train".to_owned()))
}

fn describe(row: &EpochRow, epochs: usize, validated: bool) -> String {
    let heads: Vec<_> = row
        .heads
        .iter()
        .map(|head| {
            let accuracy = if validated { head.validation_accuracy } else { head.train_accuracy };
            format!("{} {:.1}%", head.name, 100.0 * accuracy)
        })
        .collect();
    let what =
        if validated { format!("validation {:.3}", row.validation_loss) } else { "training".to_owned() };
    format!("epoch {}/{epochs}  loss {:.3}  {what}  {}", row.epoch, row.train_loss, heads.join("  "))
}
