//! From a photo to the square that the network answers about: cut to the box of the car, where the model wants that. Where nobody
//! says where the car is, the locator looks for it first, in the whole photo.

use marque_contracts::schema::{BoxFit, Crop, Preparation};
use marque_photo::{Budget, Photo, Preparer};
use rayon::prelude::*;

use crate::photo_input::{PhotoError, PhotoFile, PhotoInput};
use crate::prediction::Car;
use crate::{Error, Predictor};

/// Height and width of whole photos, in pixels: those that the locator learnt from.
const WHOLE_SIZE: usize = marque_contracts::schema::preprocess::WHOLE_SIZE;

/// What all photos are prepared by.
pub(crate) struct Preparing<'p> {
    predictor: &'p Predictor,
    budget: &'p Budget,
    max_pixels: u64,
    /// How photos are shown to the locator.
    whole: Option<Preparation>,
}

/// A photo as the network sees it.
pub(crate) struct Prepared {
    /// `size × size × 3` bytes; of the whole photo while the car in it is yet to be found.
    pub(crate) square: Vec<u8>,
    /// The car that it is cut to.
    pub(crate) car: Option<Car>,
    /// Width and height of the upright photo, if the car in it is yet to be found.
    to_find: Option<(usize, usize)>,
}

/// Prepares photos one after the other.
pub(crate) struct Worker<'p> {
    max_pixels: u64,
    /// Whether the model wants photos cut.
    cuts: bool,
    answer: Preparer<'p>,
    whole: Option<Preparer<'p>>,
}

impl<'p> Preparing<'p> {
    pub(crate) fn new(predictor: &'p Predictor, budget: &'p Budget, max_pixels: u64) -> Self {
        let whole = predictor.locator().map(|_| predictor.preparation().whole(WHOLE_SIZE));
        Self { predictor, budget, max_pixels, whole }
    }

    pub(crate) fn worker(&self) -> Worker<'_> {
        let preparer = |preparation: &Preparation| Preparer::new(preparation, self.budget);
        let preparation = self.predictor.preparation();
        Worker {
            max_pixels: self.max_pixels,
            cuts: preparation.margin.is_some(),
            answer: preparer(preparation),
            whole: self.whole.as_ref().map(preparer),
        }
    }

    /// Finds the cars in the photos of a batch that are whole, and cuts them to these.
    pub(crate) fn find_cars(
        &self,
        inputs: &[PhotoInput],
        prepared: &mut [Result<Prepared, PhotoError>],
    ) -> Result<(), Error> {
        let Some(locator) = self.predictor.locator() else { return Ok(()) };
        let waiting = inputs.iter().zip(prepared.iter_mut());
        let mut waiting: Vec<_> = waiting
            .filter(|(_, prepared)| matches!(prepared, Ok(Prepared { to_find: Some(_), .. })))
            .collect();
        let squares: Vec<_> =
            waiting.iter().filter_map(|(_, it)| Some(it.as_ref().ok()?.square.as_slice())).collect();
        let boxes = locator.find(&squares)?;
        waiting.par_iter_mut().zip(boxes).for_each_init(
            || self.worker(),
            |worker, ((input, prepared), found)| {
                let Ok(Prepared { to_find: Some((width, height)), .. }) = **prepared else { return };
                let whole = Crop { x1: 0, y1: 0, x2: width as u32, y2: height as u32 };
                let crop = found.to_crop(width, height).unwrap_or(whole);
                **prepared = worker.cut(input, Car { crop, given: false });
            },
        );
        Ok(())
    }
}

impl Worker<'_> {
    /// The photo cut to the box that is given; whole, for the locator; or whole, if the model wants that.
    pub(crate) fn first_look(&mut self, input: &PhotoInput) -> Result<Prepared, PhotoError> {
        let Self { max_pixels, cuts, answer, whole } = self;
        with_file(input, |file| {
            let photo = Photo::read(file, *max_pixels)?;
            let size @ (width, height) = photo.upright_size();
            let car = match input.crop.map(|crop| crop.fit(width as u32, height as u32)) {
                Some(BoxFit::Beyond(crop)) => return Err(PhotoError::Box { crop, width, height }),
                Some(BoxFit::Inside(crop) | BoxFit::Clipped(crop)) => Some(Car { crop, given: true }),
                None => None,
            };
            match whole {
                Some(whole) if car.is_none() => {
                    Ok(Prepared { square: square(whole, &photo, None)?, car: None, to_find: Some(size) })
                }
                // As given, as for training: the margin is a share of the whole box's sides.
                _ => {
                    let square = square(answer, &photo, input.crop)?;
                    Ok(Prepared { square, car: car.filter(|_| *cuts), to_find: None })
                }
            }
        })
    }

    /// The photo cut to a car.
    fn cut(&mut self, input: &PhotoInput, car: Car) -> Result<Prepared, PhotoError> {
        with_file(input, |file| {
            let photo = Photo::read(file, self.max_pixels)?;
            let square = square(&mut self.answer, &photo, Some(car.crop))?;
            Ok(Prepared { square, car: Some(car), to_find: None })
        })
    }
}

pub(crate) fn square(
    preparer: &mut Preparer<'_>,
    photo: &Photo<'_>,
    crop: Option<Crop>,
) -> Result<Vec<u8>, PhotoError> {
    let size = preparer.size();
    let mut square = vec![0; size * size * 3];
    preparer.prepare(photo, crop, &mut square)?;
    Ok(square)
}

pub(crate) fn with_file<T>(
    input: &PhotoInput,
    use_it: impl FnOnce(&[u8]) -> Result<T, PhotoError>,
) -> Result<T, PhotoError> {
    match &input.file {
        PhotoFile::Bytes(bytes) => use_it(bytes),
        PhotoFile::Path(path) => use_it(&fs_err::read(path)?),
    }
}
