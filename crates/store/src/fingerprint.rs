//! Fingerprints: everything that a result depends on, and the differences between two.
//!
//! A fingerprint holds what can change a stage's output, and nothing else:
//!
//! | field | why it is in |
//! |---|---|
//! | `store_format` | a new layout of the store must not be read as an old one |
//! | `stage`, `stage_version` | the code: a stage's version is raised when it would write other bytes |
//! | `settings` | the resolved settings by section and key, defaults included, so that writing a default down changes nothing |
//! | `inputs` | **content** digests of what the stage reads of other artifacts, so that an upstream stage that ran again and wrote the same bytes stops the rebuild there |
//! | `sources` | content digests of files outside the store (photos, pretrained weights), never their paths |
//!
//! Times, absolute paths, host names and thread counts are left out: they do not change the output.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use marque_contracts::Digest;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::key::Key;

/// Everything a stage's output depends on.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Layout version of the store.
    pub store_format: u32,
    /// Name of the stage.
    pub stage: String,
    /// Version of the stage's code.
    pub stage_version: u32,
    /// Resolved settings, by section and key.
    pub settings: Value,
    /// Upstream stage → file or folder read → its content digest.
    pub inputs: BTreeMap<String, BTreeMap<String, Digest>>,
    /// Setting that names a file or folder outside the store → its content digest.
    pub sources: BTreeMap<String, Digest>,
}

impl Fingerprint {
    /// The key: results with the same key have the same content.
    pub fn key(&self) -> Key {
        Key::from_digest(&Digest::of_json(&json!(self)))
    }

    /// Everything that it holds, field by field; empty tables of settings are none.
    pub fn fields(&self) -> BTreeMap<Field, Value> {
        let mut fields = BTreeMap::new();
        flatten("", &self.settings, &mut fields);
        let sources = self.sources.iter().map(|(name, digest)| (Field::Source(name.clone()), digest));
        let inputs = self.inputs.iter().flat_map(|(stage, files)| {
            files.iter().map(move |(file, digest)| (Field::Input(format!("{stage}/{file}")), digest))
        });
        fields.extend(sources.chain(inputs).map(|(field, digest)| (field, json!(digest))));
        fields.insert(Field::Version("stage_version"), self.stage_version.into());
        fields.insert(Field::Version("store_format"), self.store_format.into());
        fields
    }

    /// Field by field, what differs from `before` to `self`, sorted by field.
    pub fn differences(&self, before: &Fingerprint) -> Vec<Difference> {
        let (old, new) = (before.fields(), self.fields());
        let fields: BTreeSet<_> = old.keys().chain(new.keys()).collect();
        fields
            .into_iter()
            .filter(|field| old.get(*field) != new.get(*field))
            .map(|field| Difference {
                field: field.clone(),
                before: old.get(field).cloned(),
                after: new.get(field).cloned(),
            })
            .collect()
    }
}

/// A field of a fingerprint. Settings come first: they are the user's own changes, and explain the rest.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Field {
    /// A setting, by section and key: `train.epochs`, `heads.0.name`.
    Setting(String),
    /// A file or folder outside the store, by the setting that names it.
    Source(String),
    /// A file or folder of another stage: `labels/labels.parquet`.
    Input(String),
    /// The stage's code (`stage_version`), or the store's layout (`store_format`).
    Version(&'static str),
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setting(name) | Self::Source(name) | Self::Input(name) => f.write_str(name),
            Self::Version(name) => f.write_str(name),
        }
    }
}

/// One field in which two fingerprints differ.
#[derive(Clone, PartialEq, Debug)]
pub struct Difference {
    /// The field.
    pub field: Field,
    /// Value in the stored fingerprint; `None` if the field is new.
    pub before: Option<Value>,
    /// Value now; `None` if the field is gone.
    pub after: Option<Value>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [before, after] =
            [&self.before, &self.after].map(|value| value.as_ref().map_or("(absent)".to_owned(), shown));
        write!(f, "{}: {before} → {after}", self.field)
    }
}

/// The value of a field for people. Digests are cut to ten digits: enough to see that two differ.
pub fn shown(value: &Value) -> String {
    match value.as_str().and_then(|text| text.parse::<Digest>().ok()) {
        Some(digest) => digest.short(10),
        None => value.to_string(),
    }
}

/// The leaves of `value` by their dotted paths, with lists of tables entry by entry.
fn flatten(path: &str, value: &Value, fields: &mut BTreeMap<Field, Value>) {
    let join = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| flatten(&join(key), value, fields)),
        Value::Array(items) if items.iter().any(Value::is_object) => {
            items.iter().enumerate().for_each(|(i, value)| flatten(&join(&i.to_string()), value, fields));
        }
        leaf => {
            fields.insert(Field::Setting(path.to_owned()), leaf.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint(settings: Value, input: &[u8]) -> Fingerprint {
        Fingerprint {
            store_format: 1,
            stage: "train".into(),
            stage_version: 3,
            settings,
            inputs: BTreeMap::from([(
                "labels".into(),
                BTreeMap::from([("labels.parquet".into(), Digest::of_bytes(input))]),
            )]),
            sources: BTreeMap::new(),
        }
    }

    #[test]
    fn differences_name_the_exact_field() {
        let before = fingerprint(json!({"train": {"epochs": 8, "heads": [{"name": "brand"}]}}), b"x");
        let after = fingerprint(json!({"train": {"epochs": 9, "heads": [{"name": "make"}]}}), b"y");
        let fields: Vec<_> = after.differences(&before).into_iter().map(|d| d.field.to_string()).collect();
        assert_eq!(fields, ["train.epochs", "train.heads.0.name", "labels/labels.parquet"]);
        assert!(after.differences(&after).is_empty());
        assert_ne!(before.key(), after.key());
    }

    #[test]
    fn a_difference_reads_well() {
        let before = fingerprint(json!({"train": {"epochs": 8}}), b"x");
        let after = fingerprint(json!({"train": {"schedule": "cosine"}}), b"x");
        let lines: Vec<_> = after.differences(&before).iter().map(ToString::to_string).collect();
        assert_eq!(lines, ["train.epochs: 8 → (absent)", "train.schedule: (absent) → \"cosine\""]);
    }
}
