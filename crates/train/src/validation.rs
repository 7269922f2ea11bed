//! Measuring the validation photos.

use marque_contracts::{Progress, Unit};

use crate::Error;
use crate::batches::Batches;
use crate::data::{Data, Sample};
use crate::features::FeatureReader;
use crate::learner::Learner;
use crate::running_metrics::RunningMetrics;
use crate::settings::Settings;

/// Photos per pass, where nothing is kept for a backward pass.
pub(crate) const BATCH: usize = 64;

/// Measures in evaluation mode, every photo, without augmentation, at the size of the shards: what is evaluated in the
/// end, whatever size the epoch was trained at.
pub(crate) fn measure(
    settings: &Settings,
    data: &Data,
    features: Option<&FeatureReader>,
    learner: &Learner,
    progress: &dyn Progress,
) -> Result<RunningMetrics, Error> {
    measure_some(settings, data, features, learner, &data.validation, progress)
}

/// [`measure`] of some photos.
pub(crate) fn measure_some(
    settings: &Settings,
    data: &Data,
    features: Option<&FeatureReader>,
    learner: &Learner,
    samples: &[Sample],
    progress: &dyn Progress,
) -> Result<RunningMetrics, Error> {
    let mut measured = RunningMetrics::new(&data.heads);
    if samples.is_empty() {
        return Ok(measured);
    }
    let bar = progress.bar("validate", samples.len() as u64, Unit::Photos);
    let policy = settings.policy(None)?;
    let batches = Batches {
        shards: &data.shards,
        features,
        samples,
        policy: &policy,
        mixing: &Default::default(),
        random: None,
    };
    let order: Vec<usize> = (0..samples.len()).collect();
    let parts = features.map_or(0, FeatureReader::parts);
    std::thread::scope(|scope| -> Result<(), Error> {
        for batch in batches.stream(scope, &order, 0, samples.len().div_ceil(BATCH)) {
            let batch = batch?;
            let photos = batch.images.dim(0)?;
            let logits = learner.network.forward_eval_from(&batch.images, parts)?;
            let losses = learner.objective.plain_losses(&logits, &batch)?;
            measured.add(&losses.heads, &losses.counted, &logits, &batch.targets)?;
            bar.advance(photos as u64);
        }
        Ok(())
    })?;
    Ok(measured)
}
