//! The description of a head: its name, its classes, and whether they exclude each other.

use std::collections::BTreeMap;

use marque_contracts::schema::HeadKind;
use serde::{Deserialize, Serialize};

/// A head: one question, answered by a linear layer on the pooled features.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadConfig {
    /// Part of the parameter names, so without dots.
    pub name: String,
    /// Whether its logits are for a softmax (exactly one class) or for sigmoids (tags). In `config.json` these are Hugging
    /// Face's words for `problem_type`.
    #[serde(default, rename = "problem_type", with = "ProblemType")]
    pub kind: HeadKind,
    /// Number of classes.
    pub classes: usize,
    /// Class names by index; the indices are `0..classes`.
    pub id2label: BTreeMap<usize, String>,
    /// The inverse of `id2label`.
    pub label2id: BTreeMap<String, usize>,
}

impl HeadConfig {
    /// A head with exactly one class per photo, for classes in the order of their indices.
    pub fn new<L: Into<String>>(name: impl Into<String>, labels: impl IntoIterator<Item = L>) -> Self {
        let id2label: BTreeMap<usize, String> = labels.into_iter().map(Into::into).enumerate().collect();
        let label2id = id2label.iter().map(|(&id, label)| (label.clone(), id)).collect();
        Self { name: name.into(), kind: HeadKind::Single, classes: id2label.len(), id2label, label2id }
    }

    /// The same of another kind.
    #[must_use]
    pub fn with_kind(self, kind: HeadKind) -> Self {
        Self { kind, ..self }
    }

    /// Class names in the order of their indices.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        self.id2label.values().map(String::as_str)
    }

    /// Its kind in Hugging Face's words: `single_label_classification` or `multi_label_classification`.
    pub fn problem_type(&self) -> &'static str {
        match self.kind {
            HeadKind::Single => "single_label_classification",
            HeadKind::Tags => "multi_label_classification",
        }
    }

    /// Looks for contradictions.
    pub(crate) fn check(&self) -> Result<(), String> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if self.name.is_empty() || !self.name.chars().all(allowed) {
            return Err(format!("`{}` is not a name of letters, digits, `_` and `-`", self.name));
        }
        if self.classes == 0 {
            return Err("a head needs at least one class".to_owned());
        }
        if !self.id2label.keys().copied().eq(0..self.classes) {
            return Err(format!("id2label must name the classes 0 to {}", self.classes - 1));
        }
        let inverse = self.id2label.iter().map(|(&id, label)| (label.clone(), id));
        if self.label2id.len() != self.classes || inverse.collect::<BTreeMap<_, _>>() != self.label2id {
            return Err(
                "label2id must be the inverse of id2label, with different names for all classes".to_owned()
            );
        }
        Ok(())
    }
}

/// [`HeadKind`] in Hugging Face's words.
#[derive(Serialize, Deserialize)]
#[serde(remote = "HeadKind")]
enum ProblemType {
    #[serde(rename = "single_label_classification")]
    Single,
    #[serde(rename = "multi_label_classification")]
    Tags,
}
