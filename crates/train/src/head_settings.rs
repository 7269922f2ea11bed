//! The tables `[train.heads.NAME]`, and their defaults in `[train]`.

use marque_settings::Section;
use serde::Serialize;

/// What the loss of one head does.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct HeadSettings {
    /// What its loss counts in the sum.
    pub loss_weight: f64,
    /// How classes of unequal size are weighted; for tags, what the presence of each counts.
    pub class_weights: ClassWeighting,
    /// Share of the target that goes to all classes evenly; for tags, to presence and absence.
    pub label_smoothing: f64,
    /// Focus on photos that are hard (Lin et al. 2017, arXiv:1708.02002); 0 for none.
    pub focal_gamma: f64,
    /// Whether it only teaches the trunk: it counts in the loss, but not in the choice of the best epoch, and is left
    /// out of models.
    pub auxiliary: bool,
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

/// How the losses of the heads are weighed against each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weighing {
    /// By their weights.
    Fixed,
    /// By their weights, and by how uncertain each head turns out to be: `Σ exp(-s) loss + s / 2` with one learned `s`
    /// for each (Kendall, Gal and Cipolla 2018, arXiv:1705.07115).
    Learned,
}

impl Default for HeadSettings {
    fn default() -> Self {
        Self {
            loss_weight: 1.0,
            class_weights: ClassWeighting::None,
            label_smoothing: 0.0,
            focal_gamma: 0.0,
            auxiliary: false,
        }
    }
}

impl HeadSettings {
    /// Reads the keys that `[train]` has for all heads.
    pub(crate) fn read(section: &mut Section<'_>, default: &Self) -> Self {
        Self {
            loss_weight: default.loss_weight,
            class_weights: section.choice(
                "class_weights",
                default.class_weights,
                &[
                    ("none", ClassWeighting::None),
                    ("inverse", ClassWeighting::Inverse),
                    ("effective", ClassWeighting::Effective),
                ],
            ),
            label_smoothing: section.number("label_smoothing", default.label_smoothing, 0.0..=0.9),
            focal_gamma: section.number("focal_gamma", default.focal_gamma, 0.0..=10.0),
            auxiliary: default.auxiliary,
        }
    }

    /// Reads the table of one head.
    pub(crate) fn read_own(section: &mut Section<'_>, default: &Self) -> Self {
        let loss_weight = section.number("loss_weight", default.loss_weight, 0.0..=1e6);
        let auxiliary = section.flag("auxiliary", default.auxiliary);
        Self { loss_weight, auxiliary, ..Self::read(section, default) }
    }
}

impl Weighing {
    pub(crate) fn read(section: &mut Section<'_>) -> Self {
        section.choice("head_weighting", Self::Fixed, &[("fixed", Self::Fixed), ("learned", Self::Learned)])
    }
}
