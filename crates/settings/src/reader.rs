//! Reading a document section by section.

use crate::document::Document;
use crate::key::SectionSettings;
use crate::problem::{Problem, Problems, unknown};
use crate::reference::Reference;
use crate::resolved::Resolved;
use crate::section::{Findings, Heading, Section};
use crate::value::{Node, Origin, Value};

/// Reads the sections of a document and collects what is wrong with them.
pub struct Reader<'a> {
    document: &'a Document,
    known: Vec<&'static str>,
    findings: Findings,
    recording: bool,
}

impl<'a> Reader<'a> {
    /// Begins reading a document.
    pub fn new(document: &'a Document) -> Self {
        Self { document, known: Vec::new(), findings: Findings::default(), recording: false }
    }

    /// Begins reading for [`Reader::reference`]: of an empty document, lists of sections are read as if one was there,
    /// so that all keys are declared.
    pub fn recording(document: &'a Document) -> Self {
        Self { recording: true, ..Self::new(document) }
    }

    /// Reads the section `[name]` with `read`; keys that `read` does not ask for are problems. A section that is not
    /// there reads as an empty one. `stages` are those that its keys belong to, none if they change no result; `about`
    /// is a line on what it is for.
    pub fn section<T>(
        &mut self,
        name: &'static str,
        stages: &'static [&'static str],
        about: &'static str,
        read: impl FnOnce(&mut Section<'a>) -> T,
    ) -> T {
        self.known.push(name);
        let heading = Heading { path: name.to_owned(), header: format!("[{name}]"), stages, about };
        self.read(heading, self.document.root.get(name), read)
    }

    /// Reads each of the sections `[[name]]` with `read`, in the order of the file.
    pub fn sections<T>(
        &mut self,
        name: &'static str,
        stages: &'static [&'static str],
        about: &'static str,
        mut read: impl FnMut(&mut Section<'a>) -> T,
    ) -> Vec<T> {
        self.known.push(name);
        let heading = |position: usize| Heading {
            path: format!("{name}.{position}"),
            header: format!("[[{name}]]"),
            stages,
            about,
        };
        if self.recording {
            return vec![self.read(heading(0), None, read)];
        }
        let Some(node) = self.document.root.get(name) else { return Vec::new() };
        let Value::List(items) = &node.value else {
            self.problem(node.origin, name, format!(": write each entry under its own [[{name}]]"));
            return Vec::new();
        };
        let items = items.iter().enumerate();
        items.map(|(position, item)| self.read(heading(position), Some(item), &mut read)).collect()
    }

    /// Adds a problem that shows only across sections; `key` is the dotted key to name.
    pub fn report(&mut self, key: &str, message: &str) {
        let mut origin = self.document.root.origin;
        let mut node = Some(&self.document.root);
        for part in key.split('.') {
            node = node.and_then(|node| node.get(part));
            origin = node.map_or(origin, |node| node.origin);
        }
        self.problem(origin, key, format!(": {message}"));
    }

    /// Ends reading: sections that nobody asked for are problems too. Gives every key with its value and where that
    /// came from.
    ///
    /// # Errors
    /// Everything that is wrong, in the order of the file.
    pub fn finish(mut self) -> Result<Resolved, Problems> {
        if let Value::Table(entries) = &self.document.root.value {
            let known = std::mem::take(&mut self.known);
            for (name, node) in entries.iter().filter(|(name, _)| !known.contains(&name.as_str())) {
                self.problem(node.origin, &format!("[{name}]"), unknown("section", name, &known));
            }
        }
        let Findings { problems, warnings, sections } = self.findings;
        if !problems.is_empty() {
            return Err(Problems::in_order(problems));
        }
        let warnings = Problems::in_order(warnings).0;
        Ok(Resolved { file: self.document.file.clone(), sections, warnings })
    }

    /// Ends reading that was begun by [`Reader::recording`]: every key that was declared.
    pub fn reference(self) -> Reference {
        let mut sections: Vec<SectionSettings> = self.findings.sections;
        // The one entry of a list that recording makes up stands for all.
        for section in &mut sections {
            section.path = section.path.replace(".0", "");
        }
        Reference { sections }
    }

    fn read<T>(
        &mut self,
        heading: Heading,
        node: Option<&'a Node>,
        read: impl FnOnce(&mut Section<'a>) -> T,
    ) -> T {
        let mut section = Section::new(self.document, heading, node, self.recording);
        let result = read(&mut section);
        section.finish(&mut self.findings);
        result
    }

    fn problem(&mut self, origin: Origin, key: &str, message: String) {
        let place = self.document.place(origin);
        self.findings.problems.push(Problem { place, key: key.to_owned(), message });
    }
}
