//! A parsed configuration that still knows where each value came from.

use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::pairs::Pair;
use crate::value::{Node, Origin, Value};

/// Why a configuration cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// The file cannot be read.
    #[error("the configuration cannot be read")]
    Read {
        /// The file.
        path: PathBuf,
        /// What was tried, and what the system said.
        source: std::io::Error,
    },
    /// The text is not TOML.
    #[error("{file}: {message}")]
    Syntax {
        /// The file.
        file: String,
        /// Position and reason, as the parser gives them.
        message: String,
    },
    /// A `key=value` pair does not fit.
    #[error("--set {pair}: {reason}")]
    Set {
        /// The pair as given.
        pair: String,
        /// Why not.
        reason: String,
    },
}

/// A configuration file with the command line's changes applied.
#[derive(Clone, Debug)]
pub struct Document {
    pub(crate) file: String,
    pub(crate) folder: PathBuf,
    pub(crate) root: Node,
}

impl Document {
    /// Reads and parses a file.
    ///
    /// # Errors
    /// If the file cannot be read or is not TOML.
    pub fn load(path: &Path) -> Result<Self, DocumentError> {
        let text = fs_err::read_to_string(path)
            .map_err(|source| DocumentError::Read { path: path.to_owned(), source })?;
        let mut document = Self::parse(&path.display().to_string(), &text)?;
        document.folder = path.parent().unwrap_or(Path::new("")).to_owned();
        Ok(document)
    }

    /// Parses text; `file` is the name to show in messages. Relative paths in it start at the working folder.
    ///
    /// # Errors
    /// If the text is not TOML.
    pub fn parse(file: &str, text: &str) -> Result<Self, DocumentError> {
        let table = DeTable::parse(text)
            .map_err(|error| DocumentError::Syntax { file: file.to_owned(), message: error.to_string() })?;
        let lines = LineStarts::of(text);
        Ok(Self {
            file: file.to_owned(),
            folder: PathBuf::new(),
            root: Node {
                origin: Origin::Line(1),
                value: table_value(table.get_ref(), &|at| lines.origin(at)),
            },
        })
    }

    /// Applies one `section.key=value` pair. The value is read as TOML (`3`, `0.1`, `true`, `["a", "b"]`);
    /// what is not a TOML value is taken as text, so that quotes are not needed. An entry of a list of tables
    /// is named by its position: `heads.0.min_images=50`.
    ///
    /// # Errors
    /// If the pair has no `=`, or its key leads through something that is not a table.
    pub fn set(&mut self, pair: &str) -> Result<(), DocumentError> {
        let fail = |reason: &str| DocumentError::Set { pair: pair.to_owned(), reason: reason.to_owned() };
        let Pair { key, value } = Pair::read(pair).map_err(fail)?;
        let from_command_line = |_| Origin::CommandLine;
        let value = match DeValue::parse(value) {
            Ok(value) => plain_value(value.get_ref(), &from_command_line),
            Err(_) => Value::Text(value.to_owned()),
        };
        let (last, path) = key.split_last().ok_or_else(|| fail("the key is empty"))?;
        let mut node = &mut self.root;
        for part in path {
            node = node.descend(part).ok_or_else(|| fail(&format!("`{part}` does not lead to a table")))?;
        }
        let Value::Table(entries) = &mut node.value else {
            return Err(fail("the key does not lead to a table"));
        };
        entries.retain(|(name, _)| name != last);
        entries.push(((*last).to_owned(), Node { origin: Origin::CommandLine, value }));
        Ok(())
    }

    /// Name of the file, as shown in messages.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// An empty configuration: every key has its default.
    pub fn empty() -> Self {
        let root = Node { origin: Origin::Line(1), value: Value::Table(Vec::new()) };
        Self { file: String::new(), folder: PathBuf::new(), root }
    }

    pub(crate) fn place(&self, origin: Origin) -> String {
        origin.of(&self.file)
    }
}

impl Node {
    /// The table under `part`, made if a table has none yet, or the list entry at that position.
    fn descend(&mut self, part: &str) -> Option<&mut Node> {
        match &mut self.value {
            Value::Table(entries) => {
                if !entries.iter().any(|(name, _)| name == part) {
                    let empty = Node { origin: Origin::CommandLine, value: Value::Table(Vec::new()) };
                    entries.push((part.to_owned(), empty));
                }
                entries.iter_mut().find(|(name, _)| name == part).map(|(_, node)| node)
            }
            Value::List(items) => part.parse::<usize>().ok().and_then(|i| items.get_mut(i)),
            _ => None,
        }
    }
}

/// Byte offsets at which lines begin.
struct LineStarts(Vec<usize>);

impl LineStarts {
    fn of(text: &str) -> Self {
        Self(std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect())
    }

    fn origin(&self, offset: usize) -> Origin {
        Origin::Line(self.0.partition_point(|&start| start <= offset))
    }
}

/// Turns a parsed value into a node, with `origin` giving a place for a byte offset.
fn node(value: &Spanned<DeValue<'_>>, origin: &dyn Fn(usize) -> Origin) -> Node {
    Node { origin: origin(value.span().start), value: plain_value(value.get_ref(), origin) }
}

fn plain_value(value: &DeValue<'_>, origin: &dyn Fn(usize) -> Origin) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(integer) => match i64::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(value) => Value::Integer(value),
            Err(_) => Value::Other(integer.to_string()),
        },
        DeValue::Float(float) => match float.as_str().parse() {
            Ok(value) => Value::Number(value),
            Err(_) => Value::Other(float.to_string()),
        },
        DeValue::Boolean(flag) => Value::Flag(*flag),
        DeValue::Datetime(date) => Value::Other(date.to_string()),
        DeValue::Array(items) => Value::List(items.iter().map(|item| node(item, origin)).collect()),
        DeValue::Table(table) => table_value(table, origin),
    }
}

fn table_value(table: &DeTable<'_>, origin: &dyn Fn(usize) -> Origin) -> Value {
    let entry = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
        // A key's own place, not its value's: an array of tables begins elsewhere.
        let mut node = node(value, origin);
        node.origin = origin(key.span().start);
        let name: &std::borrow::Cow<'_, str> = key.get_ref();
        (name.to_string(), node)
    };
    Value::Table(table.iter().map(entry).collect())
}
