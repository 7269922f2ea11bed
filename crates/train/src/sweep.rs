//! A sweep over learning rates, to find one: the range test of Smith, *Cyclical learning rates for training neural
//! networks*, 2017 (arXiv:1506.01186), smoothed and ended as in fastai's `lr_find`.

use std::ops::ControlFlow;

use marque_contracts::counts::decimal;
use marque_contracts::{Job, Progress, Unit};

use crate::trial_run::trial_run;
use crate::{Error, Settings};

/// How much of the average loss stays from step to step.
const MEMORY: f64 = 0.98;
/// The sweep ends where the average loss is this many times its best.
const DIVERGED: f64 = 4.0;
/// Points at the beginning in which the average settles, and at the end, where it runs away, that no suggestion is
/// taken from, as shares of all points: fastai leaves 10 and 5 of 100 out.
const SETTLING: usize = 10;
const ENDING: usize = 20;

/// Where a sweep goes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct SweepRange {
    /// Learning rate of the backbone in the first step.
    pub from: f64,
    /// Learning rate of the backbone in the last step.
    pub to: f64,
    /// Number of steps; rates grow by the same factor from each to the next.
    pub steps: usize,
}

impl SweepRange {
    /// The learning rate of step `step`, from 0.
    fn rate(&self, step: usize) -> f64 {
        self.from * (self.to / self.from).powf(step as f64 / (self.steps - 1).max(1) as f64)
    }
}

/// One step of a sweep.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct SweepPoint {
    /// Learning rate of the backbone.
    pub learning_rate: f64,
    /// Loss before the step.
    pub loss: f64,
    /// Average of the losses so far, the latest counting most.
    pub smoothed: f64,
}

/// What a sweep found.
#[derive(Clone, PartialEq, Debug)]
pub struct Sweep {
    /// Its steps.
    pub points: Vec<SweepPoint>,
    /// Whether it ended before its last step, since the loss ran away.
    pub diverged: bool,
    /// The rate at which the loss falls fastest; `None` if it never falls.
    pub suggestion: Option<f64>,
}

/// Trains from the beginning while the learning rate rises from step to step, until the loss runs away. The ratio
/// between backbone and heads is that of the settings. The job's inputs are those of training; nothing is written.
///
/// # Errors
/// If the inputs, weights or settings do not fit.
pub fn sweep(
    job: &Job<'_>,
    settings: &Settings,
    range: SweepRange,
    progress: &dyn Progress,
) -> Result<Sweep, Error> {
    if settings.rates.backbone <= 0.0 {
        return Err(Error::Settings("train.learning_rate must be above 0 for a sweep".to_owned()));
    }
    let bar = progress.bar("sweep", range.steps as u64, Unit::Steps);
    let mut average = Average::default();
    let mut points: Vec<SweepPoint> = Vec::with_capacity(range.steps);
    let mut diverged = false;
    let swept = trial_run(job, settings, |mut trial| {
        let peak = trial.inputs.settings.rates.backbone;
        let factor = |step| range.rate(step) / peak;
        trial.steps(1, range.steps, factor, |step| {
            let (learning_rate, smoothed) = (range.rate(points.len()), average.add(step.loss));
            points.push(SweepPoint { learning_rate, loss: step.loss, smoothed });
            bar.set_message(&format!("rate {learning_rate:.1e}, loss {}", decimal(smoothed, 3)));
            bar.advance(1);
            let best = points.iter().map(|point| point.smoothed).fold(f64::INFINITY, f64::min);
            diverged = smoothed > DIVERGED * best;
            if diverged { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
    });
    match swept {
        Err(Error::NotFinite(_)) if !points.is_empty() => diverged = true,
        swept => swept?,
    }
    Ok(Sweep { suggestion: steepest(&points), points, diverged })
}

/// An exponential average that starts without a bias towards 0.
#[derive(Default)]
struct Average {
    sum: f64,
    count: i32,
}

impl Average {
    fn add(&mut self, value: f64) -> f64 {
        self.sum = MEMORY * self.sum + (1.0 - MEMORY) * value;
        self.count += 1;
        self.sum / (1.0 - MEMORY.powi(self.count))
    }
}

/// The rate at which the average loss falls fastest per factor of the rate.
fn steepest(points: &[SweepPoint]) -> Option<f64> {
    let (first, end) = (points.len() / SETTLING, points.len() - points.len() / ENDING);
    let slope = |i: usize| points[i + 1].smoothed - points[i - 1].smoothed;
    let inner = first.max(1)..end.min(points.len().saturating_sub(1));
    let best = inner.min_by(|a, b| slope(*a).total_cmp(&slope(*b)))?;
    (slope(best) < 0.0).then(|| points[best].learning_rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Points with this smoothed loss, as a function of the decimal logarithm of the rate.
    fn points(loss: impl Fn(f64) -> f64) -> Vec<SweepPoint> {
        let range = SweepRange { from: 1e-7, to: 10.0, steps: 81 };
        let point = |step| {
            let learning_rate: f64 = range.rate(step);
            let smoothed = loss(learning_rate.log10());
            SweepPoint { learning_rate, loss: smoothed, smoothed }
        };
        (0..range.steps).map(point).collect()
    }

    #[test]
    fn rates_grow_by_the_same_factor_from_end_to_end() {
        let points = points(|_| 1.0);
        let factors: Vec<_> = points.windows(2).map(|p| p[1].learning_rate / p[0].learning_rate).collect();
        assert!(factors.iter().all(|factor| (factor - 10f64.powf(0.1)).abs() < 1e-9), "{factors:?}");
        assert!((points[80].learning_rate - 10.0).abs() < 1e-9);
    }

    #[test]
    fn the_suggestion_is_where_the_loss_falls_fastest() {
        // Falls around 1e-3, rises steeply above 0.1.
        let curve = |log: f64| 1.0 - ((log + 3.0) * 2.0).tanh() + (log + 1.0).max(0.0).powi(3) * 10.0;
        let suggestion = steepest(&points(curve)).unwrap();
        assert!((suggestion.log10() + 3.0).abs() < 0.11, "{suggestion}");
        assert_eq!(steepest(&points(|log| log)), None, "a loss that only rises");
        for few in 0..4 {
            steepest(&points(curve)[..few]);
        }
    }

    #[test]
    fn the_average_of_a_constant_is_the_constant() {
        let mut average = Average::default();
        for _ in 0..10 {
            assert!((average.add(2.5) - 2.5).abs() < 1e-12);
        }
    }
}
