//! One section under reading: its keys are declared as they are read.

mod keys;
mod meant;

pub use keys::{KeyReader, WordOrPath};
pub use meant::Measure;

use std::fmt::Display;

use crate::document::Document;
use crate::key::{Key, SectionSettings, Setting};
use crate::problem::{Problem, unknown};
use crate::value::{Node, Origin, Value};

/// What reading sections brings to light.
#[derive(Default)]
pub(crate) struct Findings {
    pub(crate) problems: Vec<Problem>,
    pub(crate) warnings: Vec<Problem>,
    pub(crate) sections: Vec<SectionSettings>,
}

/// Names of a section, and what it is for; see [`SectionSettings`].
pub(crate) struct Heading {
    pub(crate) path: String,
    pub(crate) header: String,
    pub(crate) stages: &'static [&'static str],
    pub(crate) about: &'static str,
}

/// The value of a key that the file does not give, as another key implies it.
pub(crate) struct Implied {
    /// The other key with its value.
    by: &'static str,
    value: Value,
}

/// One section under reading. Each key is declared as it is read, by its name, a line on what it does, its default and
/// what is allowed: `section.key("epochs", "passes over the training photos").count(10, 1..=10_000)`. A value that is not
/// allowed is noted as a problem and the default stands in, so that reading goes on.
pub struct Section<'a> {
    document: &'a Document,
    pub(crate) heading: Heading,
    origin: Option<Origin>,
    pub(crate) entries: &'a [(String, Node)],
    recording: bool,
    pub(crate) known: Vec<&'static str>,
    /// Values of other keys that the keys now read go with, outermost first.
    conditions: Vec<String>,
    /// Whether one of the conditions does not hold: then keys are declared, and what the file says is not looked at.
    muted: bool,
    /// Keys whose conditions do not hold, and these.
    unmet: Vec<(&'static str, String)>,
    /// Keys, old words that their values may have, and the new ones.
    renamed_words: Vec<(&'static str, &'static str, &'static str)>,
    settings: Vec<Setting>,
    pub(crate) findings: Findings,
}

impl<'a> Section<'a> {
    pub(crate) fn new(
        document: &'a Document,
        heading: Heading,
        node: Option<&'a Node>,
        recording: bool,
    ) -> Self {
        let mut section = Self {
            document,
            heading,
            origin: node.map(|node| node.origin),
            entries: &[],
            recording,
            known: Vec::new(),
            conditions: Vec::new(),
            muted: false,
            unmet: Vec::new(),
            renamed_words: Vec::new(),
            settings: Vec::new(),
            findings: Findings::default(),
        };
        let name = &section.heading.path;
        let message = match node.map(|node| &node.value) {
            Some(Value::Table(entries)) => {
                section.entries = entries;
                return section;
            }
            None => return section,
            Some(Value::List(items)) if items.iter().any(|item| matches!(item.value, Value::Table(_))) => {
                format!(": there is one such section: write [{name}], with single brackets")
            }
            Some(_) => {
                format!(": must be a section: write [{name}] on a line of its own, and its keys below")
            }
        };
        let problem = Problem { place: section.place(section.origin), key: name.clone(), message };
        section.findings.problems.push(problem);
        section
    }

    /// A key, with a line on what it does.
    pub fn key(&mut self, name: &'static str, about: &'static str) -> KeyReader<'_, 'a> {
        KeyReader { section: self, name, about, measure: Measure::Plain, implied: None }
    }

    /// Whether the file gives this key. Does not count as asking for it.
    pub fn has(&self, key: &str) -> bool {
        !self.muted && self.entry(key).is_some()
    }

    /// Notes a problem with a key that only its owner can see; `message` says what would be allowed.
    pub fn problem(&mut self, key: &str, message: impl Display) {
        if !self.muted {
            let problem = self.note(key, format!(": {message}"));
            self.findings.problems.push(problem);
        }
    }

    /// Notes what is worth a warning about a key; `message` reads on from its name.
    pub fn warning(&mut self, key: &str, message: impl Display) {
        if !self.muted {
            let warning = self.note(key, format!(": {message}"));
            self.findings.warnings.push(warning);
        }
    }

    /// Accepts an old word for a value of a key, with a warning. To be called before the key is read.
    pub fn renamed_word(&mut self, key: &'static str, old: &'static str, new: &'static str) {
        self.renamed_words.push((key, old, new));
        if self.entry(key).and_then(|node| node.value.text()) == Some(old) {
            let warning = self.note(key, format!(" = \"{old}\" is called \"{new}\" now"));
            self.findings.warnings.push(warning);
        }
    }

    /// Reads keys that mean something only where `key`, which was read before, is one of `words`; elsewhere they are
    /// problems, and the result is `None`.
    pub fn only_with<T>(
        &mut self,
        key: &'static str,
        words: &[&str],
        read: impl FnOnce(&mut Self) -> T,
    ) -> Option<T> {
        let setting = self.settings.iter().find(|setting| setting.key.name == key);
        let word = setting.and_then(|setting| setting.value.as_ref()?.text());
        let holds = word.is_some_and(|word| words.contains(&word));
        let (unknown, before) = (word.is_none(), self.muted);
        self.muted |= !holds;
        let words: Vec<_> = words.iter().map(|word| format!("\"{word}\"")).collect();
        self.conditions.push(format!("{key} = {}", words.join(" or ")));
        let result = read(self);
        self.conditions.pop();
        self.muted = before;
        if unknown {
            // Which keys belong here is not known; taking all of them spares the user false alarms.
            self.known.extend(self.unmet.drain(..).map(|(key, _)| key));
        }
        holds.then_some(result)
    }

    /// Refuses a key, read before, that changes nothing as things are: a problem where the file gives it another value
    /// than its default. `why` reads on from "changes nothing".
    pub fn without_effect(&mut self, key: &str, why: &str) {
        let setting = self.settings.iter().find(|setting| setting.key.name == key);
        let Some(Setting { key: declared, value: Some(value), origin, .. }) = setting else { return };
        let is_default = match (value.finite(), declared.default.value().map(Value::finite)) {
            (Some(value), Some(Some(default))) => value == default,
            _ => declared.default.value().is_some_and(|default| default.to_string() == value.to_string()),
        };
        let is_given = matches!(origin, Origin::Line(_) | Origin::CommandLine);
        if is_given && !is_default {
            let problem = self.note(key, format!(" = {value}: changes nothing {why}"));
            self.findings.problems.push(problem);
        }
    }

    /// Reads the section `[key]` of the root with `read`; one that is not there reads as an empty one.
    pub(crate) fn section<T>(
        &mut self,
        key: &'static str,
        about: &'static str,
        read: impl FnOnce(&mut Section<'a>) -> T,
    ) -> T {
        self.known.push(key);
        let node = self.entry(key);
        self.read_below(key.to_owned(), format!("[{key}]"), about, node, read)
    }

    /// Reads each of the tables `[[section.key]]` with `read`, in the order of the file.
    pub fn sections<T>(
        &mut self,
        key: &'static str,
        about: &'static str,
        mut read: impl FnMut(&mut Section<'a>) -> T,
    ) -> Vec<T> {
        self.known.push(key);
        let path = self.dotted(key);
        let header = format!("[[{path}]]");
        if self.recording {
            return vec![self.read_below(format!("{path}.0"), header, about, None, read)];
        }
        let Some(node) = self.entry(key) else { return Vec::new() };
        let Value::List(items) = &node.value else {
            self.problem(key, format!("write each entry under its own {header}"));
            return Vec::new();
        };
        let items = items.iter().enumerate();
        items
            .map(|(position, item)| {
                self.read_below(format!("{path}.{position}"), header.clone(), about, Some(item), &mut read)
            })
            .collect()
    }

    /// Reads each of the tables `[section.key.NAME]` with `read`, by name, in the order of the file.
    pub fn tables<T>(
        &mut self,
        key: &'static str,
        about: &'static str,
        mut read: impl FnMut(&mut Section<'a>) -> T,
    ) -> Vec<(String, T)> {
        self.known.push(key);
        let mut table = |section: &mut Self, name: &str, node: Option<&'a Node>| {
            let path = format!("{}.{name}", section.dotted(key));
            let header = format!("[{path}]");
            (name.to_owned(), section.read_below(path, header, about, node, &mut read))
        };
        if self.recording {
            return vec![table(self, "NAME", None)];
        }
        let Some(node) = self.entry(key) else { return Vec::new() };
        let Value::Table(tables) = &node.value else {
            self.problem(key, format!("write each entry under its own [{}.NAME]", self.dotted(key)));
            return Vec::new();
        };
        tables.iter().map(|(name, node)| table(self, name, Some(node))).collect()
    }

    /// Declares a key, and reads its value if the file gives one, or takes the one that another key implies; `None` if
    /// there is neither, or if it is not allowed.
    fn read<T>(
        &mut self,
        mut key: Key,
        measure: Measure,
        implied: Option<Implied>,
        convert: impl Fn(&Value) -> Option<T>,
    ) -> Option<T> {
        let name = key.name;
        key.condition = (!self.conditions.is_empty()).then(|| self.conditions.join(" and "));
        let node = if self.muted {
            self.unmet.push((name, key.condition.clone().unwrap_or_default()));
            None
        } else {
            self.known.push(name);
            self.entry(name)
        };
        if let (None, false, Some(Implied { by, value })) = (node, self.muted, implied) {
            let converted = convert(&value);
            let (value, origin) = (Some(value), Origin::Implied(by));
            self.settings.push(Setting { key, value, origin, found: None });
            return converted;
        }
        let given = node.map(|node| self.in_new_words(name, &node.value));
        let converted = given.as_ref().and_then(&convert);
        let (value, origin) = match (given, node) {
            (Some(value), Some(node)) if converted.is_some() => (Some(value), node.origin),
            (None, _) | (_, None) => (key.default.value().cloned(), Origin::Default),
            (Some(value), Some(node)) => {
                let meant = measure.meant(&value, |other| convert(other).is_some());
                let problem = self.note(name, format!(" = {value}: must be {}{meant}", key.allowed));
                self.findings.problems.push(problem);
                (None, node.origin)
            }
        };
        if !self.muted || self.recording {
            self.settings.push(Setting { key, value, origin, found: None });
        }
        converted
    }

    /// Ends reading: keys that were not asked for are problems too.
    pub(crate) fn finish(mut self, into: &mut Findings) {
        self.known.sort_unstable();
        self.known.dedup();
        for (key, _) in self.entries.iter().filter(|(key, _)| !self.known.contains(&key.as_str())) {
            let unmet = self.unmet.iter().filter(|(name, _)| name == key);
            let conditions: Vec<_> = unmet.map(|(_, condition)| condition.as_str()).collect();
            let message = match conditions.as_slice() {
                [] => unknown("key", key, &self.known),
                conditions => format!(": goes with {} only", conditions.join(", or with ")),
            };
            let problem = self.note(key, message);
            self.findings.problems.push(problem);
        }
        let Heading { path, header, stages, about } = self.heading;
        into.sections.push(SectionSettings { path, header, stages, about, settings: self.settings });
        into.problems.append(&mut self.findings.problems);
        into.warnings.append(&mut self.findings.warnings);
        into.sections.append(&mut self.findings.sections);
    }

    fn read_below<T>(
        &mut self,
        path: String,
        header: String,
        about: &'static str,
        node: Option<&'a Node>,
        read: impl FnOnce(&mut Section<'a>) -> T,
    ) -> T {
        let heading = Heading { path, header, stages: self.heading.stages, about };
        let mut section = Section::new(self.document, heading, node, self.recording);
        let result = read(&mut section);
        section.finish(&mut self.findings);
        result
    }

    /// What the file gives for a key.
    fn entry(&self, key: &str) -> Option<&'a Node> {
        self.entries.iter().find(|(name, _)| name == key).map(|(_, node)| node)
    }

    fn in_new_words(&self, key: &str, value: &Value) -> Value {
        let new = self.renamed_words.iter().find(|(of, old, _)| *of == key && value.text() == Some(old));
        new.map_or_else(|| value.clone(), |(_, _, new)| Value::Text((*new).to_owned()))
    }

    fn note(&self, key: &str, message: String) -> Problem {
        let origin = self.entry(key).map(|node| node.origin).or(self.origin);
        Problem { place: self.place(origin), key: self.dotted(key), message }
    }

    /// A key with its section's path; the root has none.
    fn dotted(&self, key: &str) -> String {
        match self.heading.path.as_str() {
            "" => key.to_owned(),
            path => format!("{path}.{key}"),
        }
    }

    fn place(&self, origin: Option<Origin>) -> String {
        origin.map_or_else(|| self.document.file.clone(), |origin| self.document.place(origin))
    }
}
