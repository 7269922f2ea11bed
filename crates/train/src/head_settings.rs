//! The tables `[train.heads.NAME]`, and their defaults in `[train]`.

use marque_contracts::schema::HeadKind;
use marque_settings::Section;
use serde::Serialize;

use crate::Settings;

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
    /// Whether it only teaches the backbone: it counts in the loss, but not in the choice of the best epoch, and is left
    /// out of models.
    pub auxiliary: bool,
    /// Heads whose class each class of this one implies: all of them then answer in agreement.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub implies: Vec<String>,
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
    /// By their weights, and by how uncertain each head turns out to be: `Σ weight (exp(-s) loss + s / 2)` with one
    /// learned `s` for each (Kendall, Gal and Cipolla 2018, arXiv:1705.07115).
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
            implies: Vec::new(),
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
            implies: Vec::new(),
        }
    }

    /// Reads the table of one head.
    pub(crate) fn read_own(section: &mut Section<'_>, default: &Self) -> Self {
        let loss_weight = section.number("loss_weight", default.loss_weight, 0.0..=1e6);
        let auxiliary = section.flag("auxiliary", default.auxiliary);
        let implies = section.optional_texts("implies").unwrap_or_default();
        Self { loss_weight, auxiliary, implies, ..Self::read(section, default) }
    }
}

impl Settings {
    /// The head of fine classes, and the heads whose classes these imply, if any are to.
    pub(crate) fn implications(&self) -> Option<(&str, &[String])> {
        let (name, head) = self.heads.iter().find(|(_, head)| !head.implies.is_empty())?;
        Some((name, &head.implies))
    }

    /// What does not go together with the heads that are declared: keys, and what is wrong with each.
    pub fn misfits(&self, declared: &[(&str, HeadKind)]) -> Vec<(String, String)> {
        let names: Vec<_> = declared.iter().map(|(name, _)| *name).collect();
        let kind = |name: &str| declared.iter().find(|(other, _)| *other == name).map(|(_, kind)| *kind);
        let mut misfits = Vec::new();
        for name in self.heads.keys().filter(|name| kind(name).is_none()) {
            let message = format!("is for no head; the heads are {}", names.join(", "));
            misfits.push((format!("train.heads.{name}"), message));
        }
        if !names.is_empty() && names.iter().all(|name| self.of_head(name).auxiliary) {
            let message = "are all auxiliary, so that the model would have none".to_owned();
            misfits.push(("train.heads".to_owned(), message));
        }
        if !names.is_empty() && names.iter().all(|name| self.of_head(name).loss_weight == 0.0) {
            let message = "all have loss_weight = 0, so that nothing would be learnt".to_owned();
            misfits.push(("train.heads".to_owned(), message));
        }
        let fine: Vec<_> = self.heads.iter().filter(|(_, head)| !head.implies.is_empty()).collect();
        for (name, head) in &fine {
            let key = format!("train.heads.{name}.implies");
            let mut misfit = |message: String| misfits.push((key.clone(), message));
            if fine.len() > 1 {
                misfit("is there for several heads; one only can have the fine classes".to_owned());
            }
            if kind(name) == Some(HeadKind::Tags) {
                misfit(format!("needs classes of which each photo has one, but `{name}` has tags"));
            }
            for implied in &head.implies {
                match kind(implied) {
                    _ if implied == *name => misfit("names the head itself".to_owned()),
                    None => misfit(format!("names `{implied}`; the heads are {}", names.join(", "))),
                    Some(HeadKind::Tags) => misfit(format!("names `{implied}`, which has tags")),
                    Some(HeadKind::Single) if self.of_head(implied).auxiliary => {
                        misfit(format!("names `{implied}`, which is auxiliary and does not answer"));
                    }
                    Some(HeadKind::Single) => {}
                }
            }
        }
        misfits
    }
}

impl Weighing {
    pub(crate) fn read(section: &mut Section<'_>) -> Self {
        section.choice("head_weighting", Self::Fixed, &[("fixed", Self::Fixed), ("learned", Self::Learned)])
    }
}
