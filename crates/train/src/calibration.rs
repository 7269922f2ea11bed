//! What the best model's answers about the validation photos tell of its answers, and what photos that it learnt from look like to it.

use std::path::Path;

use marque_contracts::schema::{Head, HeadKind, Label};
use marque_contracts::{Progress, Unit};
use marque_metrics::{
    FittedTemperature, OperatingPoints, decisions, fit_tag_temperature, fit_temperature, pool_temperatures,
};
use marque_predict::{Calibration, Familiarity, HeadCalibration, Outputs, PhotoFeatures, Predictor};

use crate::Error;
use crate::data::{Data, Sample};
use crate::inputs::Inputs;
use crate::validation::BATCH;

/// Fits temperatures, operating points and familiarity of the model in `folder` on the validation photos, which it was not trained
/// on, and writes them beside it. Without any the model has none of these, and a line says so.
pub(crate) fn calibrate(inputs: Inputs<'_>, folder: &Path, progress: &dyn Progress) -> Result<(), Error> {
    let Inputs { settings, data, .. } = inputs;
    if data.validation.is_empty() {
        progress.line(
            "no validation photos: probabilities stay as they are, and no answer is \"not sure\", no photo unfamiliar; \
             labels.validation = 0.05 holds some out",
        );
        return Ok(());
    }
    let predictor = Predictor::open(folder, settings.precision, &Default::default())?;
    let heads = &predictor.network().config().heads;
    let learnt: Vec<_> = Familiarity::sample(data.train.len()).map(|photo| &data.train[photo]).collect();
    let validation: Vec<_> = data.validation.iter().collect();
    let photos = learnt.len() + 2 * validation.len();
    let bar = progress.bar("calibrate", photos as u64, Unit::Photos);
    let outputs = |photos: &[&Sample], flip: bool| -> Result<Outputs, Error> {
        let square = |photo: usize| Ok::<_, Error>(data.shards.photo(&photos[photo].place)?);
        let mut all = predictor.outputs(&[], flip)?;
        predictor.outputs_of_all(photos.len(), BATCH, flip, square, bar.as_ref(), |outputs| {
            // Of both sides together only answers are wanted: familiarity is told of photos as they are.
            all.append(if flip { outputs.without_features() } else { outputs });
        })?;
        Ok(all)
    };
    let [plain, mirrored] = [outputs(&validation, false)?, outputs(&validation, true)?];
    let calibrated = |logits: &[Vec<f32>]| {
        let each = heads.iter().zip(logits).filter_map(|(head, logits)| {
            let position = data.heads.iter().position(|known| known.name == head.name)?;
            Some((&data.heads[position], labels(data, position), logits.as_slice()))
        });
        of_heads(&each.collect::<Vec<_>>())
    };
    let calibration =
        Calibration::new(calibrated(&plain.logits), calibrated(&mirrored.logits), validation.len() as u64);
    calibration.write(folder, heads)?;
    let learnt = outputs(&learnt, false)?;
    let [learnt, seen] =
        [&learnt, &plain].map(|it| PhotoFeatures { features: &it.features, early: &it.early });
    match Familiarity::fit(predictor.feature_widths(), learnt, seen) {
        Some(familiarity) => familiarity.write(folder)?,
        None => progress.line(&format!(
            "no photo will be \"unfamiliar\": telling that takes at least {} validation photos that are not all alike",
            Familiarity::FEWEST
        )),
    }
    Ok(())
}

fn labels(data: &Data, head: usize) -> Vec<&Label> {
    data.validation.iter().map(|sample| &sample.targets[head]).collect()
}

/// What was fitted of a head by itself: one temperature, or one per tag.
fn fit(head: &Head, labels: &[&Label], logits: &[f32]) -> Vec<FittedTemperature> {
    let classes = head.classes.len().max(1);
    let rows = || labels.iter().copied().zip(logits.chunks_exact(classes));
    match head.kind {
        HeadKind::Single => {
            vec![fit_temperature(rows().filter_map(|(label, logits)| Some((logits, label.class()?))))]
        }
        HeadKind::Tags => {
            let of = |tag: usize| {
                rows().filter_map(move |(label, logits)| Some((logits[tag], label.tags()?.contains(&tag))))
            };
            (0..classes).map(|tag| fit_tag_temperature(of(tag))).collect()
        }
    }
}

/// Calibrations of heads with their labels and logits: temperatures of heads with one class a photo are drawn together, and those of
/// the tags of each other head.
fn of_heads(heads: &[(&Head, Vec<&Label>, &[f32])]) -> Vec<HeadCalibration> {
    let fitted: Vec<_> = heads.iter().map(|(head, labels, logits)| fit(head, labels, logits)).collect();
    let is_single = |head: &Head| head.kind == HeadKind::Single;
    let singles: Vec<_> = heads
        .iter()
        .zip(&fitted)
        .filter(|((head, ..), _)| is_single(head))
        .flat_map(|(_, fits)| fits)
        .copied()
        .collect();
    let mut singles = pool_temperatures(&singles).into_iter();
    let calibration = |((head, labels, logits), fitted): (&(&Head, Vec<&Label>, &[f32]), &Vec<_>)| {
        let temperatures = match head.kind {
            HeadKind::Single => singles.by_ref().take(1).collect(),
            HeadKind::Tags => pool_temperatures(fitted),
        };
        let calibration = HeadCalibration { temperatures, operating_points: OperatingPoints::default() };
        let rows = labels.iter().copied().zip(logits.chunks_exact(head.classes.len().max(1)));
        let answers = rows.flat_map(|(label, logits)| decisions(label, &calibration.scaled(logits)));
        let operating_points = OperatingPoints::measure(answers);
        HeadCalibration { operating_points, ..calibration }
    };
    heads.iter().zip(&fitted).map(calibration).collect()
}
