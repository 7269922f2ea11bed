//! Out-of-fold probabilities by linear probes: multinomial logistic regressions on pooled features (G. Alain, Y. Bengio,
//! "Understanding intermediate layers using linear classifier probes", 2016), each fitted on all folds but one and asked about that.
//!
//! What a probe says of a photo it has not learnt from that photo's label. The features have, in training; so probes are held
//! back hard, that they cannot follow a network that has learnt labels by heart.

use std::collections::BTreeMap;

use marque_contracts::Digest;
use marque_kernels::linear;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

/// Folds that photos are dealt to.
pub const FOLDS: usize = 5;

/// Features that probes see at most; wider ones are projected at random, which keeps distances (W. Johnson, J. Lindenstrauss,
/// 1984).
const WIDTH: usize = 128;

/// Photos that one probe is fitted on at most, evenly from all.
const FITTED: usize = 20_000;

/// Weight of the squared norm of the coefficients beside the mean cross-entropy, for features of variance 1.
const L2: f32 = 0.1;

/// Steps of Nesterov's accelerated gradient.
const STEPS: usize = 200;

/// Steps of the power iteration for the largest curvature.
const POWER_STEPS: usize = 20;

/// Features of photos, standardised, `[photos, width]` row by row.
#[derive(Clone, PartialEq, Debug)]
pub struct LinearProbes {
    width: usize,
    rows: Vec<f32>,
    /// Largest eigenvalue of the features' second moments, with a constant beside them.
    curvature: f32,
}

impl LinearProbes {
    /// Standardises features, `[photos, width]` row by row. `None` if they are no numbers.
    pub fn new(mut rows: Vec<f32>, width: usize) -> Option<Self> {
        if !rows.iter().all(|value| value.is_finite()) || rows.is_empty() {
            return None;
        }
        standardise(&mut rows, width);
        let (rows, width) = if width > WIDTH { (project(&rows, width), WIDTH) } else { (rows, width) };
        let curvature = curvature(&rows, width);
        Some(Self { width, rows, curvature })
    }

    fn row(&self, photo: usize) -> &[f32] {
        &self.rows[photo * self.width..][..self.width]
    }

    /// Probabilities of each class, `[photos, classes]` row by row, for these photos, which have these labels and repeat each
    /// other within `groups`: a group is in one fold.
    pub fn out_of_fold(
        &self,
        photos: &[usize],
        labels: &[usize],
        groups: &[usize],
        classes: usize,
    ) -> Vec<f64> {
        let folds = deal(labels, groups);
        let answered: Vec<Vec<(usize, Vec<f64>)>> = (0..FOLDS)
            .into_par_iter()
            .map(|fold| {
                let others: Vec<_> = (0..photos.len()).filter(|at| folds[*at] != fold).collect();
                let kept = others.len().min(FITTED);
                let learnt: Vec<_> = (0..kept)
                    .map(|at| others[at * others.len() / kept])
                    .map(|at| (self.row(photos[at]), labels[at]))
                    .collect();
                let probe = Probe::fit(&learnt, self.width, classes, self.curvature);
                let asked = (0..photos.len()).filter(|at| folds[*at] == fold);
                asked.map(|at| (at, probe.probabilities(self.row(photos[at])))).collect()
            })
            .collect();
        let mut all = vec![0.0; photos.len() * classes];
        for (at, row) in answered.into_iter().flatten() {
            all[at * classes..][..classes].copy_from_slice(&row);
        }
        all
    }
}

/// Takes each column's mean away and divides it by its standard deviation.
fn standardise(rows: &mut [f32], width: usize) {
    let count = (rows.len() / width) as f64;
    let mut sums = vec![[0.0_f64; 2]; width];
    for row in rows.chunks_exact(width) {
        for (sums, value) in sums.iter_mut().zip(row) {
            sums[0] += f64::from(*value);
            sums[1] += f64::from(*value).powi(2);
        }
    }
    let scales: Vec<_> = sums
        .into_iter()
        .map(|[sum, squares]| {
            let mean = sum / count;
            let deviation = (squares / count - mean * mean).max(0.0).sqrt();
            [mean as f32, (1.0 / (deviation + 1e-6)) as f32]
        })
        .collect();
    rows.par_chunks_exact_mut(width).for_each(|row| {
        for (value, [mean, scale]) in row.iter_mut().zip(&scales) {
            *value = (*value - mean) * scale;
        }
    });
}

/// Random signs times the features: `[photos, WIDTH]`, of about the same distances.
fn project(rows: &[f32], width: usize) -> Vec<f32> {
    let mut rng = generator("projection for linear probes");
    let scale = (WIDTH as f32).sqrt().recip();
    let signs: Vec<_> =
        (0..WIDTH * width).map(|_| if rng.random::<bool>() { scale } else { -scale }).collect();
    let mut projected = vec![0.0; rows.len() / width * WIDTH];
    linear(rows, &signs, &[0.0; WIDTH], width, &mut projected);
    projected
}

/// The largest eigenvalue of the rows' second moments, with a constant beside them, from below.
fn curvature(rows: &[f32], width: usize) -> f32 {
    let photos = (rows.len() / width) as f32;
    let mut direction = vec![1.0_f32; width + 1];
    let mut largest = 0.0;
    for _ in 0..POWER_STEPS {
        let length = direction.iter().map(|value| value * value).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
        direction.iter_mut().for_each(|value| *value /= length);
        let mut next = vec![0.0_f32; width + 1];
        for row in rows.chunks_exact(width) {
            let along = dot(row, &direction[..width]) + direction[width];
            add(&mut next[..width], along, row);
            next[width] += along;
        }
        direction = next.into_iter().map(|value| value / photos).collect();
        largest = direction.iter().map(|value| value * value).sum::<f32>().sqrt();
    }
    largest
}

/// A fold for each photo: groups of a class are dealt in turn, so that every fold has its share of each class.
fn deal(labels: &[usize], groups: &[usize]) -> Vec<usize> {
    let mut order: Vec<_> = (0..labels.len()).collect();
    order.shuffle(&mut generator("folds of linear probes"));
    let mut seen = BTreeMap::new();
    // A group goes by the label of its first photo.
    let mut firsts: Vec<usize> =
        order.iter().copied().filter(|at| seen.insert(groups[*at], 0).is_none()).collect();
    firsts.sort_by_key(|at| labels[*at]);
    for (position, at) in firsts.into_iter().enumerate() {
        seen.insert(groups[at], position % FOLDS);
    }
    groups.iter().map(|group| seen[group]).collect()
}

fn generator(purpose: &str) -> ChaCha8Rng {
    ChaCha8Rng::from_seed(*Digest::of_bytes(purpose.as_bytes()).as_bytes())
}

/// Coefficients, `[classes, width + 1]` row by row: the last of a row is the intercept.
struct Probe {
    width: usize,
    rows: Vec<f32>,
}

impl Probe {
    /// By Nesterov's accelerated gradient for strongly convex functions (Y. Nesterov, *Introductory Lectures on Convex
    /// Optimization*, 2004, scheme 2.2.9).
    fn fit(photos: &[(&[f32], usize)], width: usize, classes: usize, curvature: f32) -> Self {
        // The features of fewer photos may have somewhat larger moments.
        let steepest = 0.5 * curvature * FOLDS as f32 / (FOLDS - 1) as f32 * 1.05 + 2.0 * L2;
        let root = (2.0 * L2 / steepest).sqrt();
        let momentum = (1.0 - root) / (1.0 + root);
        let mut here = vec![0.0_f32; classes * (width + 1)];
        let mut ahead = Self { width, rows: here.clone() };
        for _ in 0..STEPS {
            let gradient = ahead.gradient(photos, classes);
            for ((here, ahead), gradient) in here.iter_mut().zip(&mut ahead.rows).zip(gradient) {
                let next = *ahead - gradient / steepest;
                *ahead = next + momentum * (next - *here);
                *here = next;
            }
        }
        Self { width, rows: here }
    }

    fn gradient(&self, photos: &[(&[f32], usize)], classes: usize) -> Vec<f32> {
        let mut gradient = vec![0.0_f32; self.rows.len()];
        let mut probabilities = vec![0.0_f32; classes];
        for (row, label) in photos {
            self.softmax(row, &mut probabilities);
            probabilities[*label] -= 1.0;
            for (sums, share) in gradient.chunks_exact_mut(self.width + 1).zip(&probabilities) {
                add(&mut sums[..self.width], *share, row);
                sums[self.width] += share;
            }
        }
        let count = photos.len().max(1) as f32;
        for (sums, rows) in
            gradient.chunks_exact_mut(self.width + 1).zip(self.rows.chunks_exact(self.width + 1))
        {
            sums.iter_mut().for_each(|sum| *sum /= count);
            // The intercept goes free.
            add(&mut sums[..self.width], 2.0 * L2, &rows[..self.width]);
        }
        gradient
    }

    fn softmax(&self, row: &[f32], out: &mut [f32]) {
        for (out, coefficients) in out.iter_mut().zip(self.rows.chunks_exact(self.width + 1)) {
            *out = dot(row, &coefficients[..self.width]) + coefficients[self.width];
        }
        let largest = out.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        out.iter_mut().for_each(|value| *value = (*value - largest).exp());
        let sum: f32 = out.iter().sum();
        out.iter_mut().for_each(|value| *value /= sum);
    }

    fn probabilities(&self, row: &[f32]) -> Vec<f64> {
        let mut out = vec![0.0; self.rows.len() / (self.width + 1)];
        self.softmax(row, &mut out);
        out.into_iter().map(f64::from).collect()
    }
}

/// The sum of products, in sixteen parts, so that vectors can be used.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a, a_rest) = a.as_chunks::<16>();
    let (b, b_rest) = b.as_chunks::<16>();
    let mut sums = [0.0_f32; 16];
    for (a, b) in a.iter().zip(b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    sums.iter().sum::<f32>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f32>()
}

/// Adds a multiple of `row` to `sums`.
fn add(sums: &mut [f32], share: f32, row: &[f32]) {
    sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += share * value);
}
