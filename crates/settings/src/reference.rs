//! Every key there is, as declared by the stages that read them.

use std::fmt::Write;

use serde_json::{Value as Json, json};

use crate::key::{Fallback, Key, SectionSettings};

/// Every key there is.
#[derive(Clone, Debug)]
pub struct Reference {
    pub(crate) sections: Vec<SectionSettings>,
}

impl Reference {
    /// As Markdown: a table per section.
    pub fn to_markdown(&self) -> String {
        let mut text = String::new();
        for section in &self.sections {
            let stages: Vec<_> = section.stages.iter().map(|stage| format!("`{stage}`")).collect();
            let stages = match stages.as_slice() {
                [] => "no stage: changes no result".to_owned(),
                [stage] => format!("stage {stage}"),
                [others @ .., last] => format!("stages {} and {last}", others.join(", ")),
            };
            let _ = writeln!(text, "\n## `{}`\n\n{}. *{stages}*\n", section.header, capital(section.about));
            text.push_str("| key | value | default | what it does |\n|---|---|---|---|\n");
            for setting in &section.settings {
                let Key { name, allowed, default, about, condition } = &setting.key;
                let default = match default {
                    Fallback::Value(value) => format!("`{value}`"),
                    Fallback::Words(words) => (*words).to_owned(),
                };
                let condition = condition.as_ref().map(|condition| format!("With `{condition}`: "));
                let about = format!("{}{about}", condition.unwrap_or_default());
                let _ = writeln!(
                    text,
                    "| `{name}` | {} | {} | {} |",
                    cell(allowed),
                    cell(&default),
                    cell(&about)
                );
            }
        }
        text
    }

    /// As a JSON list of sections, each with its keys.
    pub fn to_json(&self) -> Json {
        let keys = |section: &SectionSettings| -> Vec<Json> {
            let keys = section.settings.iter().map(|setting| &setting.key);
            keys.map(|Key { name, allowed, default, about, condition }| {
                let without = match default {
                    Fallback::Words(words) => Some(*words),
                    Fallback::Value(_) => None,
                };
                json!({
                    "key": name,
                    "value": allowed,
                    "default": default.value(),
                    "without": without,
                    "about": about,
                    "condition": condition,
                })
            })
            .collect()
        };
        let sections = self.sections.iter().map(|section| {
            json!({
                "section": section.path,
                "header": section.header,
                "stages": section.stages,
                "about": section.about,
                "keys": keys(section),
            })
        });
        sections.collect()
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
