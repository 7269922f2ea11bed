//! How long the rest of a training will take, from what this run has done of it.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::Settings;
use crate::inputs::Inputs;
use crate::position::Position;
use crate::resume::Elapsed;
use crate::train_state::TrainState;

/// An estimate that follows the training. Validation is in it from the first one on; epochs of smaller photos count less,
/// in proportion to their pixels. A training that stops early takes less.
pub(crate) struct TimeLeft {
    started: Instant,
    /// Work of each epoch: batches, each by its pixels.
    epochs: Vec<f64>,
    batches: usize,
    /// Work that earlier runs have done.
    before: f64,
}

impl TimeLeft {
    /// At the beginning of a run, in the epoch of `state`, of which some batches are done.
    pub(crate) fn new(inputs: Inputs<'_>, state: &TrainState, batches: usize) -> Self {
        let Inputs { settings, data, .. } = inputs;
        let stored = data.geometry().height;
        let all = inputs.batches_per_epoch();
        let work = |epoch| all as f64 * (settings.size_at(epoch, stored) as f64).powi(2);
        let epochs = (1..=settings.epochs).map(work).collect();
        let mut left = Self { started: Instant::now(), epochs, batches: all, before: 0.0 };
        left.before = left.done(state.epoch, batches);
        left
    }

    /// What is left once so many batches of an epoch, from 1, are done; `None` before the first.
    pub(crate) fn after(&self, epoch: usize, batches: usize) -> Option<Duration> {
        self.at(self.started.elapsed(), epoch, batches)
    }

    fn at(&self, elapsed: Duration, epoch: usize, batches: usize) -> Option<Duration> {
        let done = self.done(epoch, batches);
        let own = done - self.before;
        let rest = self.epochs.iter().sum::<f64>() - done;
        (own > 0.0).then(|| elapsed.mul_f64((rest / own).max(0.0)))
    }

    fn done(&self, epoch: usize, batches: usize) -> f64 {
        let before = self.epochs.iter().take(epoch.saturating_sub(1)).sum::<f64>();
        let under_way = self.epochs.get(epoch.saturating_sub(1)).copied().unwrap_or(0.0);
        before + under_way * batches as f64 / self.batches.max(1) as f64
    }
}

/// Seconds that the rest of an interrupted training will take, by what its last state says of the part that is done, without
/// validation; `None` if nothing is left, or there is no telling: before the first batch, or where photos grow from a
/// size that is not known here.
pub(crate) fn time_left_by_record(work: &Path, position: Position, settings: &Settings) -> Option<f64> {
    let elapsed = Elapsed::of(work, position)?;
    let sizes: Vec<_> = (1..=settings.epochs).map(|epoch| settings.size_at(epoch, 0)).collect();
    let known = sizes.iter().all(|size| *size > 0);
    if !known && sizes.iter().any(|size| *size > 0) {
        return None;
    }
    let work_of = |size: &usize| if known { (*size as f64).powi(2) } else { 1.0 };
    let finished = position.epoch.saturating_sub(1).min(elapsed.timings.len());
    let mut done: f64 = sizes.iter().take(finished).map(work_of).sum();
    let mut seconds: f64 = elapsed.timings.iter().take(finished).map(|timing| timing.seconds).sum();
    if let (Some(size), true) = (sizes.get(finished), elapsed.batches > 0) {
        done += work_of(size) * position.batches as f64 / elapsed.batches as f64;
        seconds += elapsed.under_way.timing.seconds;
    }
    let rest = sizes.iter().map(work_of).sum::<f64>() - done;
    (done > 0.0 && rest > 0.0).then(|| seconds * rest / done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_interrupted_run_has_recorded_tells_the_time_left() {
        let work = tempfile::tempdir().unwrap();
        let settings = |text: &str| {
            let document =
                marque_settings::Document::parse("p.toml", &format!("[train]\nepochs = 4\n{text}")).unwrap();
            let mut reader = marque_settings::Reader::new(&document);
            Settings::read(&mut reader, marque_network::Precision::F32, Path::new("downloads"))
        };
        let left = |epoch, batches, timings: &str, under_way: f64, resize: &str| {
            let position = Position { epoch, batches };
            let state = work.path().join(marque_contracts::RESUME).join(position.name());
            fs_err::create_dir_all(&state).unwrap();
            let timing = |seconds: f64| format!("{{\"seconds\":{seconds},\"waited\":0}}");
            let timings: Vec<_> = timings.split_whitespace().map(|s| timing(s.parse().unwrap())).collect();
            let record = format!(
                "{{\"timings\":[{}],\"epoch_state\":{{\"timing\":{}}},\"batches\":10}}",
                timings.join(","),
                timing(under_way)
            );
            fs_err::write(state.join("state.json"), record).unwrap();
            time_left_by_record(work.path(), position, &settings(resize))
        };
        assert_eq!(left(2, 0, "60", 0.0, ""), Some(180.0));
        assert_eq!(left(2, 5, "60", 30.0, ""), Some(150.0));
        assert_eq!(left(1, 5, "", 30.0, ""), Some(210.0));
        assert_eq!(left(5, 0, "60 60 60 60", 0.0, ""), None);
        // Two epochs of small photos, two of four times the pixels.
        assert_eq!(left(3, 0, "10 10", 0.0, "resize = [[1, 32], [3, 64]]"), Some(80.0));
        assert_eq!(left(3, 0, "10 10", 0.0, "resize = [[3, 64]]"), None);
        assert_eq!(time_left_by_record(work.path(), Position { epoch: 4, batches: 7 }, &settings("")), None);
    }

    #[test]
    fn the_rest_takes_as_long_for_its_work_as_this_run_has_taken() {
        // Two epochs of small photos, two of four times the pixels; an earlier run did the first.
        let mut left = TimeLeft {
            started: Instant::now(),
            epochs: vec![10.0, 10.0, 40.0, 40.0],
            batches: 10,
            before: 0.0,
        };
        left.before = left.done(2, 0);
        let at = |seconds: u64, epoch, batches| left.at(Duration::from_secs(seconds), epoch, batches);
        assert_eq!(at(1, 2, 0), None);
        assert_eq!(at(5, 2, 5), Some(Duration::from_secs(85)));
        assert_eq!(at(30, 3, 5), Some(Duration::from_secs(60)));
        assert_eq!(at(90, 4, 10), Some(Duration::ZERO));
    }
}
