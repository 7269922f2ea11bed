//! `marque predict --explain`: where the network looked, on one picture.

use std::path::{Path, PathBuf};

use marque_contracts::counts::counted;
use marque_inspect::{ExplainedAnswer, ExplainedPhoto, explained_sheet};
use marque_predict::{PhotoInput, Prediction, Predictor, Reading};

use super::table::cell;
use crate::error::Error;
use crate::terminal::Terminal;

/// Height and width of a photo on the picture, in pixels.
const SIZE: usize = 256;

/// Photos on one picture at most: more make it taller than can be looked at.
const MOST: usize = 50;

/// Photos with where the network looked, until all are there.
pub(super) struct Explanations<'a> {
    out: PathBuf,
    predictor: &'a Predictor,
    photos: Vec<ExplainedPhoto>,
    more: usize,
}

impl<'a> Explanations<'a> {
    /// For a picture at `out`.
    pub(super) fn begin(out: &Path, predictor: &'a Predictor) -> Result<Self, Error> {
        let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
            return Err(Error::Usage(format!(
                "there is no folder {} to write {} into",
                folder.display(),
                out.display()
            )));
        }
        let is_picture = |end: &str| ["png", "jpg", "jpeg"].contains(&end.to_lowercase().as_str());
        if !out.extension().and_then(|end| end.to_str()).is_some_and(is_picture) {
            return Err(Error::Usage(format!("{} ends neither with .png nor with .jpg", out.display())));
        }
        Ok(Self { out: out.to_owned(), predictor, photos: Vec::new(), more: 0 })
    }

    pub(super) fn add(
        &mut self,
        photo: &PhotoInput,
        prediction: &Prediction,
        reading: &Reading,
    ) -> Result<(), Error> {
        if self.photos.len() == MOST {
            self.more += 1;
            return Ok(());
        }
        // A photo that went away meanwhile has its answer, and no picture.
        let Ok(explanation) = self.predictor.explain(photo, prediction, reading, SIZE)? else {
            return Ok(());
        };
        let heads = &self.predictor.network().config().heads;
        let answers = heads.iter().zip(&prediction.heads).zip(explanation.maps);
        let answers = answers.map(|((head, answer), map)| ExplainedAnswer {
            caption: [cell(head, answer, 1), head.name.clone()],
            width: map.width,
            heat: map.heat(),
        });
        let note = if prediction.is_unfamiliar() { "unfamiliar" } else { "" };
        self.photos.push(ExplainedPhoto {
            size: explanation.size,
            pixels: explanation.square,
            caption: [name(&photo.name), note.to_owned()],
            answers: answers.collect(),
        });
        Ok(())
    }

    /// Writes the picture.
    pub(super) fn finish(self, terminal: &Terminal) -> Result<(), Error> {
        if self.photos.is_empty() {
            return Ok(());
        }
        explained_sheet(&self.photos, &self.out)?;
        if self.more > 0 {
            let (most, all) = (MOST, counted((MOST + self.more) as u64, "photo", "photos"));
            terminal.note(format_args!("{} shows the first {most} of {all}", self.out.display()));
        }
        Ok(())
    }
}

/// The end of a path: what tells photos apart.
fn name(path: &str) -> String {
    Path::new(path).file_name().map_or_else(|| path.to_owned(), |name| name.to_string_lossy().into_owned())
}
