//! Calibration: what the best model's answers about the validation photos tell of its answers.

use std::path::Path;

use marque_contracts::schema::{Head, HeadKind, Label};
use marque_contracts::{Progress, Unit};
use marque_metrics::{OperatingPoints, decisions, fit_tag_temperature, fit_temperature};
use marque_predict::{Calibration, HeadCalibration, Predictor};

use crate::Error;
use crate::data::Data;
use crate::inputs::Inputs;
use crate::validation::BATCH;

/// Fits temperatures and operating points of the model in `folder` on the validation photos, which it was not trained on,
/// and writes them beside it. Without any there is no calibration.
pub(crate) fn calibrate(inputs: Inputs<'_>, folder: &Path, progress: &dyn Progress) -> Result<(), Error> {
    let Inputs { settings, data, .. } = inputs;
    if data.validation.is_empty() {
        return Ok(());
    }
    let predictor = Predictor::open(folder, settings.precision, &Default::default())?;
    let heads = &predictor.network().config().heads;
    let bar = progress.bar("calibrate", data.validation.len() as u64, Unit::Photos);
    let square = |photo: usize| Ok::<_, Error>(data.shards.photo(&data.validation[photo].place)?);
    let logits = predictor.logits_of_all(data.validation.len(), BATCH, false, square, bar.as_ref())?;
    let calibrated = heads.iter().zip(&logits).filter_map(|(head, logits)| {
        let position = data.heads.iter().position(|known| known.name == head.name)?;
        Some(of_head(&data.heads[position], &labels(data, position), logits))
    });
    Calibration::new(calibrated.collect(), data.validation.len() as u64).write(folder, heads)?;
    Ok(())
}

fn labels(data: &Data, head: usize) -> Vec<&Label> {
    data.validation.iter().map(|sample| &sample.targets[head]).collect()
}

fn of_head(head: &Head, labels: &[&Label], logits: &[f32]) -> HeadCalibration {
    let classes = head.classes.len().max(1);
    let rows = || labels.iter().copied().zip(logits.chunks_exact(classes));
    let temperatures = match head.kind {
        HeadKind::Single => {
            vec![fit_temperature(rows().filter_map(|(label, logits)| Some((logits, label.class()?))))]
        }
        HeadKind::Tags => {
            let of = |tag: usize| {
                rows().filter_map(move |(label, logits)| Some((logits[tag], label.tags()?.contains(&tag))))
            };
            (0..classes).map(|tag| fit_tag_temperature(of(tag))).collect()
        }
    };
    let calibration = HeadCalibration { temperatures, operating_points: OperatingPoints::default() };
    let answers = rows().flat_map(|(label, logits)| decisions(label, &calibration.scaled(logits)));
    let operating_points = OperatingPoints::measure(answers);
    HeadCalibration { operating_points, ..calibration }
}
