//! Reading a document section by section.

use crate::document::Document;
use crate::key::SectionSettings;
use crate::problem::{Problem, Problems, unknown};
use crate::reference::Reference;
use crate::resolved::Resolved;
use crate::section::{Findings, Heading, Section};

/// Reads the sections of a document and collects what is wrong with them.
pub struct Reader<'a> {
    document: &'a Document,
    /// What holds the sections.
    root: Section<'a>,
}

impl<'a> Reader<'a> {
    /// Begins reading a document.
    pub fn new(document: &'a Document) -> Self {
        Self::begin(document, false)
    }

    /// Begins reading for [`Reader::reference`]: of an empty document, lists of sections are read as if one was there,
    /// so that all keys are declared.
    pub fn recording(document: &'a Document) -> Self {
        Self::begin(document, true)
    }

    fn begin(document: &'a Document, recording: bool) -> Self {
        let heading = Heading { path: String::new(), header: String::new(), stages: &[], about: "" };
        Self { document, root: Section::new(document, heading, Some(&document.root), recording) }
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
        self.root.heading.stages = stages;
        self.root.section(name, about, read)
    }

    /// Reads each of the sections `[[name]]` with `read`, in the order of the file.
    pub fn sections<T>(
        &mut self,
        name: &'static str,
        stages: &'static [&'static str],
        about: &'static str,
        read: impl FnMut(&mut Section<'a>) -> T,
    ) -> Vec<T> {
        self.root.heading.stages = stages;
        self.root.sections(name, about, read)
    }

    /// Adds a problem that shows only across sections; `key` is the dotted key to name.
    pub fn report(&mut self, key: &str, message: &str) {
        let mut origin = self.document.root.origin;
        let mut node = Some(&self.document.root);
        for part in key.split('.') {
            node = node.and_then(|node| node.get(part));
            origin = node.map_or(origin, |node| node.origin);
        }
        let place = self.document.place(origin);
        self.root.findings.problems.push(Problem {
            place,
            key: key.to_owned(),
            message: format!(": {message}"),
        });
    }

    /// Ends reading: sections that nobody asked for are problems too. Gives every key with its value and where that
    /// came from.
    ///
    /// # Errors
    /// Everything that is wrong, in the order of the file.
    pub fn finish(self) -> Result<Resolved, Problems> {
        let Section { entries, known, findings, .. } = self.root;
        let Findings { mut problems, warnings, sections } = findings;
        for (name, node) in entries.iter().filter(|(name, _)| !known.contains(&name.as_str())) {
            let place = self.document.place(node.origin);
            problems.push(Problem {
                place,
                key: format!("[{name}]"),
                message: unknown("section", name, &known),
            });
        }
        if !problems.is_empty() {
            return Err(Problems::in_order(problems));
        }
        let warnings = Problems::in_order(warnings).0;
        Ok(Resolved { file: self.document.file.clone(), sections, warnings })
    }

    /// Ends reading that was begun by [`Reader::recording`]: every key that was declared.
    pub fn reference(self) -> Reference {
        let mut sections: Vec<SectionSettings> = self.root.findings.sections;
        // The one entry of a list that recording makes up stands for all.
        for section in &mut sections {
            section.path = section.path.replace(".0", "");
        }
        Reference { sections }
    }
}
