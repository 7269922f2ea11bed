//! The photos that have a box, measured as if they had none, as a listing's photo comes.

use marque_contracts::schema::{Label, Rectangle};
use marque_contracts::{Job, Unit};
use marque_metrics::{Predictions, Proportion, WithoutBoxes, WithoutBoxesHead};
use marque_predict::{PhotoFile, PhotoInput, Reading, predict_photos};

use crate::inputs::{Inputs, Photos};
use crate::{Error, Settings};

/// Results without boxes; `None` where there are none, or photos are not cut to them.
pub(crate) fn without_boxes(
    inputs: &Inputs,
    photos: &Photos,
    predictions: &Predictions,
    settings: &Settings,
    job: &Job<'_>,
) -> Result<Option<WithoutBoxes>, Error> {
    let predictor = &inputs.predictor;
    let boxed: Vec<_> = (0..photos.file_names.len()).filter(|photo| photos.crops[*photo].is_some()).collect();
    if boxed.is_empty() || predictor.preparation().margin.is_none() {
        return Ok(None);
    }
    let reading = Reading {
        batch_size: settings.batch_size,
        max_pixels: marque_photo::ANY_SIZE,
        max_decode_bytes: settings.max_decode_bytes,
        flip: settings.flip,
    };
    let input = |photo: &usize| PhotoInput {
        name: photos.file_names[*photo].clone(),
        file: PhotoFile::Path(inputs.photo_folder.join(&photos.file_names[*photo])),
        crop: None,
    };
    let bar = job.progress().bar("without boxes", boxed.len() as u64, Unit::Photos);
    let mut answers = Vec::with_capacity(boxed.len());
    let photo_inputs: Vec<_> = boxed.iter().map(input).collect();
    predict_photos(predictor, photo_inputs.into_iter(), &reading, |photo, answer| {
        let path = inputs.photo_folder.join(&photo.name);
        answers.push(answer.map_err(|source| Error::Unanswered { path, source })?);
        bar.advance(1);
        Ok::<_, Error>(())
    })?;
    let known = |head: usize| {
        boxed.iter().zip(&answers).filter_map(move |(photo, answer)| {
            let label = &photos.labels[head][*photo];
            label.is_known().then(|| (*photo, answer.heads[head].answer == *label))
        })
    };
    let heads = inputs.heads.iter().enumerate().map(|(head, of)| {
        let before = predictions.heads().iter().find(|it| it.name() == of.name);
        let with =
            known(head).filter(|(photo, _)| before.is_some_and(|it| it.is_right(*photo) == Some(true)));
        let total = known(head).count() as u64;
        WithoutBoxesHead {
            name: of.name.clone(),
            right: Proportion::new(known(head).filter(|(_, right)| *right).count() as u64, total),
            right_with_boxes: Proportion::new(with.count() as u64, total),
        }
    });
    let mut all = (0, 0);
    for (photo, answer) in boxed.iter().zip(&answers) {
        let labels = || photos.labels.iter().map(|labels| &labels[*photo]);
        if labels().all(Label::is_known) {
            all.0 += u64::from(labels().zip(&answer.heads).all(|(label, head)| head.answer == *label));
            all.1 += 1;
        }
    }
    let finds_cars = predictor.locator().is_some();
    let overlaps = boxed.iter().zip(&answers).filter_map(|(photo, answer)| {
        let ([found, given], (width, height)) =
            ([answer.car?.crop, photos.crops[*photo]?], photos.sizes[*photo]);
        let [found, given] = [found, given].map(|crop| Rectangle::of_crop(crop, width, height));
        Some(found.overlap(&given))
    });
    Ok(Some(WithoutBoxes {
        photos: boxed.len() as u64,
        finds_cars,
        unfamiliar: predictor.familiarity().map(|_| {
            let unfamiliar = answers.iter().filter(|answer| answer.is_unfamiliar()).count();
            Proportion::new(unfamiliar as u64, boxed.len() as u64)
        }),
        overlap: finds_cars.then(|| overlaps.sum::<f64>() / boxed.len() as f64),
        heads: heads.collect(),
        all_heads_right: Proportion::new(all.0, all.1),
    }))
}
