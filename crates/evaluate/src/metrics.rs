//! The numbers: per head, per class, and over all heads.

use std::path::Path;

use marque_network::Confusion;
use serde::{Deserialize, Serialize};

use crate::{Answers, Calibration, Error, HeadAnswers, Proportion, TagHeadMetrics};

/// Everything that is measured: `metrics.json`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Metrics {
    /// The split that was measured.
    pub split: String,
    /// Photos in it.
    pub photos: u64,
    /// Photos about which every head is right, of those whose every label is known. Tags are right if all of them are.
    pub all_heads_right: Proportion,
    /// Photos by the number of heads that are wrong about them, from none to all, of those whose every label
    /// is known.
    pub photos_by_wrong_heads: Vec<u64>,
    /// The heads with one class a photo, in order.
    pub heads: Vec<HeadMetrics>,
    /// The heads with tags, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<TagHeadMetrics>,
}

/// What is measured of one head. Photos whose label is not known are left out.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct HeadMetrics {
    /// Name of the head.
    pub name: String,
    /// Photos answered rightly.
    pub accuracy: Proportion,
    /// What always answering one class would reach.
    pub majority: Majority,
    /// Mean of F1 over the classes that occur as truth or as answer, as in scikit-learn's `f1_score` with
    /// `average="macro"`; `None` without photos.
    pub macro_f1: Option<f64>,
    /// Mean over the photos of −ln of the probability of the true class; `None` without photos.
    pub log_loss: Option<f64>,
    /// Whether the probabilities mean what they say.
    pub calibration: Calibration,
    /// The classes; the position is the class id.
    pub classes: Vec<ClassMetrics>,
    /// Photos by true class (row) and predicted class (column).
    pub confusion: Vec<Vec<u64>>,
}

/// The answer that needs no network: the class most frequent in the training split.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Majority {
    /// The class.
    pub class: String,
    /// Measured photos that are of this class.
    pub accuracy: Proportion,
}

/// What is measured of one class.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ClassMetrics {
    /// Name of the class.
    pub name: String,
    /// Photos of this class.
    pub support: u64,
    /// Photos taken for this class.
    pub predicted: u64,
    /// Share of those taken for this class that are of it; `None` if none was.
    pub precision: Option<f64>,
    /// Share of those of this class that were taken for it; `None` if there is none.
    pub recall: Option<f64>,
    /// Harmonic mean of both, `2·hits / (support + predicted)`; `None` if the class never occurs.
    pub f1: Option<f64>,
}

impl Metrics {
    /// Measures the answers. `training_counts` holds, by head with one class a photo, the photos per class in the training split,
    /// which decide what the majority is.
    ///
    /// # Errors
    /// If the counts do not fit the heads.
    pub fn measure(answers: &Answers, training_counts: &[Vec<u64>]) -> Result<Self, Error> {
        let photos = answers.file_names().len();
        let mut heads = Vec::with_capacity(answers.heads().len());
        for (i, head) in answers.heads().iter().enumerate() {
            let counts = training_counts.get(i).map_or(&[][..], Vec::as_slice);
            if counts.len() != head.classes().len() {
                let reason = format!("{} training counts for {} classes", counts.len(), head.classes().len());
                return Err(Error::answers(head.name(), reason));
            }
            heads.push(HeadMetrics::measure(head, photos, counts));
        }
        let tags: Vec<_> = answers.tags().iter().map(|head| TagHeadMetrics::measure(head, photos)).collect();
        let mut by_wrong_heads = vec![0; heads.len() + tags.len() + 1];
        for wrong in (0..photos).filter_map(|photo| answers.wrong_heads(photo)) {
            by_wrong_heads[wrong] += 1;
        }
        Ok(Self {
            split: answers.split().as_str().to_owned(),
            photos: photos as u64,
            all_heads_right: Proportion::new(by_wrong_heads[0], by_wrong_heads.iter().sum()),
            photos_by_wrong_heads: by_wrong_heads,
            heads,
            tags,
        })
    }

    /// Writes `metrics.json`, indented, with every digit.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let json = |source| Error::Json { path: path.to_owned(), source };
        let text = serde_json::to_string_pretty(self).map_err(json)? + "\n";
        std::fs::write(path, text).map_err(|e| Error::io("write", path, e))
    }

    /// Reads `metrics.json`.
    ///
    /// # Errors
    /// If the file is not such a record.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|e| Error::io("read", path, e))?;
        serde_json::from_str(&text).map_err(|source| Error::Json { path: path.to_owned(), source })
    }
}

impl HeadMetrics {
    fn measure(head: &HeadAnswers, photos: usize, training_counts: &[u64]) -> Self {
        let width = head.classes().len();
        let mut confusion = Confusion::new(width);
        let mut log_loss = 0.0;
        for photo in 0..photos {
            let Some(truth) = head.truth(photo) else { continue };
            confusion.count(truth, head.predicted(photo));
            log_loss -= head.log_probability(photo, truth);
        }
        let classes: Vec<_> = head
            .classes()
            .iter()
            .enumerate()
            .map(|(class, name)| ClassMetrics::from_confusion(name, class, &confusion))
            .collect();
        let total = confusion.total();
        let majority = majority_class(training_counts);
        Self {
            name: head.name().to_owned(),
            accuracy: Proportion::new(confusion.right(), total),
            majority: Majority {
                class: classes[majority].name.clone(),
                accuracy: Proportion::new(classes[majority].support, total),
            },
            macro_f1: confusion.macro_f1(),
            log_loss: (total > 0).then(|| log_loss / total as f64),
            calibration: Calibration::measure(head, photos),
            classes,
            confusion: confusion.rows().map(<[u64]>::to_vec).collect(),
        }
    }
}

impl ClassMetrics {
    fn from_confusion(name: &str, class: usize, confusion: &Confusion) -> Self {
        let hits = confusion.hits(class);
        let (support, predicted) = (confusion.support(class), confusion.predicted(class));
        let share = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
        Self {
            name: name.to_owned(),
            support,
            predicted,
            precision: share(hits, predicted),
            recall: share(hits, support),
            f1: confusion.f1(class),
        }
    }
}

/// The most frequent class; the first of several.
fn majority_class(counts: &[u64]) -> usize {
    (1..counts.len()).fold(0, |best, class| if counts[class] > counts[best] { class } else { best })
}
