//! What the model answers about photos with labels, and how good that is.

use std::collections::BTreeMap;

use marque_contracts::{Job, Unit};
use marque_metrics::{
    Metrics, Predictions, Proportion, Reliability, SelectiveAnswers, Slice, Unfamiliar, decisions,
};

use crate::attributes::attributes;
use crate::inputs::{Inputs, Photos};
use crate::without_boxes::without_boxes;
use crate::{Error, Settings};

/// Answers with labels.
pub(crate) struct Answered {
    pub(crate) predictions: Predictions,
    /// Expected calibration error of each head's logits as they are.
    uncalibrated: BTreeMap<String, Option<f64>>,
}

/// The same, and how good they are.
pub(crate) struct Measured {
    pub(crate) predictions: Predictions,
    pub(crate) metrics: Metrics,
}

/// What the model answers: logits by its temperatures, so that probabilities mean what they say.
pub(crate) fn answer(
    inputs: &Inputs,
    photos: &Photos,
    settings: &Settings,
    job: &Job<'_>,
) -> Result<Answered, Error> {
    let heads = inputs.predictor.calibration().heads(settings.flip);
    let bar = job.progress().bar("measure", photos.places.len() as u64, Unit::Photos);
    let square = |photo: usize| Ok::<_, Error>(inputs.shards.photo(&photos.places[photo])?);
    let Settings { batch_size, flip, .. } = *settings;
    let mut logits = vec![Vec::new(); heads.len()];
    let (mut ranks, mut features) = (Vec::new(), Vec::new());
    let [width, _] = inputs.predictor.feature_widths();
    inputs.predictor.outputs_of_all(
        photos.places.len(),
        batch_size,
        flip,
        square,
        bar.as_ref(),
        |outputs| {
            logits
                .iter_mut()
                .zip(outputs.logits)
                .for_each(|(all, more): (&mut Vec<f32>, _)| all.extend(more));
            if settings.features {
                features.extend(outputs.features.chunks_exact(width).map(<[f32]>::to_vec));
            }
            ranks.extend(outputs.familiarity.into_iter().flatten());
            Ok(())
        },
    )?;
    let mut predictions = Predictions::new(photos.split, photos.file_names.clone());
    predictions.set_groups(photos.groups.clone());
    predictions.set_features(features);
    let mut uncalibrated = BTreeMap::new();
    for (((head, labels), logits), calibration) in
        inputs.heads.iter().zip(&photos.labels).zip(logits).zip(heads)
    {
        let rows = || logits.chunks_exact(head.classes.len().max(1));
        let raw = labels.iter().zip(rows()).flat_map(|(label, logits)| decisions(label, logits));
        uncalibrated.insert(head.name.clone(), Reliability::measure(raw).expected_error);
        let scaled = rows().flat_map(|logits| calibration.scaled(logits)).collect();
        predictions.add(head.clone(), labels.clone(), scaled)?;
    }
    predictions.set_familiarity(ranks);
    Ok(Answered { predictions, uncalibrated })
}

/// What the model answers about photos with labels, and how good that is.
pub(crate) fn measure(
    inputs: &Inputs,
    photos: &Photos,
    settings: &Settings,
    job: &Job<'_>,
) -> Result<Measured, Error> {
    let Answered { predictions, uncalibrated } = answer(inputs, photos, settings, job)?;
    let mut metrics = Metrics::measure(&predictions);
    metrics.unfamiliar = inputs.predictor.familiarity().map(|_| {
        let min_familiarity = settings.predict.min_familiarity;
        let ranks = (0..photos.file_names.len()).filter_map(|photo| predictions.familiarity(photo));
        let unfamiliar = ranks.clone().filter(|rank| !settings.predict.is_familiar(*rank)).count();
        Unfamiliar { min_familiarity, photos: Proportion::new(unfamiliar as u64, ranks.count() as u64) }
    });
    if inputs.predictor.calibration().photos() > 0 {
        for head in &mut metrics.heads {
            head.uncalibrated_error = uncalibrated.get(&head.name).copied().flatten();
            head.selective = selective(inputs, &predictions, settings, &head.name);
        }
        for head in &mut metrics.tags {
            head.selective = selective(inputs, &predictions, settings, &head.name);
        }
    }
    metrics.slices = Slice::measure(&predictions, &attributes(inputs, photos)?);
    metrics.without_boxes = without_boxes(inputs, photos, &predictions, settings, job)?;
    Ok(Measured { predictions, metrics })
}

/// What is left of a head's answers where only sure ones are given.
fn selective(
    inputs: &Inputs,
    predictions: &Predictions,
    settings: &Settings,
    head: &str,
) -> Vec<SelectiveAnswers> {
    let position = inputs.heads.iter().position(|known| known.name == head);
    let of = predictions.heads().iter().find(|known| known.name() == head);
    let (Some(position), Some(of)) = (position, of) else { return Vec::new() };
    let mut targets = vec![settings.predict.target_precision, 0.95, 0.99];
    targets.sort_by(f64::total_cmp);
    targets.dedup();
    let measure = |target: f64| {
        let threshold = inputs.predictor.calibration().thresholds(target, settings.flip)[position]?;
        let answers = of.decisions().enumerate().flat_map(|(photo, decisions)| {
            // No answer about an unfamiliar photo is given, however probable.
            let rank = predictions.familiarity(photo);
            let familiar = rank.is_none_or(|rank| settings.predict.is_familiar(rank));
            let probability = move |probability| if familiar { probability } else { f64::NEG_INFINITY };
            decisions.into_iter().map(move |(of, right)| (probability(of), right))
        });
        Some(SelectiveAnswers::measure(target, threshold, answers))
    };
    targets.into_iter().filter_map(measure).collect()
}
