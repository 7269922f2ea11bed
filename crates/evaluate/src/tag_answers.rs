//! What the network answered for each photo, for a head with tags.

use marque_formats::{Column, Table};

use crate::Error;

/// The answers of one head with tags, photo by photo.
#[derive(Clone, PartialEq, Debug)]
pub struct TagAnswers {
    name: String,
    classes: Vec<String>,
    truths: Vec<Option<Vec<usize>>>,
    /// `[photos, classes]`, row by row.
    logits: Vec<f32>,
}

impl TagAnswers {
    pub(crate) fn new(
        name: &str,
        classes: Vec<String>,
        truths: Vec<Option<Vec<usize>>>,
        logits: &[f32],
        file_names: &[String],
    ) -> Result<Self, Error> {
        let (photos, width) = (file_names.len(), classes.len());
        if width == 0 {
            return Err(Error::answers(name, "has no classes"));
        }
        if truths.len() != photos || logits.len() != photos * width {
            let reason = format!("{} labels and {} logits for {photos} photos", truths.len(), logits.len());
            return Err(Error::answers(name, reason));
        }
        if let Some(id) = truths.iter().flatten().flatten().find(|id| **id >= width) {
            return Err(Error::answers(name, format!("class id {id}, but there are {width} classes")));
        }
        let rows = file_names.iter().zip(logits.chunks_exact(width));
        if let Some((file_name, _)) = rows.clone().find(|(_, row)| row.iter().any(|logit| !logit.is_finite()))
        {
            return Err(Error::NotFinite { head: name.to_owned(), file_name: file_name.clone() });
        }
        Ok(Self { name: name.to_owned(), classes, truths, logits: logits.to_vec() })
    }

    /// Name of the head.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Classes; the position is the class id.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Ids of the true classes of a photo, if they are known.
    pub fn truth(&self, photo: usize) -> Option<&[usize]> {
        self.truths[photo].as_deref()
    }

    /// Ids of the classes that are more probable than not.
    pub fn predicted(&self, photo: usize) -> Vec<usize> {
        let row = self.row(photo);
        (0..row.len()).filter(|class| row[*class] > 0.0).collect()
    }

    /// Logit of a class: its logarithmic odds.
    pub fn logit(&self, photo: usize, class: usize) -> f64 {
        f64::from(self.row(photo)[class])
    }

    /// Probability of exactly the predicted classes: the product over the classes, which the head takes to be
    /// independent.
    pub fn probability(&self, photo: usize) -> f64 {
        self.row(photo).iter().map(|logit| sigmoid(f64::from(logit.abs()))).product()
    }

    /// Whether exactly the true classes are predicted; `None` if these are not known.
    pub fn is_right(&self, photo: usize) -> Option<bool> {
        Some(self.truth(photo)? == self.predicted(photo))
    }

    /// Names of classes.
    pub fn names(&self, ids: &[usize]) -> Vec<String> {
        ids.iter().map(|id| self.classes[*id].clone()).collect()
    }

    fn row(&self, photo: usize) -> &[f32] {
        let width = self.classes.len();
        &self.logits[photo * width..(photo + 1) * width]
    }

    /// The head's columns of the table of predictions.
    pub(crate) fn columns(&self, frame: Table, photos: usize) -> Table {
        let (name, photos) = (&self.name, 0..photos);
        let truths = photos.clone().map(|photo| self.truth(photo).map(|ids| self.names(ids)));
        let predicted = photos.clone().map(|photo| Some(self.names(&self.predicted(photo))));
        let probabilities = photos.clone().map(|photo| {
            let each = self.row(photo).iter().map(|logit| format!("{:.6}", sigmoid(f64::from(*logit))));
            each.collect::<Vec<_>>().join(" ")
        });
        let probabilities: Vec<String> = probabilities.collect();
        frame
            .with(name, Column::TextList(truths.collect()))
            .with(&format!("{name}_predicted"), Column::TextList(predicted.collect()))
            .with_numbers(&format!("{name}_probability"), photos.clone().map(|photo| self.probability(photo)))
            .with_text(&format!("{name}_probabilities"), probabilities.iter().map(String::as_str))
            .with(&format!("{name}_right"), Column::Flag(photos.map(|photo| self.is_right(photo)).collect()))
    }
}

/// Of a logit, without overflow at either end.
fn sigmoid(logit: f64) -> f64 {
    if logit >= 0.0 { 1.0 / (1.0 + (-logit).exp()) } else { logit.exp() / (1.0 + logit.exp()) }
}
