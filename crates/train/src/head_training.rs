//! How the heads are trained: the tables `[train.heads.NAME]`, and what `[train]` says for all heads.

use marque_settings::Section;
use serde::Serialize;

/// How one head is trained. Serialised by the keys of `[train]` and `[train.heads.NAME]`; what only the latter has is left
/// out where it changes nothing.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct HeadTraining {
    /// Weight of its loss in the sum.
    #[serde(skip_serializing_if = "is_one")]
    pub loss_weight: f64,
    /// How classes of unequal size are weighted; for tags, what the presence of each counts against its absence.
    pub class_weights: ClassWeighting,
    /// Share of the target that goes to all classes evenly; for tags, to presence and absence.
    pub label_smoothing: f64,
    /// Focus on photos that are hard (Lin et al. 2017, arXiv:1708.02002); 0 for none.
    pub focal_gamma: f64,
    /// Whether it only teaches the backbone: it counts in the loss, but not in the choice of the best epoch, and is left
    /// out of models.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub auxiliary: bool,
    /// Heads whose class each class of this one implies: all of them then answer in agreement.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub implies: Vec<String>,
}

fn is_one(weight: &f64) -> bool {
    *weight == 1.0
}

/// How classes of unequal size are weighted in the loss.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClassWeighting {
    /// All alike.
    None,
    /// By inverse frequency.
    Inverse,
    /// By inverse effective number.
    Effective,
}

/// How the losses of the heads are weighted against each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeadWeighting {
    /// By their weights.
    Fixed,
    /// By their weights and by uncertainty: `Σ weight (exp(-s) loss + s / 2)` with one learned log variance `s` for
    /// each head (Kendall, Gal and Cipolla 2018, arXiv:1705.07115).
    Uncertainty,
}

impl Default for HeadTraining {
    fn default() -> Self {
        Self {
            loss_weight: 1.0,
            class_weights: ClassWeighting::None,
            label_smoothing: 0.0,
            focal_gamma: 0.0,
            auxiliary: false,
            implies: Vec::new(),
        }
    }
}

impl HeadTraining {
    /// Reads the keys that `[train]` has for all heads.
    pub(crate) fn read(section: &mut Section<'_>, default: &Self) -> Self {
        Self {
            loss_weight: default.loss_weight,
            class_weights: section
                .key(
                    "class_weights",
                    "weights of classes in the loss: by inverse frequency, or inverse effective number; \
                     for tags, of the presence of each against its absence",
                )
                .choice(
                    default.class_weights,
                    &[
                        ("none", ClassWeighting::None),
                        ("inverse", ClassWeighting::Inverse),
                        ("effective", ClassWeighting::Effective),
                    ],
                ),
            label_smoothing: section
                .key("label_smoothing", "share of the target that goes to all classes evenly")
                .number(default.label_smoothing, 0.0..=0.9),
            focal_gamma: section
                .key("focal_gamma", "focal loss: above 0, photos that are hard count more")
                .number(default.focal_gamma, 0.0..=10.0),
            auxiliary: default.auxiliary,
            implies: Vec::new(),
        }
    }

    /// Reads the table of one head.
    pub(crate) fn read_own(section: &mut Section<'_>, default: &Self) -> Self {
        let loss_weight = section
            .key("loss_weight", "weight of the head's loss in the sum")
            .number(default.loss_weight, 0.0..=1e6);
        let auxiliary = section
            .key(
                "auxiliary",
                "the head only teaches the backbone: it counts in the loss, and is no answer of the \
                     model",
            )
            .flag(default.auxiliary);
        let implies = section
            .key(
                "implies",
                "each class of this head implies one of each of these heads, which then answer \
                     together by the product of what all of them say, and agree with each other; it may \
                     be auxiliary too",
            )
            .optional_texts("none");
        let implies = implies.unwrap_or_default();
        Self { loss_weight, auxiliary, implies, ..Self::read(section, default) }
    }
}

impl HeadWeighting {
    pub(crate) fn read(section: &mut Section<'_>) -> Self {
        let choices = [("fixed", Self::Fixed), ("uncertainty", Self::Uncertainty)];
        let about = "weights of the heads' losses: as given, or with a learned uncertainty of each head";
        section.renamed_word("head_weighting", "learned", "uncertainty");
        section.key("head_weighting", about).choice(Self::Fixed, &choices)
    }
}
