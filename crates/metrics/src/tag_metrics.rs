//! Metrics of a head with tags: per tag, and over all of them.

use marque_contracts::schema::Label;
use marque_kernels::softplus;
use serde::{Deserialize, Serialize};

use crate::class_counts::mean;
use crate::{
    BootstrapIntervals, ClassMetrics, CoveragePoint, HeadPredictions, MultiLabelCounts, Proportion,
    SelectiveAnswers, auroc, average_precision, coverage_curve, predicted_tags,
};

/// What is measured of a head with tags. Photos whose tags are not known are left out.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TagHeadMetrics {
    /// Name of the head.
    pub name: String,
    /// Exact-match accuracy: photos whose predicted tags are exactly those of the label.
    pub exact: Proportion,
    /// The baseline: the exact-match accuracy of never predicting a tag.
    pub always_none: Proportion,
    /// Mean of the average precision over the tags that occur (mAP); `None` if none does.
    pub mean_average_precision: Option<f64>,
    /// Mean of [`auroc`] over the tags that some photos have and others do not; `None` if there are none.
    #[serde(default)]
    pub mean_auroc: Option<f64>,
    /// Macro-F1: the mean of F1 over the tags that occur as label or as prediction; `None` if none does.
    pub macro_f1: Option<f64>,
    /// Micro-F1: F1 over all tags of all photos; `None` if no tag occurs.
    pub micro_f1: Option<f64>,
    /// Intervals by resampling groups of duplicates, `accuracy` being that of exact matches; `None` without photos. That
    /// of `exact` itself is Wilson's.
    #[serde(default)]
    pub bootstrap: Option<BootstrapIntervals>,
    /// Binary cross-entropy: the mean over photos and tags of −ln of the probability of what is true, in nats; `None`
    /// without photos.
    pub log_loss: Option<f64>,
    /// What is left where only sure decisions on tags are given, by how often they are to be right.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub selective: Vec<SelectiveAnswers>,
    /// How often decisions on tags are right if only the most probable ones are given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub coverage: Vec<CoveragePoint>,
    /// The tags; the position is the class id.
    pub tags: Vec<TagMetrics>,
}

/// What is measured of one tag.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TagMetrics {
    /// Scores at the threshold of the decision rule.
    #[serde(flatten)]
    pub scores: ClassMetrics,
    /// [`average_precision`] over all thresholds, from 0 to 1; `None` if no photo has the tag.
    pub average_precision: Option<f64>,
    /// [`auroc`], from 0 to 1; `None` unless some photos have the tag and others do not.
    #[serde(default)]
    pub auroc: Option<f64>,
}

impl TagHeadMetrics {
    /// Measures a head with tags; `groups` has the group of duplicates of each photo.
    pub fn measure(head: &HeadPredictions, groups: &[usize]) -> Self {
        let tags = head.classes().len();
        let mut counts = MultiLabelCounts::new(tags);
        let (mut log_loss, mut empty) = (0.0, 0);
        let mut scored = vec![Vec::new(); tags];
        for (label, logits) in head.rows() {
            let Label::Tags(label) = label else { continue };
            counts.count(label, &predicted_tags(logits));
            empty += u64::from(label.is_empty());
            for (tag, scored) in scored.iter_mut().enumerate() {
                let (logit, has) = (f64::from(logits[tag]), label.contains(&tag));
                log_loss += softplus(if has { -logit } else { logit });
                scored.push((logit, has));
            }
        }
        let measured = head.classes().iter().zip(counts.tags()).zip(&mut scored);
        let tags: Vec<_> = measured
            .map(|((name, counts), scored)| TagMetrics {
                scores: ClassMetrics::of(name, counts),
                average_precision: average_precision(scored),
                auroc: auroc(scored),
            })
            .collect();
        let terms = counts.total() as f64 * tags.len() as f64;
        Self {
            name: head.name().to_owned(),
            exact: Proportion::new(counts.correct(), counts.total()),
            always_none: Proportion::new(empty, counts.total()),
            mean_average_precision: mean(
                &tags.iter().filter_map(|tag| tag.average_precision).collect::<Vec<_>>(),
            ),
            mean_auroc: mean(&tags.iter().filter_map(|tag| tag.auroc).collect::<Vec<_>>()),
            macro_f1: counts.macro_f1(),
            micro_f1: counts.micro_f1(),
            bootstrap: BootstrapIntervals::measure(head, groups),
            log_loss: (terms > 0.0).then(|| log_loss / terms),
            selective: Vec::new(),
            coverage: coverage_curve(head.decisions().flatten()),
            tags,
        }
    }
}
