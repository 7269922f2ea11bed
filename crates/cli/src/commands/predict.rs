//! `marque predict`

mod answers;
mod explanations;
mod inputs;
mod table;

use std::path::PathBuf;

use marque_contracts::schema::train;
use marque_contracts::{Progress, Unit};
use marque_evaluate::Settings;
use marque_predict::{PhotoError, PhotoInput, Predictor, Reading, predict_photos};

use self::answers::Answers;
use self::explanations::Explanations;
use self::inputs::Inputs;
use crate::arguments::Predict;
use crate::configuration::Configuration;
use crate::error::{Error, causes_of};
use crate::terminal::Terminal;
use crate::whole_results;

/// Answers about photos by the model that is named, or the trained one of the store.
pub(super) fn predict(
    configuration: Option<&Configuration>,
    options: &Predict,
    terminal: &Terminal,
) -> Result<(), Error> {
    let settings =
        configuration.map_or_else(Settings::default, |configuration| configuration.evaluate.clone());
    let mut sure = settings.predict;
    sure.target_precision = options.target_precision.unwrap_or(sure.target_precision);
    sure.min_familiarity = options.min_familiarity.unwrap_or(sure.min_familiarity);
    let inputs = Inputs::open(options)?;
    let folder = model_folder(configuration, options)?;
    let precision = options.precision.unwrap_or(settings.precision);
    let predictor = Predictor::open(&folder, precision, &sure)?;
    for missing in what_is_not_told(&predictor) {
        terminal.note(missing);
    }
    let reading = Reading {
        flip: options.flip || settings.flip,
        max_decode_bytes: settings.max_decode_bytes,
        max_pixels: configuration.map_or(Reading::default().max_pixels, |it| it.dataset.max_pixels),
        ..Reading::default()
    };
    let explained = options.explain.as_deref().map(|out| Explanations::begin(out, &predictor));
    let mut explained = explained.transpose()?;
    let mut answers = Answers::begin(options, &predictor, &reading, terminal)?;
    let count = if options.parquet.is_some() { inputs.count()? } else { None };
    let photos = inputs.photos(options.sides)?;
    let bar = count.map(|photos| terminal.bar("predict", photos as u64, Unit::Photos));
    let skip = answers.done();
    if let Some(bar) = &bar {
        bar.skip(skip as u64);
    }
    let mut failed = answers.failed();
    let answered = |photo: PhotoInput, answer: Result<_, PhotoError>| {
        failed += usize::from(answer.is_err());
        if let (Some(explained), Ok(prediction)) = (&mut explained, &answer) {
            explained.add(&photo, prediction, &reading)?;
        }
        answers.add(&photo.name, answer)?;
        bar.iter().for_each(|bar| bar.advance(1));
        Ok::<_, Error>(())
    };
    predict_photos(&predictor, photos.skip(skip), &reading, answered)?;
    drop(bar);
    let photos = answers.finish()?;
    explained.map_or(Ok(()), |explained| explained.finish(terminal))?;
    match (photos, failed) {
        (0, _) => Err(Error::Usage("there is no photo to answer about".to_owned())),
        (_, 0) => Ok(()),
        (_, failed) => Err(Error::Unanswered(failed)),
    }
}

/// What a model without validation photos says nothing of.
fn what_is_not_told(predictor: &Predictor) -> impl Iterator<Item = &'static str> {
    let calibrated = predictor.calibration().photos() > 0;
    let uncalibrated = (!calibrated).then_some(
        "this model is not calibrated: probabilities are as the network gives them, and no answer is \"not sure\"",
    );
    let familiar = predictor.familiarity().is_some();
    let all_alike = (!familiar).then_some(
        "this model does not tell which photos are unlike those it learnt from: none is \"unfamiliar\"",
    );
    uncalibrated.into_iter().chain(all_alike)
}

/// The folder of the model.
fn model_folder(configuration: Option<&Configuration>, options: &Predict) -> Result<PathBuf, Error> {
    let store = configuration.map(Configuration::open_store).transpose();
    match (&options.model, store) {
        (Some(folder), Ok(Some(store))) => {
            whole_results::check_folder(&store, folder)?;
            Ok(folder.clone())
        }
        (Some(folder), _) => Ok(folder.clone()),
        (None, store) => {
            let store = store?.ok_or(Error::NoResult(train::STAGE))?;
            let trained = store.current(train::STAGE)?.ok_or(Error::NoResult(train::STAGE))?;
            whole_results::check(train::STAGE, &trained, &[train::MODEL])?;
            Ok(trained.folder.join(train::MODEL))
        }
    }
}

/// Why there is no answer, in a line.
fn reason(error: &PhotoError) -> String {
    let causes = causes_of(error).into_iter();
    std::iter::once(error.to_string()).chain(causes).collect::<Vec<_>>().join(": ")
}
