//! What a stage declares of each of its keys, and the value that a configuration gives it.

use crate::value::{Origin, Value};

/// A key as the stage that reads it declares it.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    /// Type and range, as in "must be …": "a whole number from 1 to 10000".
    pub(crate) allowed: String,
    pub(crate) default: Fallback,
    /// One line on what it does.
    pub(crate) about: &'static str,
    /// The values of other keys without which it has no meaning: `rule = "make"`.
    pub(crate) condition: Option<String>,
}

/// What holds where a key is not given.
#[derive(Clone, Debug)]
pub(crate) enum Fallback {
    Value(Value),
    /// No value of its own, but what these words say: "none", "required", "as learning_rate".
    Words(&'static str),
}

impl Fallback {
    pub(crate) fn value(&self) -> Option<&Value> {
        match self {
            Self::Value(value) => Some(value),
            Self::Words(_) => None,
        }
    }
}

/// A key with its value.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub(crate) key: Key,
    /// `None` where the key is not given and has no default value.
    pub(crate) value: Option<Value>,
    pub(crate) origin: Origin,
    /// What the value follows from, where that was found out after reading.
    pub(crate) found: Option<String>,
}

impl Setting {
    /// Where the value came from, in a file of this name.
    pub(crate) fn origin_in(&self, file: &str) -> String {
        self.found.clone().unwrap_or_else(|| self.origin.of(file))
    }
}

/// A section with the values of all its keys.
#[derive(Clone, Debug)]
pub(crate) struct SectionSettings {
    /// Dotted, as `--set` takes it: `train`, `heads.0`, `train.heads.brand`.
    pub(crate) path: String,
    /// As it stands in the file: `[train]`, `[[heads]]`, `[train.heads.brand]`.
    pub(crate) header: String,
    /// The stages that its keys belong to; none if they change no result.
    pub(crate) stages: &'static [&'static str],
    /// One line on what it is for.
    pub(crate) about: &'static str,
    pub(crate) settings: Vec<Setting>,
}
