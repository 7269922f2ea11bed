//! What the network predicts for the photos of a split, with their labels.

use marque_contracts::schema::{Head, HeadKind, Label, Split};

use crate::{Error, confidence, decisions, predicted, probabilities};

/// The predictions of all heads for the photos of one split.
#[derive(Clone, PartialEq, Debug)]
pub struct Predictions {
    split: Split,
    file_names: Vec<String>,
    heads: Vec<HeadPredictions>,
    familiarity: Vec<f64>,
    /// By photo.
    groups: Vec<usize>,
    /// By photo, or empty.
    features: Vec<Vec<f32>>,
}

/// The predictions of one head, photo by photo in the order of [`Predictions::file_names`].
#[derive(Clone, PartialEq, Debug)]
pub struct HeadPredictions {
    head: Head,
    labels: Vec<Label>,
    /// `[photos, classes]`, row by row.
    logits: Vec<f32>,
}

impl Predictions {
    /// For these photos, of no head yet.
    pub fn new(split: Split, file_names: Vec<String>) -> Self {
        let groups = (0..file_names.len()).collect();
        Self { split, file_names, heads: Vec::new(), familiarity: Vec::new(), groups, features: Vec::new() }
    }

    /// Adds a head, with a label a photo and its logits, of shape `[photos, classes]` row by row.
    ///
    /// # Errors
    /// If lengths, labels or class ids do not fit the photos, the kind of the head or its classes, or a logit is not
    /// finite.
    pub fn add(&mut self, head: Head, labels: Vec<Label>, logits: Vec<f32>) -> Result<(), Error> {
        let (photos, width) = (self.file_names.len(), head.classes.len());
        let misfit = |reason: String| Err(Error::Misfit { head: head.name.clone(), reason });
        if width == 0 {
            return misfit("has no classes".to_owned());
        }
        if labels.len() != photos || logits.len() != photos * width {
            return misfit(format!(
                "{} labels and {} logits for {photos} photos",
                labels.len(),
                logits.len()
            ));
        }
        if let Some(counts) = head.counts.values().find(|counts| counts.len() != width) {
            return misfit(format!("photos counted of {} classes of {width}", counts.len()));
        }
        for label in &labels {
            let kind = match label {
                Label::Unknown => continue,
                Label::Class(_) => HeadKind::Single,
                Label::Tags(_) => HeadKind::Tags,
            };
            if kind != head.kind {
                return misfit(format!("a label of kind {kind:?} for a head of kind {:?}", head.kind));
            }
            if let Some(id) = label.ids().iter().find(|id| **id >= width) {
                return misfit(format!("class id {id}, but there are {width} classes"));
            }
        }
        let mut rows = self.file_names.iter().zip(logits.chunks_exact(width));
        if let Some((file_name, _)) = rows.find(|(_, row)| !row.iter().all(|logit| logit.is_finite())) {
            return Err(Error::NotFinite { head: head.name, file_name: file_name.clone() });
        }
        let single = self.heads.iter().take_while(|other| other.kind() == HeadKind::Single).count();
        let position = if head.kind == HeadKind::Single { single } else { self.heads.len() };
        self.heads.insert(position, HeadPredictions { head, labels, logits });
        Ok(())
    }

    /// Says how much each photo is like those that the model learnt from, from 0 to 1; nothing if it does not tell.
    pub fn set_familiarity(&mut self, familiarity: Vec<f64>) {
        self.familiarity = familiarity;
    }

    /// Says which photos repeat each other: those with the same number. Without it none does.
    pub fn set_groups(&mut self, groups: Vec<usize>) {
        assert_eq!(groups.len(), self.file_names.len(), "a group for each photo");
        self.groups = groups;
    }

    /// The group of duplicates of each photo.
    pub fn groups(&self) -> &[usize] {
        &self.groups
    }

    /// Keeps the pooled features of each photo, so that they are in the table of predictions.
    pub fn set_features(&mut self, features: Vec<Vec<f32>>) {
        self.features = features;
    }

    /// Pooled features of a photo; `None` if they were not kept.
    pub fn features(&self, photo: usize) -> Option<&[f32]> {
        self.features.get(photo).map(Vec::as_slice)
    }

    /// How much a photo is like those that the model learnt from, from 0 to 1; `None` if that is not known.
    pub fn familiarity(&self, photo: usize) -> Option<f64> {
        self.familiarity.get(photo).copied()
    }

    /// The split that the photos belong to.
    pub fn split(&self) -> Split {
        self.split
    }

    /// Names of the photos.
    pub fn file_names(&self) -> &[String] {
        &self.file_names
    }

    /// The heads with one class a photo, then those with tags, each in the order in which they were added.
    pub fn heads(&self) -> &[HeadPredictions] {
        &self.heads
    }

    /// Whether each head is right about a photo; `None` where the label is not known.
    pub fn verdicts(&self, photo: usize) -> impl Iterator<Item = Option<bool>> {
        self.heads.iter().map(move |head| head.is_right(photo))
    }

    /// How many heads are wrong about a photo; `None` unless every label of it is known.
    pub fn wrong_heads(&self, photo: usize) -> Option<usize> {
        self.verdicts(photo).try_fold(0, |wrong, right| Some(wrong + usize::from(!right?)))
    }
}

impl HeadPredictions {
    /// The head.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Name of the head.
    pub fn name(&self) -> &str {
        &self.head.name
    }

    /// Whether the head predicts one class or tags.
    pub fn kind(&self) -> HeadKind {
        self.head.kind
    }

    /// Classes; the position is the class id.
    pub fn classes(&self) -> &[String] {
        &self.head.classes
    }

    /// Photos.
    pub fn photos(&self) -> usize {
        self.labels.len()
    }

    /// Label of a photo.
    pub fn label(&self, photo: usize) -> &Label {
        &self.labels[photo]
    }

    /// Labels and logits of the photos, in order.
    pub fn rows(&self) -> impl Iterator<Item = (&Label, &[f32])> {
        self.labels.iter().zip(self.logits.chunks_exact(self.head.classes.len()))
    }

    /// Logits of a photo, one a class.
    pub fn logits(&self, photo: usize) -> &[f32] {
        let width = self.head.classes.len();
        &self.logits[photo * width..(photo + 1) * width]
    }

    /// The predicted label of a photo; never [`Label::Unknown`].
    pub fn predicted(&self, photo: usize) -> Label {
        predicted(self.head.kind, self.logits(photo))
    }

    /// Probability of each class, from 0 to 1: softmax, which sums to 1, or of tags the logistic function of each.
    pub fn probabilities(&self, photo: usize) -> Vec<f64> {
        probabilities(self.head.kind, self.logits(photo))
    }

    /// Probability of the predicted label: of the class, or of exactly the predicted tags, which the head takes to be
    /// independent (the product over all tags).
    pub fn probability(&self, photo: usize) -> f64 {
        confidence(self.head.kind, self.logits(photo))
    }

    /// [`decisions`] about each photo.
    pub fn decisions(&self) -> impl Iterator<Item = Vec<(f64, bool)>> {
        self.rows().map(|(label, logits)| decisions(label, logits))
    }

    /// Whether the predicted label is that of the photo, tags only if they match exactly; `None` if the label is not
    /// known.
    pub fn is_right(&self, photo: usize) -> Option<bool> {
        let label = self.label(photo);
        label.is_known().then(|| *label == self.predicted(photo))
    }

    /// Names of the classes of a label of this head.
    pub fn names(&self, label: &Label) -> Vec<String> {
        label.ids().iter().map(|id| self.head.classes[*id].clone()).collect()
    }
}
