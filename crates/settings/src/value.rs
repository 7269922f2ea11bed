//! Values of TOML, each with the place it came from.

use std::fmt;

use serde::{Serialize, Serializer};

/// A value and the place it came from.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) origin: Origin,
    pub(crate) value: Value,
}

/// A value of TOML. [`fmt::Display`] writes it as TOML.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Text(String),
    Integer(i64),
    Number(f64),
    Flag(bool),
    List(Vec<Node>),
    Table(Vec<(String, Node)>),
    /// A date or an integer out of range: nothing that any key takes.
    Other(String),
}

/// Where a value came from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Origin {
    Default,
    /// It follows from the value of another key: "weights `resnet34`".
    Implied(&'static str),
    Line(usize),
    CommandLine,
}

impl Origin {
    /// "default", "from weights `resnet34`", "pipeline.toml:12" or "--set".
    pub(crate) fn of(self, file: &str) -> String {
        match self {
            Self::Default => "default".to_owned(),
            Self::Implied(by) => format!("from {by}"),
            Self::Line(line) => format!("{file}:{line}"),
            Self::CommandLine => "--set".to_owned(),
        }
    }
}

impl Node {
    /// The entry of a table under a key, or of a list at a position.
    pub(crate) fn get(&self, part: &str) -> Option<&Node> {
        match &self.value {
            Value::Table(entries) => entries.iter().find(|(key, _)| key == part).map(|(_, node)| node),
            Value::List(items) => part.parse::<usize>().ok().and_then(|i| items.get(i)),
            _ => None,
        }
    }
}

impl Value {
    /// A value of JSON; what TOML has no value for is none.
    pub(crate) fn of_json(json: &serde_json::Value) -> Option<Self> {
        use serde_json::Value as Json;
        Some(match json {
            Json::String(text) => Self::Text(text.clone()),
            Json::Bool(flag) => Self::Flag(*flag),
            Json::Number(number) => match number.as_i64() {
                Some(whole) => Self::Integer(whole),
                None => Self::Number(number.as_f64()?),
            },
            Json::Array(items) => Self::list(items.iter().map(Self::of_json).collect::<Option<Vec<_>>>()?),
            Json::Null | Json::Object(_) => return None,
        })
    }

    /// A list of defaults.
    pub(crate) fn list(items: impl IntoIterator<Item = Value>) -> Self {
        Self::List(items.into_iter().map(|value| Node { origin: Origin::Default, value }).collect())
    }

    pub(crate) fn whole(&self) -> Option<i64> {
        match self {
            Self::Integer(integer) => Some(*integer),
            _ => None,
        }
    }

    /// A finite number, whole or not.
    pub(crate) fn finite(&self) -> Option<f64> {
        match self {
            Self::Integer(integer) => Some(*integer as f64),
            Self::Number(number) => Some(*number).filter(|number| number.is_finite()),
            _ => None,
        }
    }

    /// Text that is not empty.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text.as_str()).filter(|text| !text.is_empty()),
            _ => None,
        }
    }

    /// Each item of a list, converted; `None` if this is not a list or one cannot be converted.
    pub(crate) fn items<'a, T>(&'a self, convert: impl Fn(&'a Value) -> Option<T>) -> Option<Vec<T>> {
        match self {
            Self::List(items) => items.iter().map(|item| convert(&item.value)).collect(),
            _ => None,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // The escapes of JSON are TOML's too, which wants one more.
            Self::Text(text) => {
                f.write_str(&serde_json::Value::from(text.as_str()).to_string().replace('\x7f', "\\u007F"))
            }
            Self::Integer(integer) => integer.fmt(f),
            Self::Number(number) => write!(f, "{number:?}"),
            Self::Flag(flag) => flag.fmt(f),
            Self::List(items) => {
                let items: Vec<_> = items.iter().map(|item| item.value.to_string()).collect();
                write!(f, "[{}]", items.join(", "))
            }
            Self::Table(_) => f.write_str("{…}"),
            Self::Other(text) => f.write_str(text),
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) | Self::Other(text) => serializer.serialize_str(text),
            Self::Integer(integer) => serializer.serialize_i64(*integer),
            Self::Number(number) => serializer.serialize_f64(*number),
            Self::Flag(flag) => serializer.serialize_bool(*flag),
            Self::List(items) => serializer.collect_seq(items.iter().map(|item| &item.value)),
            Self::Table(entries) => {
                serializer.collect_map(entries.iter().map(|(key, node)| (key, &node.value)))
            }
        }
    }
}
