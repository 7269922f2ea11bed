//! Metrics of a head with one class a photo.

use marque_contracts::schema::{Label, Split};
use serde::{Deserialize, Serialize};

use crate::{
    BootstrapIntervals, ClassCounts, ConfusionMatrix, CoveragePoint, HeadPredictions, Proportion,
    Reliability, SelectiveAnswers, argmax, coverage_curve, in_top_2, log_softmax,
};

/// What is measured of a head with one class a photo. Photos whose label is not known are left out.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct HeadMetrics {
    /// Name of the head.
    pub name: String,
    /// Accuracy: photos whose predicted class is that of the label.
    pub accuracy: Proportion,
    /// Top-2 accuracy: photos whose label is among the two most probable classes; `None` in files of older versions.
    #[serde(default)]
    pub top_2_accuracy: Option<Proportion>,
    /// The baseline: the accuracy of always predicting one class.
    pub majority: Majority,
    /// Macro-F1: the mean of F1 over the classes that occur as label or as prediction; `None` without photos.
    pub macro_f1: Option<f64>,
    /// Balanced accuracy: the mean of recall over the classes that photos have; `None` without photos.
    #[serde(default)]
    pub balanced_accuracy: Option<f64>,
    /// Intervals by resampling groups of duplicates; `None` without photos. That of `accuracy` itself is Wilson's.
    #[serde(default)]
    pub bootstrap: Option<BootstrapIntervals>,
    /// Log loss (cross-entropy): the mean over the photos of −ln of the probability of the labelled class, in nats;
    /// `None` without photos.
    pub log_loss: Option<f64>,
    /// Whether the probabilities are how often predictions are right.
    pub calibration: Reliability,
    /// Expected calibration error of the logits as they are, without temperatures; `None` if there are no temperatures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uncalibrated_error: Option<f64>,
    /// What is left where only sure answers are given, by how often they are to be right.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub selective: Vec<SelectiveAnswers>,
    /// How often answers are right if only the most probable ones are given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub coverage: Vec<CoveragePoint>,
    /// The classes; the position is the class id.
    pub classes: Vec<ClassMetrics>,
    /// Confusion matrix: photos by labelled class (row) and predicted class (column).
    pub confusion: Vec<Vec<u64>>,
}

/// The baseline that needs no network: always the most frequent class of the training split.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Majority {
    /// The class.
    pub class: String,
    /// Measured photos that are of this class.
    pub accuracy: Proportion,
}

/// What is measured of one class or tag, one-vs-rest.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ClassMetrics {
    /// Name of the class.
    pub name: String,
    /// Photos that have the class.
    pub support: u64,
    /// Photos for which the class is predicted.
    pub predicted: u64,
    /// [`ClassCounts::precision`], from 0 to 1.
    pub precision: Option<f64>,
    /// [`ClassCounts::recall`], from 0 to 1.
    pub recall: Option<f64>,
    /// [`ClassCounts::f1`], from 0 to 1.
    pub f1: Option<f64>,
}

impl HeadMetrics {
    /// Measures a head with one class a photo; `groups` has the group of duplicates of each photo.
    pub fn measure(head: &HeadPredictions, groups: &[usize]) -> Self {
        let mut matrix = ConfusionMatrix::new(head.classes().len());
        let (mut log_loss, mut top_2) = (0.0, 0);
        for (label, logits) in head.rows() {
            let Label::Class(class) = *label else { continue };
            matrix.count(class, argmax(logits));
            top_2 += u64::from(in_top_2(logits, class));
            log_loss -= log_softmax(logits)[class];
        }
        let total = matrix.total();
        let classes: Vec<_> = head
            .classes()
            .iter()
            .zip(matrix.classes())
            .map(|(name, counts)| ClassMetrics::of(name, counts))
            .collect();
        let majority = &classes[head.head().counts.get(&Split::Train).map_or(0, |counts| argmax(counts))];
        let photos = 0..head.photos();
        Self {
            name: head.name().to_owned(),
            accuracy: Proportion::new(matrix.correct(), total),
            top_2_accuracy: Some(Proportion::new(top_2, total)),
            majority: Majority {
                class: majority.name.clone(),
                accuracy: Proportion::new(majority.support, total),
            },
            macro_f1: matrix.macro_f1(),
            balanced_accuracy: matrix.balanced_accuracy(),
            bootstrap: BootstrapIntervals::measure(head, groups),
            log_loss: (total > 0).then(|| log_loss / total as f64),
            calibration: Reliability::measure(
                photos.filter_map(|photo| Some((head.probability(photo), head.is_right(photo)?))),
            ),
            uncalibrated_error: None,
            selective: Vec::new(),
            coverage: coverage_curve(head.decisions().flatten()),
            classes,
            confusion: matrix.rows().map(<[u64]>::to_vec).collect(),
        }
    }
}

impl ClassMetrics {
    pub(crate) fn of(name: &str, counts: ClassCounts) -> Self {
        Self {
            name: name.to_owned(),
            support: counts.support,
            predicted: counts.predicted,
            precision: counts.precision(),
            recall: counts.recall(),
            f1: counts.f1(),
        }
    }
}
