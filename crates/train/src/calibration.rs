//! What the best model's answers about the validation photos tell of its answers, and what photos that it learnt from look like to it.

use std::path::Path;

use marque_contracts::schema::{Head, HeadKind, Label, train};
use marque_contracts::{Bar, Progress, Unit};
use marque_metrics::{
    FittedTemperature, OperatingPoints, decisions, fit_tag_temperature, fit_temperature, pool_temperatures,
};
use marque_predict::{Calibration, Familiarity, HeadCalibration, Outputs, PhotoFeatures, Predictor};

use crate::Error;
use crate::data::{Data, Sample};
use crate::inputs::Inputs;
use crate::pooled_features::PooledFeatures;
use crate::validation::BATCH;

/// Fits temperatures, operating points and familiarity of the best model below `output` on the validation photos, which it was not
/// trained on, and writes them beside it; and the pooled features of all photos. Without validation photos the model has none of
/// these, and a line says so.
pub(crate) fn calibrate(inputs: Inputs<'_>, output: &Path, progress: &dyn Progress) -> Result<(), Error> {
    let Inputs { settings, data, .. } = inputs;
    let folder = &output.join(train::MODEL);
    let predictor = Predictor::open(folder, settings.precision, &Default::default())?;
    let photos = (data.train.len() + 2 * data.validation.len()) as u64;
    let bar = progress.bar("calibrate", photos, Unit::Photos);
    let pass = Pass { predictor: &predictor, data, bar: bar.as_ref() };
    let widths = predictor.feature_widths();
    let names = data.train.iter().chain(&data.validation).map(|sample| sample.place.file_name.clone());
    let mut pooled = PooledFeatures::begin(output, widths[0], names.collect())?;
    let mut sampled = Familiarity::sample(data.train.len()).peekable();
    let (mut learnt, mut first) = ([Vec::new(), Vec::new()], 0);
    pass.over(&data.train, false, |outputs| {
        pooled.write(&outputs.features)?;
        let next = first + outputs.features.len() / widths[0];
        let here = std::iter::from_fn(|| sampled.next_if(|photo| *photo < next).map(|photo| photo - first));
        for (all, more) in learnt.iter_mut().zip(outputs.features_of(here, widths)) {
            all.extend(more);
        }
        first = next;
        Ok(())
    })?;
    let mut plain = predictor.outputs(&[], false)?;
    pass.over(&data.validation, false, |outputs| {
        pooled.write(&outputs.features)?;
        plain.append(outputs);
        Ok(())
    })?;
    pooled.finish()?;
    if data.validation.is_empty() {
        progress.line(
            "no validation photos: probabilities stay as they are, and no answer is \"not sure\", no photo unfamiliar; \
             labels.validation = 0.05 holds some out",
        );
        return Ok(());
    }
    let mut mirrored = predictor.outputs(&[], true)?;
    pass.over(&data.validation, true, |outputs| {
        // Of both sides together only answers are wanted: familiarity is told of photos as they are.
        mirrored.append(outputs.without_features());
        Ok(())
    })?;
    let heads = &predictor.network().config().heads;
    let calibrated = |logits: &[Vec<f32>]| {
        let each = heads.iter().zip(logits).filter_map(|(head, logits)| {
            let position = data.heads.iter().position(|known| known.name == head.name)?;
            Some((&data.heads[position], labels(data, position), logits.as_slice()))
        });
        of_heads(&each.collect::<Vec<_>>())
    };
    let photos = data.validation.len() as u64;
    let calibration = Calibration::new(calibrated(&plain.logits), calibrated(&mirrored.logits), photos);
    calibration.write(folder, heads)?;
    let learnt = PhotoFeatures { features: &learnt[0], early: &learnt[1] };
    let seen = PhotoFeatures { features: &plain.features, early: &plain.early };
    match Familiarity::fit(widths, learnt, seen) {
        Some(familiarity) => familiarity.write(folder)?,
        None => progress.line(&format!(
            "no photo will be \"unfamiliar\": telling that takes at least {} validation photos that are not all alike",
            Familiarity::FEWEST
        )),
    }
    Ok(())
}

/// Photos on their way through the best model.
struct Pass<'a> {
    predictor: &'a Predictor,
    data: &'a Data,
    bar: &'a dyn Bar,
}

impl Pass<'_> {
    fn over(
        &self,
        photos: &[Sample],
        flip: bool,
        take: impl FnMut(Outputs) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let square = |photo: usize| Ok(self.data.shards.photo(&photos[photo].place)?);
        self.predictor.outputs_of_all(photos.len(), BATCH, flip, square, self.bar, take)
    }
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
