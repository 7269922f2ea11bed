//! Reading a section key by key, with defaults and allowed values.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use crate::document::{Document, Node, Origin, Value};
use crate::problem::{Problem, Problems};

/// Reads the sections of a document and collects what is wrong with them.
pub struct Reader<'a> {
    document: &'a Document,
    known: Vec<&'static str>,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    /// Begins reading a document.
    pub fn new(document: &'a Document) -> Self {
        Self { document, known: Vec::new(), problems: Vec::new() }
    }

    /// Reads the section `[name]` with `read`; keys that `read` does not ask for are problems. A section that
    /// is not there reads as an empty one.
    pub fn section<T>(&mut self, name: &'static str, read: impl FnOnce(&mut Section<'a>) -> T) -> T {
        self.known.push(name);
        let node = self.top(name);
        let mut section = Section::new(self.document, name.to_owned(), node);
        let result = read(&mut section);
        section.finish(&mut self.problems);
        result
    }

    /// Reads each of the sections `[[name]]` with `read`, in the order of the file.
    pub fn sections<T>(&mut self, name: &'static str, mut read: impl FnMut(&mut Section<'a>) -> T) -> Vec<T> {
        self.known.push(name);
        let Some(node) = self.top(name) else { return Vec::new() };
        let Value::List(items) = &node.value else {
            self.problem(node.origin, name, format!(": write each entry under its own [[{name}]]"));
            return Vec::new();
        };
        let mut results = Vec::with_capacity(items.len());
        for (i, item) in items.iter().enumerate() {
            let mut section = Section::new(self.document, format!("{name}.{i}"), Some(item));
            results.push(read(&mut section));
            section.finish(&mut self.problems);
        }
        results
    }

    /// Adds a problem that shows only across sections; `key` is the dotted key to name.
    pub fn report(&mut self, key: &str, message: &str) {
        let mut origin = self.document.root.origin;
        let mut node = Some(&self.document.root);
        for part in key.split('.') {
            node = node.and_then(|node| lookup(node, part));
            origin = node.map_or(origin, |node| node.origin);
        }
        self.problem(origin, key, format!(": {message}"));
    }

    /// Ends reading: sections that nobody asked for are problems too.
    ///
    /// # Errors
    /// Everything that is wrong, in the order of the file.
    pub fn finish(mut self) -> Result<(), Problems> {
        if let Value::Table(entries) = &self.document.root.value {
            for (name, node) in entries {
                if !self.known.contains(&name.as_str()) {
                    let message = unknown("section", name, &self.known);
                    self.problem(node.origin, &format!("[{name}]"), message);
                }
            }
        }
        // Line numbers sort as numbers; what came from the command line goes last.
        self.problems.sort_by_key(|problem| {
            problem.place.rsplit(':').next().and_then(|n| n.parse().ok()).unwrap_or(usize::MAX)
        });
        if self.problems.is_empty() { Ok(()) } else { Err(Problems(self.problems)) }
    }

    fn top(&self, name: &str) -> Option<&'a Node> {
        lookup(&self.document.root, name)
    }

    fn problem(&mut self, origin: Origin, key: &str, message: String) {
        self.problems.push(Problem { place: self.document.place(origin), key: key.to_owned(), message });
    }
}

fn lookup<'a>(node: &'a Node, part: &str) -> Option<&'a Node> {
    match &node.value {
        Value::Table(entries) => entries.iter().find(|(key, _)| key == part).map(|(_, node)| node),
        Value::List(items) => part.parse::<usize>().ok().and_then(|i| items.get(i)),
        _ => None,
    }
}

/// One section under reading. Every method takes the key, the default, and what is allowed; a value that is
/// not allowed is noted as a problem and the default stands in, so that reading goes on.
pub struct Section<'a> {
    document: &'a Document,
    name: String,
    origin: Option<Origin>,
    entries: &'a [(String, Node)],
    known: Vec<&'static str>,
    problems: Vec<Problem>,
}

impl<'a> Section<'a> {
    fn new(document: &'a Document, name: String, node: Option<&'a Node>) -> Self {
        let mut section = Self {
            document,
            name,
            origin: node.map(|node| node.origin),
            entries: &[],
            known: Vec::new(),
            problems: Vec::new(),
        };
        match node.map(|node| (&node.value, node.origin)) {
            Some((Value::Table(entries), _)) => section.entries = entries,
            Some((_, origin)) => {
                let name = &section.name;
                let message = match node.map(|node| &node.value) {
                    Some(Value::List(items))
                        if items.iter().any(|item| matches!(item.value, Value::Table(_))) =>
                    {
                        format!(": there is one such section: write [{name}], with single brackets")
                    }
                    _ => format!(
                        ": must be a section: write [{name}] on a line of its own, and its keys below"
                    ),
                };
                let problem = Problem { place: document.place(origin), key: name.clone(), message };
                section.problems.push(problem);
            }
            None => {}
        }
        section
    }

    /// Whether the file gives this key. Does not count as asking for it.
    pub fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|(name, _)| name == key)
    }

    /// A whole number in a range.
    pub fn count(&mut self, key: &'static str, default: usize, range: RangeInclusive<usize>) -> usize {
        let allowed = format!("a whole number from {} to {}", range.start(), range.end());
        self.read(key, &allowed, |value| match value {
            Value::Integer(i) => usize::try_from(*i).ok().filter(|i| range.contains(i)),
            _ => None,
        })
        .unwrap_or(default)
    }

    /// A seed: a whole number from 0 to 2⁶³ − 1.
    pub fn seed(&mut self, key: &'static str, default: u64) -> u64 {
        self.read(key, "a whole number, 0 or more", |value| match value {
            Value::Integer(i) => u64::try_from(*i).ok(),
            _ => None,
        })
        .unwrap_or(default)
    }

    /// A finite number in a range.
    pub fn number(&mut self, key: &'static str, default: f64, range: RangeInclusive<f64>) -> f64 {
        let allowed = if range.end().is_finite() {
            format!("a number from {} to {}", range.start(), range.end())
        } else {
            format!("a number, {} or more", range.start())
        };
        self.read(key, &allowed, |value| {
            let number = match value {
                Value::Integer(i) => *i as f64,
                Value::Number(x) => *x,
                _ => return None,
            };
            (number.is_finite() && range.contains(&number)).then_some(number)
        })
        .unwrap_or(default)
    }

    /// `true` or `false`.
    pub fn flag(&mut self, key: &'static str, default: bool) -> bool {
        self.read(key, "true or false", |value| match value {
            Value::Flag(flag) => Some(*flag),
            _ => None,
        })
        .unwrap_or(default)
    }

    /// One of several words.
    pub fn choice<T: Copy>(&mut self, key: &'static str, default: T, choices: &[(&str, T)]) -> T {
        let allowed = format!("one of {}", quoted(choices.iter().map(|(word, _)| *word)));
        self.read(key, &allowed, |value| match value {
            Value::Text(text) => choices.iter().find(|(word, _)| word == text).map(|(_, choice)| *choice),
            _ => None,
        })
        .unwrap_or(default)
    }

    /// Text.
    pub fn text(&mut self, key: &'static str, default: &str) -> String {
        self.optional_text(key).unwrap_or_else(|| default.to_owned())
    }

    /// Text, if given.
    pub fn optional_text(&mut self, key: &'static str) -> Option<String> {
        let empty = self
            .entries
            .iter()
            .any(|(name, node)| name == key && matches!(&node.value, Value::Text(t) if t.is_empty()));
        let allowed = if empty {
            "text that is not empty; leave the key out for its default"
        } else {
            "text in quotes"
        };
        self.read(key, allowed, |value| match value {
            Value::Text(text) if !text.is_empty() => Some(text.clone()),
            _ => None,
        })
    }

    /// A path, if given; a relative one starts at the configuration's folder.
    pub fn optional_path(&mut self, key: &'static str) -> Option<PathBuf> {
        self.optional_text(key).map(|text| self.document.folder.join(text))
    }

    /// A list of texts, if given.
    pub fn optional_texts(&mut self, key: &'static str) -> Option<Vec<String>> {
        self.read(key, "a list of texts, none of them empty", |value| match value {
            Value::List(items) => items
                .iter()
                .map(|item| match &item.value {
                    Value::Text(text) if !text.is_empty() => Some(text.clone()),
                    _ => None,
                })
                .collect(),
            _ => None,
        })
    }

    /// A list of whole numbers, if given; a number alone is a list of one.
    pub fn optional_integers(&mut self, key: &'static str) -> Option<Vec<i64>> {
        self.read(key, "a list of whole numbers", |value| match value {
            Value::List(items) => items
                .iter()
                .map(|item| match item.value {
                    Value::Integer(integer) => Some(integer),
                    _ => None,
                })
                .collect(),
            Value::Integer(integer) => Some(vec![*integer]),
            _ => None,
        })
    }

    /// A list of pairs of whole numbers, if given: `[[1, 96], [7, 128]]`.
    pub fn optional_pairs(&mut self, key: &'static str) -> Option<Vec<[i64; 2]>> {
        self.read(key, "a list of pairs of whole numbers", |value| match value {
            Value::List(items) => items.iter().map(pair).collect(),
            _ => None,
        })
    }

    /// A list of exactly `N` finite numbers.
    pub fn numbers<const N: usize>(&mut self, key: &'static str, default: [f64; N]) -> [f64; N] {
        self.read(key, &format!("a list of {N} numbers"), |value| match value {
            Value::List(items) => {
                let number = |item: &Node| match item.value {
                    Value::Integer(i) => Some(i as f64),
                    Value::Number(x) if x.is_finite() => Some(x),
                    _ => None,
                };
                items.iter().map(number).collect::<Option<Vec<f64>>>()?.try_into().ok()
            }
            _ => None,
        })
        .unwrap_or(default)
    }

    /// Reads each of the tables `[[section.key]]` with `read`, in the order of the file.
    pub fn sections<T>(&mut self, key: &'static str, mut read: impl FnMut(&mut Section<'a>) -> T) -> Vec<T> {
        self.known.push(key);
        let Some((_, node)) = self.entries.iter().find(|(name, _)| name == key) else { return Vec::new() };
        let Value::List(items) = &node.value else {
            let name = &self.name;
            self.problem(key, format!("write each entry under its own [[{name}.{key}]]"));
            return Vec::new();
        };
        let mut results = Vec::with_capacity(items.len());
        for (i, item) in items.iter().enumerate() {
            let mut section = Section::new(self.document, format!("{}.{key}.{i}", self.name), Some(item));
            results.push(read(&mut section));
            section.finish(&mut self.problems);
        }
        results
    }

    /// Reads each of the tables `[section.key.NAME]` with `read`, by name, in the order of the file.
    pub fn tables<T>(
        &mut self,
        key: &'static str,
        mut read: impl FnMut(&mut Section<'a>) -> T,
    ) -> Vec<(String, T)> {
        self.known.push(key);
        let Some((_, node)) = self.entries.iter().find(|(name, _)| name == key) else { return Vec::new() };
        let Value::Table(tables) = &node.value else {
            let name = &self.name;
            self.problem(key, format!("write each entry under its own [{name}.{key}.NAME]"));
            return Vec::new();
        };
        let mut results = Vec::with_capacity(tables.len());
        for (name, node) in tables {
            let mut section = Section::new(self.document, format!("{}.{key}.{name}", self.name), Some(node));
            results.push((name.clone(), read(&mut section)));
            section.finish(&mut self.problems);
        }
        results
    }

    /// Notes a problem with a key that only its owner can see; `message` says what would be allowed.
    pub fn problem(&mut self, key: &str, message: impl Display) {
        let origin = self.entries.iter().find(|(name, _)| name == key).map(|(_, node)| node.origin);
        let place = self.place(origin.or(self.origin));
        let key = format!("{}.{key}", self.name);
        self.problems.push(Problem { place, key, message: format!(": {message}") });
    }

    fn read<T>(
        &mut self,
        key: &'static str,
        allowed: &str,
        convert: impl Fn(&Value) -> Option<T>,
    ) -> Option<T> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        let (_, node) = self.entries.iter().find(|(name, _)| name == key)?;
        let converted = convert(&node.value);
        if converted.is_none() {
            self.problems.push(Problem {
                place: self.document.place(node.origin),
                key: format!("{}.{key}", self.name),
                message: format!(" = {}: must be {allowed}", shown(&node.value)),
            });
        }
        converted
    }

    fn place(&self, origin: Option<Origin>) -> String {
        origin.map_or_else(|| self.document.file.clone(), |origin| self.document.place(origin))
    }

    fn finish(mut self, problems: &mut Vec<Problem>) {
        self.known.sort_unstable();
        for (key, node) in self.entries.iter().filter(|(key, _)| !self.known.contains(&key.as_str())) {
            problems.push(Problem {
                place: self.document.place(node.origin),
                key: format!("{}.{key}", self.name),
                message: unknown("key", key, &self.known),
            });
        }
        problems.append(&mut self.problems);
    }
}

fn pair(node: &Node) -> Option<[i64; 2]> {
    match &node.value {
        Value::List(items) => match items.as_slice() {
            [Node { value: Value::Integer(first), .. }, Node { value: Value::Integer(second), .. }] => {
                Some([*first, *second])
            }
            _ => None,
        },
        _ => None,
    }
}

fn unknown(what: &str, name: &str, known: &[&str]) -> String {
    let nearest = known.iter().map(|word| (strsim::jaro_winkler(name, word), word));
    let nearest = nearest.filter(|(likeness, _)| *likeness > 0.8).max_by(|a, b| a.0.total_cmp(&b.0));
    let guess = nearest.map_or(String::new(), |(_, word)| format!("; did you mean `{word}`?"));
    let separator = if guess.is_empty() { ";" } else { "" };
    format!(" is not a known {what}{guess}{separator} known {what}s: {}", known.join(", "))
}

fn quoted<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ")
}

fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) => format!("{text:?}"),
        Value::Integer(i) => i.to_string(),
        Value::Number(x) => x.to_string(),
        Value::Flag(flag) => flag.to_string(),
        Value::List(items) => {
            format!("[{}]", items.iter().map(|item| shown(&item.value)).collect::<Vec<_>>().join(", "))
        }
        Value::Table(_) => "{…}".to_owned(),
        Value::Other(text) => text.clone(),
    }
}
