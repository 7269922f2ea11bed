//! The training loop: epochs, validation, the best model, early stopping.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use marque_contracts::counts::{counted, decimal};
use marque_contracts::durable::remove;
use marque_contracts::schema::train;
use marque_contracts::{Progress, Unit};
use marque_formats::EpochRow;
use marque_network::Network;

use crate::Error;
use crate::curves::Curves;
use crate::epoch_row::{describe, epoch_row, score};
use crate::inputs::Inputs;
use crate::learner::Learner;
use crate::model_folder::{copy_model, write_model};
use crate::position::Position;
use crate::resume::ResumeStore;
use crate::schedule::Horizon;
use crate::selection::Selection;
use crate::steps::Span;
use crate::time_left::TimeLeft;
use crate::train_state::{EpochState, Timing, TrainState};
use crate::validation::validate;

/// Folder of the last epochs' models.
const CHECKPOINTS: &str = "checkpoints/";

/// How long the epochs take together after which a state is written, where nothing else is asked for: writing one takes a second or
/// two, and epochs over few photos hardly more.
const STATE_EVERY: Duration = Duration::from_secs(15);

/// A training under way.
pub(crate) struct Trainer<'a> {
    inputs: Inputs<'a>,
    learner: Learner<'a>,
    output: &'a Path,
    progress: &'a dyn Progress,
    state_every: Duration,
}

/// A finished training.
pub(crate) struct Trained {
    pub(crate) history: Vec<EpochRow>,
    pub(crate) best_epoch: usize,
    /// Epochs that an interrupted run before this one had finished.
    pub(crate) resumed_epochs: usize,
    pub(crate) timings: Vec<Timing>,
}

impl<'a> Trainer<'a> {
    /// A training of `network` that has not begun.
    pub(crate) fn new(
        inputs: Inputs<'a>,
        network: Network,
        output: &'a Path,
        progress: &'a dyn Progress,
    ) -> Result<Self, Error> {
        let learner = Learner::new(inputs, network)?;
        Ok(Self { inputs, learner, output, progress, state_every: STATE_EVERY })
    }

    /// Trains all epochs, from where an interrupted run was, and leaves the best model in the output folder. The states
    /// stay: the store removes them once the result is recorded.
    pub(crate) fn train(mut self, resume: &ResumeStore) -> Result<Trained, Error> {
        let settings = self.inputs.settings;
        let heads = &self.inputs.data.heads;
        let resumed = resume.read(&mut self.learner)?;
        let (mut state, mut epoch_state) =
            resumed.unwrap_or_else(|| (TrainState::new(), EpochState::new(heads)));
        let resumed_epochs = state.history.len();
        if resumed_epochs > 0 || epoch_state.batches() > 0 {
            let position = Position { epoch: state.epoch, batches: epoch_state.batches() };
            self.progress.line(&format!("resuming {}", position.describe(Some(settings.epochs))));
        }
        let time_left = TimeLeft::new(self.inputs, &state, epoch_state.batches());
        let mut curves = Curves::begin(self.output, self.inputs, &state.history)?;
        let mut last_state = Instant::now();
        while !self.is_over(&state) {
            self.train_epoch(&state, &mut epoch_state, resume, &time_left)?;
            let row = self.validate_epoch(&mut state, &epoch_state)?;
            self.progress.line(&describe(
                &row,
                settings.epochs,
                self.inputs.data.train.len(),
                epoch_state.timing,
            ));
            curves.add(&row)?;
            state.history.push(row);
            state.timings.push(epoch_state.timing);
            state.epoch += 1;
            epoch_state = EpochState::new(heads);
            if settings.resume_steps.is_some()
                || self.is_over(&state)
                // From the first one on there is something to go on from.
                || state.history.len() == 1
                || last_state.elapsed() >= self.state_every
            {
                resume.write(&state, &epoch_state, &self.learner)?;
                last_state = Instant::now();
            }
        }
        if let (Some(best), true) = (self.stopped_after(&state), state.epoch <= settings.epochs) {
            let epochs = counted(settings.patience.unwrap_or(0) as u64, "epoch", "epochs");
            self.progress.line(&format!("stopped: {epochs} without a better one than {best}"));
        }
        resume.check_models(&state)?;
        let TrainState { mut history, best_epoch, timings, .. } = state;
        for row in &mut history {
            row.kept = row.epoch as usize == best_epoch;
        }
        Ok(Trained { history, best_epoch, resumed_epochs, timings })
    }

    fn is_over(&self, state: &TrainState) -> bool {
        state.epoch > self.inputs.settings.epochs || self.stopped_after(state).is_some()
    }

    /// The best epoch, if the last `patience` ones brought none that is better. One that is as good is not better, though it may be
    /// the one that is kept.
    fn stopped_after(&self, state: &TrainState) -> Option<u32> {
        let patience = self.inputs.settings.patience?;
        let (mut best, mut highest) = (0, f64::NEG_INFINITY);
        for row in &state.history {
            let score = score(row, self.inputs, &self.learner.objective);
            if score > highest {
                (best, highest) = (row.epoch, score);
            }
        }
        (state.history.len() >= best as usize + patience).then_some(best)
    }

    /// Takes the steps of the epoch that are left, writing a resume state every `resume_steps`.
    fn train_epoch(
        &mut self,
        state: &TrainState,
        epoch_state: &mut EpochState,
        resume: &ResumeStore,
        time_left: &TimeLeft,
    ) -> Result<(), Error> {
        let Self { inputs, learner, output, progress, .. } = self;
        let (settings, heads) = (inputs.settings, &inputs.data.heads);
        let batches = inputs.batches_per_epoch();
        let bar = progress.bar(
            &format!("epoch {}/{}", state.epoch, settings.epochs),
            batches as u64,
            Unit::Batches,
        );
        let steps_per_epoch = batches.div_ceil(settings.accumulate);
        let horizon = Horizon { epochs: settings.epochs, steps_per_epoch };
        let before = (state.epoch - 1) * horizon.steps_per_epoch;
        let mut shown = epoch_state.batches();
        bar.skip(shown as u64);
        let trained = inputs.for_each_step(
            learner,
            epoch_state,
            Span { epoch: state.epoch, skip: shown, repeats: 1 },
            |step| settings.schedule.factor(before + step, horizon),
            |learner, epoch_state| {
                let loss = learner.objective.total(&epoch_state.metrics);
                bar.set_message(&format!(
                    "loss {}  {}",
                    decimal(loss, 3),
                    epoch_state.metrics.accuracies(heads)
                ));
                bar.set_time_left(time_left.after(state.epoch, epoch_state.batches()));
                bar.advance((epoch_state.batches() - shown) as u64);
                shown = epoch_state.batches();
                let due = settings.resume_steps.is_some_and(|steps| epoch_state.steps.is_multiple_of(steps));
                if due && shown < batches {
                    learner.check_weights()?;
                    resume.write(state, epoch_state, learner)?;
                }
                Ok(ControlFlow::Continue(()))
            },
        );
        trained.map_err(|error| error.with_best_model(&output.join(train::MODEL)))
    }

    /// Validates, with averaged weights if there are any, and keeps the model if it is the best so far. Of equal epochs
    /// the later one is kept: it has seen more.
    fn validate_epoch(
        &mut self,
        state: &mut TrainState,
        epoch_state: &EpochState,
    ) -> Result<EpochRow, Error> {
        let Self { inputs, learner, output, progress, .. } = self;
        let (settings, data, epoch) = (inputs.settings, inputs.data, state.epoch);
        let score_of = |learner: &Learner<'_>, row: &EpochRow| score(row, *inputs, &learner.objective);
        let best_model = output.join(train::MODEL);
        let validated = learner.with_averaged_weights(|learner| {
            let validation = validate(*inputs, learner, &data.validation, *progress)?;
            let row = epoch_row(epoch, epoch_state, &validation, settings, &learner.objective);
            learner.check_epoch(&row)?;
            let best =
                state.history.iter().map(|row| score_of(learner, row)).fold(f64::NEG_INFINITY, f64::max);
            let answers = |head: &str| settings.answers(head);
            let best_so_far = score_of(learner, &row) >= best;
            // Each epoch is the best so far where the last one is wanted.
            let wanted = best_so_far && (settings.select_by != Selection::Last || epoch == settings.epochs);
            let checkpoint = |epoch: usize| format!("{CHECKPOINTS}epoch-{epoch:03}/");
            let mut written = BTreeMap::new();
            if best_so_far {
                state.best_epoch = epoch;
            }
            if wanted {
                written = write_model(&learner.network, &data.preparation, answers, &best_model)?;
                state.keep(train::MODEL, &written);
            }
            if settings.keep_checkpoints > 0 {
                let folder = output.join(checkpoint(epoch));
                match wanted {
                    true => copy_model(&best_model, &folder)?,
                    false => written = write_model(&learner.network, &data.preparation, answers, &folder)?,
                }
                state.keep(&checkpoint(epoch), &written);
                if let Some(oldest) =
                    epoch.checked_sub(settings.keep_checkpoints).filter(|oldest| *oldest > 0)
                {
                    state.kept.retain(|path, _| !path.starts_with(&checkpoint(oldest)));
                    remove(&output.join(checkpoint(oldest)))?;
                }
            }
            Ok(row)
        });
        validated.map_err(|error| error.with_best_model(&best_model))
    }
}
