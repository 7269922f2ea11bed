//! A configuration as it was resolved: every key with its value and where that came from.

use std::fmt::Write;

use serde_json::{Map, Value as Json, json};

use crate::key::{Fallback, SectionSettings, Setting};
use crate::problem::Problem;
use crate::value::Value;

/// Columns that [`Resolved::to_toml`] keeps within, where a single text is not longer.
const WIDTH: usize = 80;

/// A configuration without problems: every key with its value and where that came from.
#[derive(Clone, Debug)]
pub struct Resolved {
    pub(crate) file: String,
    pub(crate) sections: Vec<SectionSettings>,
    /// What is accepted, but not for ever: old words for values.
    pub warnings: Vec<Problem>,
}

impl Resolved {
    /// Gives a key that has no value, and whose default depends on data, the value that it will have; `from` says by what.
    /// One that has a value keeps it.
    pub fn find_out(&mut self, section: &str, key: &str, value: &Json, from: &str) {
        let sections = self.sections.iter_mut().filter(|known| known.path == section);
        let settings = sections.flat_map(|section| &mut section.settings);
        for setting in settings.filter(|setting| setting.key.name == key && setting.value.is_none()) {
            setting.value = Value::of_json(value);
            setting.found = Some(from.to_owned());
        }
    }

    /// As TOML that reads back to the same configuration in the same folder. A comment after each key says where its
    /// value came from: `default`, `pipeline.toml:12` or `--set`. A key without a value is a comment as a whole.
    pub fn to_toml(&self) -> String {
        let settings = || self.sections.iter().flat_map(|section| &section.settings);
        let name = self.file.rsplit('/').next().unwrap_or_default();
        let longest = settings().map(|setting| setting.origin_in(name).chars().count()).max().unwrap_or(0);
        // Leaves room for two spaces and the `#` before the comment.
        let room = WIDTH.saturating_sub("  # ".len() + longest);
        let lines: Vec<_> = settings().map(assignment).collect();
        let column = lines.iter().map(|line| line.chars().count()).filter(|width| *width <= room).max();
        let column = column.unwrap_or(room);
        let mut text = format!("# {}, resolved. Relative paths start at its folder.\n", self.file);
        let mut lines = lines.iter();
        for section in &self.sections {
            let _ = writeln!(text, "\n{}", section.header);
            for (setting, line) in section.settings.iter().zip(lines.by_ref()) {
                let origin = setting.origin_in(name);
                // What is too long for a line with its comment is broken, or has the comment below it.
                let fits = line.chars().count() <= column;
                let last = match (fits, &setting.value) {
                    (true, _) => line.as_str(),
                    (false, Some(Value::List(items))) => {
                        let items: String =
                            items.iter().map(|item| format!("    {},\n", item.value)).collect();
                        let _ = write!(text, "{} = [\n{items}", setting.key.name);
                        "]"
                    }
                    (false, _) => {
                        let _ = writeln!(text, "{line}");
                        ""
                    }
                };
                let _ = writeln!(text, "{last:column$}  # {origin}");
            }
        }
        text
    }

    /// As a JSON object by dotted key, as `--set` takes it: `value`, `default` and `from` of each. `null` stands for
    /// no value.
    pub fn to_json(&self) -> Json {
        let mut keys = Map::new();
        for section in &self.sections {
            for setting in &section.settings {
                let entry = json!({
                    "value": setting.value,
                    "default": setting.key.default.value(),
                    "from": setting.origin_in(&self.file),
                });
                keys.insert(format!("{}.{}", section.path, setting.key.name), entry);
            }
        }
        Json::Object(keys)
    }
}

/// `epochs = 10`, or `# weights: none`.
fn assignment(setting: &Setting) -> String {
    let name = setting.key.name;
    match (&setting.value, &setting.key.default) {
        (Some(value), _) => format!("{name} = {value}"),
        (None, Fallback::Words(words)) => format!("# {name}: {words}"),
        (None, Fallback::Value(_)) => format!("# {name}"),
    }
}
