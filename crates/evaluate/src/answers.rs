//! What the network answered for each photo, beside the truth.

use std::collections::HashSet;
use std::path::Path;

use marque_contracts::schema::Split;
use marque_formats::{Column, Table};

use crate::{Error, TagAnswers};

/// The answers of all heads for the photos of one split.
#[derive(Clone, PartialEq, Debug)]
pub struct Answers {
    split: Split,
    file_names: Vec<String>,
    heads: Vec<HeadAnswers>,
    tags: Vec<TagAnswers>,
}

/// The answers of one head, photo by photo in the order of [`Answers::file_names`].
#[derive(Clone, PartialEq, Debug)]
pub struct HeadAnswers {
    name: String,
    classes: Vec<String>,
    truths: Vec<Option<usize>>,
    /// `[photos, classes]`, row by row.
    log_probabilities: Vec<f64>,
}

impl Answers {
    /// Answers for these photos, of no head yet.
    pub fn new(split: Split, file_names: Vec<String>) -> Self {
        Self { split, file_names, heads: Vec::new(), tags: Vec::new() }
    }

    /// Adds a head: its true class ids (`None` where the label is not known) and its logits, of shape
    /// `[photos, classes]` row by row.
    ///
    /// # Errors
    /// If lengths or ids do not fit the photos and classes, or a logit is not finite.
    pub fn add_head(
        &mut self,
        name: &str,
        classes: Vec<String>,
        truths: Vec<Option<usize>>,
        logits: &[f32],
    ) -> Result<(), Error> {
        let (photos, width) = (self.file_names.len(), classes.len());
        if width == 0 {
            return Err(Error::answers(name, "has no classes"));
        }
        if truths.len() != photos || logits.len() != photos * width {
            let reason = format!("{} labels and {} logits for {photos} photos", truths.len(), logits.len());
            return Err(Error::answers(name, reason));
        }
        if let Some(id) = truths.iter().flatten().find(|id| **id >= width) {
            return Err(Error::answers(name, format!("class id {id}, but there are {width} classes")));
        }
        let mut log_probabilities = Vec::with_capacity(logits.len());
        for (file_name, logits) in self.file_names.iter().zip(logits.chunks_exact(width)) {
            if !logits.iter().all(|logit| logit.is_finite()) {
                return Err(Error::NotFinite { head: name.to_owned(), file_name: file_name.clone() });
            }
            push_log_softmax(logits, &mut log_probabilities);
        }
        self.heads.push(HeadAnswers { name: name.to_owned(), classes, truths, log_probabilities });
        Ok(())
    }

    /// Adds a head with tags: the true class ids, ascending (`None` where these are not known), and its logits, of
    /// shape `[photos, classes]` row by row.
    ///
    /// # Errors
    /// As [`Answers::add_head`].
    pub fn add_tags(
        &mut self,
        name: &str,
        classes: Vec<String>,
        truths: Vec<Option<Vec<usize>>>,
        logits: &[f32],
    ) -> Result<(), Error> {
        self.tags.push(TagAnswers::new(name, classes, truths, logits, &self.file_names)?);
        Ok(())
    }

    /// The split that the photos belong to.
    pub fn split(&self) -> Split {
        self.split
    }

    /// Names of the photos.
    pub fn file_names(&self) -> &[String] {
        &self.file_names
    }

    /// The heads with one class a photo, in order.
    pub fn heads(&self) -> &[HeadAnswers] {
        &self.heads
    }

    /// The heads with tags, in order.
    pub fn tags(&self) -> &[TagAnswers] {
        &self.tags
    }

    /// Whether each head is right about a photo, tags only if all of them are; `None` where the label is not known.
    pub fn verdicts(&self, photo: usize) -> impl Iterator<Item = Option<bool>> {
        let heads = self.heads.iter().map(move |head| head.is_right(photo));
        heads.chain(self.tags.iter().map(move |head| head.is_right(photo)))
    }

    /// How many heads are wrong about a photo; `None` unless every label of it is known.
    pub fn wrong_heads(&self, photo: usize) -> Option<usize> {
        self.verdicts(photo).try_fold(0, |wrong, right| Some(wrong + usize::from(!right?)))
    }

    /// Writes `predictions.parquet`: `file_name`, `split`, and per head its true class, `_predicted`,
    /// `_probability` (of the predicted class) and `_right`. True class and `_right` are null where the
    /// label is not known. A head with tags has lists of names for both, `_probability` is that of exactly the
    /// predicted ones, and `_probabilities` is text: the probability of each class, in the order of the classes.
    ///
    /// # Errors
    /// If the names of heads make two columns the same, or the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let photos = 0..self.file_names.len();
        let mut frame = Table::new()
            .with_text("file_name", self.file_names.iter().map(String::as_str))
            .with_text("split", photos.clone().map(|_| self.split.as_str()));
        for head in &self.heads {
            let name = &head.name;
            let truth = |photo| head.truth(photo).map(|id| head.classes[id].clone());
            frame = frame
                .with(name, Column::Text(photos.clone().map(truth).collect()))
                .with_text(
                    &format!("{name}_predicted"),
                    photos.clone().map(|photo| head.classes[head.predicted(photo)].as_str()),
                )
                .with_numbers(
                    &format!("{name}_probability"),
                    photos.clone().map(|photo| head.probability(photo)),
                )
                .with(
                    &format!("{name}_right"),
                    Column::Flag(photos.clone().map(|photo| head.is_right(photo)).collect()),
                );
        }
        for head in &self.tags {
            frame = head.columns(frame, self.file_names.len());
        }
        let mut names = HashSet::new();
        if let Some((column, _)) = frame.columns().iter().find(|(name, _)| !names.insert(name)) {
            return Err(Error::ColumnTaken { column: column.clone() });
        }
        Ok(frame.write(path)?)
    }
}

impl HeadAnswers {
    /// Name of the head.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Classes; the position is the class id.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Id of the true class of a photo, if it is known.
    pub fn truth(&self, photo: usize) -> Option<usize> {
        self.truths[photo]
    }

    /// Id of the most probable class of a photo; the first of several.
    pub fn predicted(&self, photo: usize) -> usize {
        let row = self.row(photo);
        (1..row.len()).fold(0, |best, id| if row[id] > row[best] { id } else { best })
    }

    /// Probability that the network gives its own answer.
    pub fn probability(&self, photo: usize) -> f64 {
        self.row(photo)[self.predicted(photo)].exp()
    }

    /// Natural logarithm of the probability of a class.
    pub fn log_probability(&self, photo: usize, class: usize) -> f64 {
        self.row(photo)[class]
    }

    /// Whether the answer is right; `None` if the label is not known.
    pub fn is_right(&self, photo: usize) -> Option<bool> {
        Some(self.truth(photo)? == self.predicted(photo))
    }

    fn row(&self, photo: usize) -> &[f64] {
        let width = self.classes.len();
        &self.log_probabilities[photo * width..(photo + 1) * width]
    }
}

/// Log-softmax in double precision with the maximum taken out, so that no logit overflows.
fn push_log_softmax(logits: &[f32], out: &mut Vec<f64>) {
    let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let shifted = |logit: &f32| f64::from(*logit) - f64::from(highest);
    let log_sum = logits.iter().map(|logit| shifted(logit).exp()).sum::<f64>().ln();
    out.extend(logits.iter().map(|logit| shifted(logit) - log_sum));
}
