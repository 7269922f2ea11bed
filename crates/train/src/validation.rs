//! Validation: metrics of photos in evaluation mode.

use marque_contracts::{Progress, Unit};

use crate::Error;
use crate::batches::Batches;
use crate::data::Sample;
use crate::inputs::Inputs;
use crate::learner::Learner;
use crate::running_metrics::RunningMetrics;

/// Photos per forward pass, where no activations are stored for a backward pass.
pub(crate) const BATCH: usize = 64;

/// Metrics of `samples` in evaluation mode, without augmentation, at the size of the shards, whatever size the epoch was
/// trained at: as in the final evaluation.
pub(crate) fn validate(
    inputs: Inputs<'_>,
    learner: &Learner<'_>,
    samples: &[Sample],
    progress: &dyn Progress,
) -> Result<RunningMetrics, Error> {
    let Inputs { settings, data, features } = inputs;
    let mut metrics = RunningMetrics::new(&data.heads);
    if samples.is_empty() {
        return Ok(metrics);
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
    std::thread::scope(|scope| {
        for batch in batches.stream(scope, &order, 0, samples.len().div_ceil(BATCH)) {
            let batch = batch?;
            let logits = learner.forward_eval(&batch)?;
            let losses = learner.objective.plain_losses(&logits, &batch)?;
            metrics.add(&losses.heads, &losses.counted, &logits, &batch.targets)?;
            bar.advance(batch.targets.first().map_or(0, Vec::len) as u64);
        }
        Ok::<_, Error>(())
    })?;
    Ok(metrics)
}
