//! Many photos: decoded ahead of the network, answered in their order, in memory that does not grow with their number.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Mutex, PoisonError};

use marque_photo::Budget;

use crate::photo_input::{PhotoError, PhotoInput};
use crate::preparing::{Prepared, Preparing};
use crate::{Error, Prediction, Predictor};

/// How photos are read.
#[derive(Clone, PartialEq, Debug)]
pub struct Reading {
    /// Photos that pass through the network at once.
    pub batch_size: usize,
    /// A photo with more pixels is refused before any memory is taken for them.
    pub max_pixels: u64,
    /// Memory that decoding may take at a time, over all threads, in bytes.
    pub max_decode_bytes: u64,
    /// Whether the answer is that of the mean over each photo and its mirror image.
    pub flip: bool,
}

impl Default for Reading {
    fn default() -> Self {
        Self { batch_size: 16, max_pixels: 100_000_000, max_decode_bytes: 2 << 30, flip: false }
    }
}

/// Photos of a batch, prepared.
struct Batch {
    inputs: Vec<PhotoInput>,
    prepared: Vec<Result<Prepared, PhotoError>>,
}

/// Answers about photos, in their order: `answered` gets each with its answer, or with the reason why there is none, and may
/// end it all by an error.
///
/// # Errors
/// If the network fails, or what `answered` says.
pub fn predict_photos<E: From<Error>>(
    predictor: &Predictor,
    photos: impl Iterator<Item = PhotoInput> + Send,
    reading: &Reading,
    mut answered: impl FnMut(PhotoInput, Result<Prediction, PhotoError>) -> Result<(), E>,
) -> Result<(), E> {
    let budget = Budget::new(reading.max_decode_bytes);
    let preparing = Preparing::new(predictor, &budget, reading.max_pixels);
    let numbered = Mutex::new(photos.fuse().enumerate());
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel(1);
        for _ in 0..decoders() {
            let (sender, numbered, preparing) = (sender.clone(), &numbered, &preparing);
            scope.spawn(move || {
                let mut worker = preparing.worker();
                while let Some((number, inputs)) = next_batch(numbered, reading.batch_size) {
                    let prepared = inputs.iter().map(|input| worker.first_look(input)).collect();
                    // A closed channel means that nobody wants the rest.
                    if sender.send((number, Batch { inputs, prepared })).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        for mut batch in (InOrder { receiver, waiting: BTreeMap::new(), next: 0, step: reading.batch_size }) {
            preparing.find_cars(&batch.inputs, &mut batch.prepared)?;
            let squares: Vec<_> =
                batch.prepared.iter().filter_map(|it| Some(it.as_ref().ok()?.square.as_slice())).collect();
            let mut predictions = predictor.predict(&squares, reading.flip)?.into_iter();
            for (input, prepared) in batch.inputs.into_iter().zip(batch.prepared) {
                match prepared {
                    Err(error) => answered(input, Err(error))?,
                    Ok(prepared) => {
                        if let Some(prediction) = predictions.next() {
                            answered(input, Ok(Prediction { car: prepared.car, ..prediction }))?;
                        }
                    }
                }
            }
        }
        Ok(())
    })
}

/// Threads that decode. The network's own leave the cores to them while they wait for each other.
fn decoders() -> usize {
    rayon::current_num_threads().clamp(1, 8)
}

/// The next few photos, and the number of the first.
fn next_batch(
    photos: &Mutex<impl Iterator<Item = (usize, PhotoInput)>>,
    size: usize,
) -> Option<(usize, Vec<PhotoInput>)> {
    // An iterator that panicked ends; whatever it gave is whole.
    let mut photos = photos.lock().unwrap_or_else(PoisonError::into_inner);
    let mut numbered = photos.by_ref().take(size.max(1));
    let (number, first) = numbered.next()?;
    Some((number, std::iter::once(first).chain(numbered.map(|(_, photo)| photo)).collect()))
}

/// Batches in their order, whichever thread is done first.
struct InOrder {
    receiver: Receiver<(usize, Batch)>,
    waiting: BTreeMap<usize, Batch>,
    /// Number of the next batch's first photo.
    next: usize,
    step: usize,
}

impl Iterator for InOrder {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        let batch = loop {
            if let Some(batch) = self.waiting.remove(&self.next) {
                break batch;
            }
            let (number, batch) = self.receiver.recv().ok()?;
            self.waiting.insert(number, batch);
        };
        self.next += self.step.max(1);
        Some(batch)
    }
}
