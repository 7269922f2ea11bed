//! Where a training stands between two steps.
//!
//! Every random choice follows from the seed and the position, so no generator's state is in it.

use std::collections::BTreeMap;

use marque_contracts::Digest;
use marque_contracts::schema::Head;
use marque_formats::EpochRow;
use serde::{Deserialize, Serialize};

use crate::running_metrics::RunningMetrics;

/// What the finished epochs have left.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TrainState {
    /// The epoch under way, from 1; one more than there are when all are done.
    pub(crate) epoch: usize,
    /// The epoch of the best model; 0 for none yet.
    pub(crate) best_epoch: usize,
    /// A row per finished epoch.
    pub(crate) history: Vec<EpochRow>,
    /// How long each finished epoch took.
    pub(crate) timings: Vec<Timing>,
    /// The files of the best model and of the last epochs' models, by path in the output folder, as they were written.
    pub(crate) kept: BTreeMap<String, Digest>,
}

impl TrainState {
    /// Before the first epoch.
    pub(crate) fn new() -> Self {
        Self { epoch: 1, best_epoch: 0, history: Vec::new(), timings: Vec::new(), kept: BTreeMap::new() }
    }

    /// Notes the files of a model, by name, that are in a folder of the output.
    pub(crate) fn keep(&mut self, folder: &str, files: &BTreeMap<&'static str, Digest>) {
        self.kept.extend(files.iter().map(|(name, digest)| (format!("{folder}{name}"), *digest)));
    }
}

/// What the steps of the epoch under way have left.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct EpochState {
    /// Steps of the optimiser.
    pub(crate) steps: usize,
    /// Sum over the steps of the gradient's norm.
    #[serde(with = "crate::bits")]
    pub(crate) gradient_norms: f64,
    pub(crate) metrics: RunningMetrics,
    pub(crate) timing: Timing,
}

impl EpochState {
    /// Before the first step.
    pub(crate) fn new(heads: &[Head]) -> Self {
        let metrics = RunningMetrics::new(heads);
        Self { steps: 0, gradient_norms: 0.0, metrics, timing: Timing::default() }
    }

    /// Batches that are done.
    pub(crate) fn batches(&self) -> usize {
        self.metrics.batches() as usize
    }
}

/// How long an epoch took. Not part of any result.
#[derive(Clone, Copy, Debug, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Timing {
    /// Seconds of training, without validation.
    pub(crate) seconds: f64,
    /// Seconds of these spent waiting for the next batch.
    pub(crate) waited: f64,
}

impl Timing {
    /// Training throughput of an epoch of `photos`.
    pub(crate) fn photos_per_second(self, photos: usize) -> f64 {
        if self.seconds > 0.0 { photos as f64 / self.seconds } else { 0.0 }
    }

    /// Share of the time spent waiting for the next batch, from 0 to 1.
    pub(crate) fn waited_share(self) -> f64 {
        if self.seconds > 0.0 { self.waited / self.seconds } else { 0.0 }
    }
}
