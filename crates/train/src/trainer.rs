//! The training: epochs, what each leaves behind, and when it is over.

use std::path::Path;
use std::time::Instant;

use marque_contracts::{Progress, Unit};
use marque_formats::{EpochRow, HeadEpoch};
use marque_network::Network;

use crate::batches::{Batches, batches, shuffled};
use crate::checkpoint::{self, Run, Running, States, Timing, write_model};
use crate::curves::Curves;
use crate::data::Data;
use crate::features::FeatureReader;
use crate::learner::{Learner, StepContext};
use crate::measured::Measured;
use crate::settings::{Selection, Settings};
use crate::{Error, Length, validation};

/// Folder for the state to go on from after an interruption.
const RESUME: &str = "resume";
/// Folder for the checkpoints of the last epochs.
const CHECKPOINTS: &str = "checkpoints";

/// A training under way.
pub(crate) struct Trainer<'a> {
    settings: &'a Settings,
    data: &'a Data,
    /// Activations of the frozen parts, where they are read from disk.
    features: Option<&'a FeatureReader>,
    learner: Learner,
    output: &'a Path,
    progress: &'a dyn Progress,
}

/// How a training ended.
pub(crate) struct Trained {
    pub(crate) history: Vec<EpochRow>,
    pub(crate) best_epoch: usize,
    /// Epochs that an earlier, interrupted run had done.
    pub(crate) resumed_epochs: usize,
    pub(crate) timings: Vec<Timing>,
}

/// States to go on from, in the output of a training.
pub(crate) fn states(output: &Path) -> States {
    States::new(output.join(RESUME))
}

impl<'a> Trainer<'a> {
    /// A training of `network` that has not begun.
    pub(crate) fn new(
        settings: &'a Settings,
        data: &'a Data,
        features: Option<&'a FeatureReader>,
        network: Network,
        output: &'a Path,
        progress: &'a dyn Progress,
    ) -> Result<Self, Error> {
        let learner = Learner::new(settings, data, network)?;
        Ok(Self { settings, data, features, learner, output, progress })
    }

    /// Trains all epochs, from where an interrupted run was, and leaves the best model in `model`. The [`states`] are
    /// for the caller to clear, once what it makes of this is on disk.
    pub(crate) fn train(mut self, model: &Path) -> Result<Trained, Error> {
        let states = states(self.output);
        let mut run = states.read(&mut self.learner)?.unwrap_or_else(Run::start);
        let resumed_epochs = run.history.len();
        if resumed_epochs > 0 || run.batches > 0 {
            tracing::info!("going on in epoch {}, after batch {}", run.epoch, run.batches);
        }
        let mut curves = Curves::begin(self.output, &run.history)?;
        while run.epoch <= self.settings.epochs {
            if self.is_over(&run) {
                let (patience, best) = (self.settings.patience.unwrap_or(0), run.best_epoch);
                let epochs = if patience == 1 { "epoch" } else { "epochs" };
                self.progress.line(&format!("stopped: {patience} {epochs} without a better one than {best}"));
                break;
            }
            self.epoch(&mut run, &states)?;
            self.finish_epoch(&mut run, model)?;
            if let Some(row) = run.history.last() {
                curves.add(row)?;
            }
            states.write(&run, &self.learner)?;
        }
        let Run { mut history, best_epoch, timings, .. } = run;
        for row in &mut history {
            row.kept = row.epoch as usize == best_epoch;
        }
        Ok(Trained { history, best_epoch, resumed_epochs, timings })
    }

    /// Whether there has been no better epoch for too long.
    fn is_over(&self, run: &Run) -> bool {
        self.settings.patience.is_some_and(|patience| run.history.len() >= run.best_epoch + patience)
    }

    /// Trains what is left of the epoch under way.
    fn epoch(&mut self, run: &mut Run, states: &States) -> Result<(), Error> {
        let (settings, data, epoch) = (self.settings, self.data, run.epoch);
        let batches = batches(data.train.len(), settings.batch_size);
        let length =
            Length { epochs: settings.epochs, steps_per_epoch: batches.div_ceil(settings.accumulate) };
        let what = format!("epoch {epoch}/{}", settings.epochs);
        let bar = self.progress.bar(&what, batches as u64, Unit::Batches);
        bar.skip(run.batches as u64);
        let order = shuffled(data.train.len(), settings.seed, epoch);
        let policy = settings.policy(Some(settings.size_at(epoch, data.geometry().height)))?;
        let mixing = settings.augmentation.mixing();
        let source = Batches {
            shards: &data.shards,
            features: self.features,
            samples: &data.train,
            policy: &policy,
            mixing: &mixing,
            random: Some((settings.seed, epoch)),
        };
        let mut running = run.running.take().unwrap_or_else(|| Running::new(&data.heads));
        let started = Timing { seconds: running.timing.seconds, ..Timing::default() };
        let clock = Instant::now();
        std::thread::scope(|scope| -> Result<(), Error> {
            let mut stream = source.stream(scope, &order, run.batches, batches);
            while run.batches < batches {
                let count = settings.accumulate.min(batches - run.batches);
                let waiting = Instant::now();
                let chunk = stream.by_ref().take(count).collect::<Result<Vec<_>, _>>()?;
                running.timing.waited += waiting.elapsed().as_secs_f64();
                if chunk.len() < count {
                    // The thread that made it panicked, which the scope passes on.
                    break;
                }
                let context = StepContext {
                    epoch,
                    batch: run.batches,
                    factor: settings
                        .schedule
                        .factor((epoch - 1) * length.steps_per_epoch + running.steps, length),
                    cached_parts: self.features.map_or(0, FeatureReader::parts),
                    states: Some(self.output),
                };
                self.learner.step(settings, &chunk, context, &mut running)?;
                run.batches += count;
                running.timing.seconds = started.seconds + clock.elapsed().as_secs_f64();
                let loss = self.learner.objective.total(&running.measured);
                bar.set_message(&format!("loss {loss:.3}  {}", running.measured.accuracies(&data.heads)));
                bar.advance(count as u64);
                let due = settings.checkpoint_steps.is_some_and(|steps| running.steps.is_multiple_of(steps));
                if due && run.batches < batches {
                    self.learner.check_weights(settings, context)?;
                    run.running = Some(running.clone());
                    states.write(run, &self.learner)?;
                }
            }
            Ok(())
        })?;
        run.running = Some(running);
        Ok(())
    }

    /// Validates, keeps the model if it is the best so far, and turns to the next epoch.
    fn finish_epoch(&mut self, run: &mut Run, model: &Path) -> Result<(), Error> {
        let epoch = run.epoch;
        let running = run.running.take().unwrap_or_else(|| Running::new(&self.data.heads));
        // The average takes the place of the weights as long as they are measured and written.
        self.exchange_weights()?;
        let validation =
            validation::measure(self.settings, self.data, self.features, &self.learner, self.progress)?;
        let row = self.row(epoch, &running, &validation);
        self.learner.check_epoch(&row, self.output)?;
        let best = run.history.iter().map(|row| self.score(row)).fold(f64::NEG_INFINITY, f64::max);
        // Of equal epochs the later one wins: it has seen more.
        if self.score(&row) >= best {
            run.best_epoch = epoch;
            self.write_model(model)?;
        }
        self.keep_checkpoint(epoch)?;
        self.exchange_weights()?;
        let photos = self.data.train.len();
        self.progress.line(&describe(&row, self.settings.epochs, photos, running.timing));
        run.history.push(row);
        run.timings.push(running.timing);
        run.epoch += 1;
        run.batches = 0;
        Ok(())
    }

    fn exchange_weights(&mut self) -> Result<(), Error> {
        match &mut self.learner.ema {
            Some(ema) => Ok(ema.swap()?),
            None => Ok(()),
        }
    }

    fn is_validated(&self) -> bool {
        !self.data.validation.is_empty()
    }

    fn row(&self, epoch: usize, running: &Running, validation: &Measured) -> EpochRow {
        let (settings, train) = (self.settings, &running.measured);
        let heads = self.data.heads.iter().enumerate().map(|(i, head)| HeadEpoch {
            name: head.name.clone(),
            train_loss: train.head_loss(i),
            validation_loss: validation.head_loss(i),
            train_accuracy: train.accuracy(i),
            validation_accuracy: validation.accuracy(i),
            validation_macro_f1: validation.macro_f1(i),
        });
        let length = Length { epochs: settings.epochs, steps_per_epoch: running.steps };
        let factor = settings.schedule.factor(epoch * running.steps - 1, length);
        EpochRow {
            epoch: epoch as u32,
            learning_rate: settings.rates.backbone * factor,
            head_learning_rate: settings.rates.heads * factor,
            gradient_norm: running.norms / running.steps.max(1) as f64,
            ema: settings.ema.is_some(),
            train_loss: self.learner.objective.total(train),
            validation_loss: (!validation.is_empty()).then(|| self.learner.objective.total(validation)),
            kept: false,
            heads: heads.collect(),
        }
    }

    /// What makes one epoch better than another: higher is better.
    fn score(&self, row: &EpochRow) -> f64 {
        let heads = || row.heads.iter().filter(|head| self.settings.answers(&head.name));
        let mean = |pick: fn(&HeadEpoch) -> Option<f64>| {
            let measured: Vec<_> = heads().filter_map(pick).collect();
            measured.iter().sum::<f64>() / measured.len().max(1) as f64
        };
        match self.settings.select_by {
            _ if !self.is_validated() => f64::from(row.epoch),
            Selection::Accuracy => mean(|head| head.validation_accuracy),
            Selection::MacroF1 => mean(|head| head.validation_macro_f1),
            Selection::Loss => {
                let loss = |head: usize| row.heads.get(head).and_then(|head| head.validation_loss);
                -self.learner.objective.sum(loss, |head| self.settings.answers(head))
            }
            Selection::Last => f64::from(row.epoch),
        }
    }

    fn write_model(&self, folder: &Path) -> Result<(), Error> {
        write_model(
            &self.learner.network,
            &self.data.preparation,
            |head| self.settings.answers(&head.name),
            folder,
        )
    }

    fn keep_checkpoint(&self, epoch: usize) -> Result<(), Error> {
        let keep = self.settings.keep_checkpoints;
        if keep == 0 {
            return Ok(());
        }
        let folder = |epoch: usize| self.output.join(CHECKPOINTS).join(format!("epoch-{epoch:03}"));
        self.write_model(&folder(epoch))?;
        if epoch > keep { checkpoint::delete(&folder(epoch - keep)) } else { Ok(()) }
    }
}

fn describe(row: &EpochRow, epochs: usize, photos: usize, timing: Timing) -> String {
    let (what, pick): (_, fn(&HeadEpoch) -> Option<f64>) = match row.validation_loss {
        Some(loss) => (format!("validation {loss:.3}"), |head| head.validation_accuracy),
        None => ("training".to_owned(), |head| head.train_accuracy),
    };
    let heads: Vec<_> = row
        .heads
        .iter()
        .filter_map(|head| Some(format!("{} {:.1}%", head.name, 100.0 * pick(head)?)))
        .collect();
    format!(
        "epoch {}/{epochs}  loss {:.3}  {what}  {}  {:.1} photos/s, waited {:.1}%",
        row.epoch,
        row.train_loss,
        heads.join("  "),
        timing.photos_per_second(photos),
        100.0 * timing.waited_share(),
    )
}
