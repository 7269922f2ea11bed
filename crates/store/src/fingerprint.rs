//! Fingerprints: everything that a result depends on, and the differences between two.
//!
//! A fingerprint holds what can change a stage's output, and nothing else:
//!
//! | field | why it is in |
//! |---|---|
//! | `store_format` | a new layout of the store must not be read as an old one |
//! | `stage`, `stage_version` | the code: a stage's version is raised when it would write other bytes |
//! | `settings` | the resolved settings, defaults included, so that writing a default down changes nothing |
//! | `inputs` | **content** digests of what the stage reads of other artifacts, so that an upstream stage that ran again and wrote the same bytes stops the rebuild there |
//! | `sources` | content digests of files outside the store (photos, pretrained weights), never their paths |
//!
//! Times, absolute paths, host names and thread counts are left out: they do not change the output.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use marque_contracts::Digest;
use serde::{Deserialize, Serialize};
use serde_json::Value;

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
    /// Resolved settings.
    pub settings: Value,
    /// Upstream stage → file or folder read → its content digest.
    pub inputs: BTreeMap<String, BTreeMap<String, Digest>>,
    /// Setting that names a file or folder outside the store → its content digest.
    pub sources: BTreeMap<String, Digest>,
}

impl Fingerprint {
    /// The key: results with the same key have the same content.
    pub fn key(&self) -> Key {
        Key::from_digest(&Digest::of_json(&self.to_json()))
    }

    /// Field by field, what differs from `before` to `self`, sorted by field.
    pub fn differences(&self, before: &Fingerprint) -> Vec<Difference> {
        let (mut old, mut new) = (BTreeMap::new(), BTreeMap::new());
        flatten("", &before.to_json(), &mut old);
        flatten("", &self.to_json(), &mut new);
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

    fn to_json(&self) -> Value {
        serde_json::to_value(self).expect("names, numbers and digests serialise")
    }
}

/// One field in which two fingerprints differ.
#[derive(Clone, PartialEq, Debug)]
pub struct Difference {
    /// Dotted path, such as `settings.epochs`, or `inputs.labels.labels.parquet`.
    pub field: String,
    /// Value in the stored fingerprint; `None` if the field is new.
    pub before: Option<Value>,
    /// Value now; `None` if the field is gone.
    pub after: Option<Value>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} → {}", self.field, Shown(&self.before), Shown(&self.after))
    }
}

/// Digests are cut to ten digits: enough to see that two differ.
struct Shown<'a>(&'a Option<Value>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("(absent)"),
            Some(Value::String(text)) => match text.parse::<Digest>() {
                Ok(digest) => f.write_str(&digest.short(10)),
                Err(_) => write!(f, "{text:?}"),
            },
            Some(value) => write!(f, "{value}"),
        }
    }
}

fn flatten(path: &str, value: &Value, out: &mut BTreeMap<String, Value>) {
    let join = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match value {
        Value::Object(map) if !map.is_empty() => {
            map.iter().for_each(|(key, value)| flatten(&join(key), value, out));
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            items.iter().enumerate().for_each(|(i, value)| flatten(&join(&i.to_string()), value, out));
        }
        leaf => {
            out.insert(path.to_owned(), leaf.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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
        let before = fingerprint(json!({"epochs": 8, "heads": [{"name": "brand"}]}), b"x");
        let after = fingerprint(json!({"epochs": 9, "heads": [{"name": "make"}]}), b"y");
        let fields: Vec<_> = after.differences(&before).into_iter().map(|d| d.field).collect();
        assert_eq!(fields, ["inputs.labels.labels.parquet", "settings.epochs", "settings.heads.0.name"]);
        assert!(after.differences(&after).is_empty());
        assert_ne!(before.key(), after.key());
    }

    #[test]
    fn a_difference_reads_well() {
        let before = fingerprint(json!({"epochs": 8}), b"x");
        let after = fingerprint(json!({"schedule": "cosine"}), b"x");
        let lines: Vec<_> = after.differences(&before).iter().map(ToString::to_string).collect();
        assert_eq!(lines, ["settings.epochs: 8 → (absent)", "settings.schedule: (absent) → \"cosine\""]);
    }
}
