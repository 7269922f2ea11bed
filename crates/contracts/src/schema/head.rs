//! Heads and labels: the questions that the network answers, and the answers that are known.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Split;

/// Whether a head is single-label or multi-label.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HeadKind {
    /// Single-label: exactly one class a photo.
    #[default]
    Single,
    /// Multi-label: any number of classes a photo, or none.
    Tags,
}

/// One head of the network: `heads.json` is a list of these.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Head {
    /// Name: a column of the label table.
    pub name: String,
    /// Single-label or multi-label.
    pub kind: HeadKind,
    /// Classes; the position is the class id.
    pub classes: Vec<String>,
    /// Photos per class, by split.
    pub counts: BTreeMap<Split, Vec<u64>>,
    /// Class weights from the training split, by method: of classes with a mean of 1 over the training photos, of tags
    /// what presence counts against absence.
    pub class_weights: ClassWeights,
}

impl Head {
    /// A head that no photo has been counted for.
    pub fn new(name: impl Into<String>, kind: HeadKind, classes: Vec<String>) -> Self {
        let (counts, class_weights) = (BTreeMap::new(), ClassWeights::default());
        Self { name: name.into(), kind, classes, counts, class_weights }
    }
}

/// Weights per class, or of the presence of each tag, that make up for unequal counts.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct ClassWeights {
    /// Inverse frequency.
    pub inverse: Vec<f64>,
    /// Inverse effective number of samples, β = 0.999 (Cui et al. 2019, arXiv:1901.05555).
    pub effective: Vec<f64>,
}

/// The label (ground truth) of one photo for one head.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Label {
    /// Not known: excluded from loss and metrics.
    #[default]
    Unknown,
    /// Id of the only class, for a head of [`HeadKind::Single`].
    Class(usize),
    /// Ids of all classes that apply and of no others, ascending, for a head of [`HeadKind::Tags`].
    Tags(Vec<usize>),
}

impl Label {
    /// Whether the label is known; that there are no tags is known too.
    pub fn is_known(&self) -> bool {
        *self != Self::Unknown
    }

    /// Ids of the classes that apply: one, any number of tags, none where the label is unknown.
    pub fn ids(&self) -> &[usize] {
        match self {
            Self::Unknown => &[],
            Self::Class(id) => std::slice::from_ref(id),
            Self::Tags(ids) => ids,
        }
    }

    /// Id of the class, for a single-label head whose label is known.
    pub fn class(&self) -> Option<usize> {
        match self {
            Self::Class(id) => Some(*id),
            _ => None,
        }
    }

    /// Ids of the tags, for a multi-label head whose label is known.
    pub fn tags(&self) -> Option<&[usize]> {
        match self {
            Self::Tags(ids) => Some(ids),
            _ => None,
        }
    }
}

impl From<Option<usize>> for Label {
    fn from(class: Option<usize>) -> Self {
        class.map_or(Self::Unknown, Self::Class)
    }
}

impl From<Option<Vec<usize>>> for Label {
    fn from(tags: Option<Vec<usize>>) -> Self {
        tags.map_or(Self::Unknown, Self::Tags)
    }
}
