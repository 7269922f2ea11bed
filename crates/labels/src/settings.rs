//! The sections `[labels]` and `[[heads]]` of the configuration.

use marque_formats::LabelTable;
use marque_settings::{Reader, Section};
use serde_json::{Value, json};

use crate::{Reading, Rule};

/// Largest share of photos that may be held out, so that some are left to learn from.
const MOST_HELD_OUT: f64 = 0.5;

/// Highest `min_images` that makes any sense.
const MOST_IMAGES: usize = 1_000_000_000;

/// What decides over the label tables.
#[derive(Clone, PartialEq, Debug)]
pub struct Settings {
    /// How class names are read.
    pub reading: Reading,
    /// Share of the training photos held out for validation.
    pub validation: f64,
    /// Share of the training photos held out for testing, used only where the data set has no labelled
    /// test photos of its own.
    pub test: f64,
    /// Seed of what is held out.
    pub seed: u64,
    /// The heads, in order.
    pub heads: Vec<HeadSettings>,
}

/// One head as declared.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HeadSettings {
    /// Name: a column of the label table.
    pub name: String,
    /// How its classes come about.
    pub rule: Rule,
}

impl Settings {
    /// Reads the sections `[labels]` and `[[heads]]`; whatever is wrong is noted in `reader`.
    pub fn read(reader: &mut Reader<'_>) -> Self {
        let mut settings = reader.section("labels", |section| Self {
            reading: section.choice("rules", Reading::default(), &Reading::ALL),
            validation: section.number("validation", 0.1, 0.0..=MOST_HELD_OUT),
            test: section.number("test", 0.2, 0.0..=MOST_HELD_OUT),
            seed: section.seed("seed", 1),
            heads: Vec::new(),
        });
        let mut taken = Vec::new();
        settings.heads = reader.sections("heads", |section| HeadSettings::read(section, &mut taken));
        if settings.heads.is_empty() {
            reader.report("heads", "declare at least one head, each under its own [[heads]]");
        }
        settings
    }

    /// The resolved settings as they enter the fingerprint.
    pub fn to_json(&self) -> Value {
        json!({
            "rules": self.reading.as_str(),
            "validation": self.validation,
            "test": self.test,
            "seed": self.seed,
            "heads": self.heads.iter().map(HeadSettings::to_json).collect::<Vec<_>>(),
        })
    }
}

impl HeadSettings {
    /// `taken` are the names of the heads before.
    fn read(section: &mut Section<'_>, taken: &mut Vec<String>) -> Self {
        let name = read_name(section, taken);
        let rule = section.choice(
            "rule",
            None,
            &[
                ("make", Some(RuleName::Make)),
                ("keyword", Some(RuleName::Keyword)),
                ("year", Some(RuleName::Year)),
            ],
        );
        if rule.is_none() && !section.has("rule") {
            section.problem("rule", "is missing; one of \"make\", \"keyword\", \"year\"");
        }
        let rule = match rule {
            Some(RuleName::Make) => Rule::Make {
                min_images: section.count("min_images", 1000, 1..=MOST_IMAGES) as u64,
                other: section.text("other", "Other"),
            },
            Some(RuleName::Keyword) => read_keywords(section),
            Some(RuleName::Year) => Rule::Year { breaks: read_breaks(section) },
            None => {
                // Which keys belong here is not known; taking all of them spares the user false alarms.
                section.count("min_images", 1, 1..=MOST_IMAGES);
                section.optional_integers("breaks");
                section.optional_texts("classes");
                section.optional_text("other");
                Rule::Year { breaks: Vec::new() }
            }
        };
        Self { name, rule }
    }

    fn to_json(&self) -> Value {
        let name = &self.name;
        match &self.rule {
            Rule::Make { min_images, other } => {
                json!({"name": name, "rule": "make", "min_images": min_images, "other": other})
            }
            Rule::Keyword { classes, other } => {
                json!({"name": name, "rule": "keyword", "classes": classes, "other": other})
            }
            Rule::Year { breaks } => json!({"name": name, "rule": "year", "breaks": breaks}),
        }
    }
}

#[derive(Clone, Copy)]
enum RuleName {
    Make,
    Keyword,
    Year,
}

fn read_name(section: &mut Section<'_>, taken: &mut Vec<String>) -> String {
    let Some(name) = section.optional_text("name") else {
        if !section.has("name") {
            section.problem("name", "is missing; give the head a name, such as \"brand\"");
        }
        return String::new();
    };
    let starts_well = name.starts_with(|c: char| c.is_ascii_lowercase());
    let goes_on_well = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if !starts_well || !goes_on_well {
        section
            .problem("name", format!("{name:?} must be a lower-case letter, then letters, digits and `_`"));
    } else if taken.contains(&name) {
        section.problem("name", format!("{name:?} is the name of another head"));
    } else if let Some(column) = collision(&name, taken) {
        section.problem("name", format!("{name:?} would give the label table a second column `{column}`"));
    }
    taken.push(name.clone());
    name
}

/// A column that a head of this name would share with the label table's own or with another head.
fn collision(name: &str, heads: &[String]) -> Option<String> {
    let own = [name.to_owned(), format!("{name}_id")];
    own.into_iter().find(|column| {
        LabelTable::FIXED_COLUMNS.contains(&column.as_str())
            || heads.iter().any(|head| head == column || format!("{head}_id") == *column)
    })
}

fn read_keywords(section: &mut Section<'_>) -> Rule {
    let classes = section.optional_texts("classes");
    let other = section.text("other", "Other");
    if classes.as_ref().is_none_or(Vec::is_empty) && (classes.is_some() || !section.has("classes")) {
        section.problem("classes", "needs at least one keyword, as in [\"Coupe\", \"SUV\"]");
    }
    let classes = classes.unwrap_or_default();
    for (position, class) in classes.iter().enumerate() {
        if !class.contains(char::is_alphanumeric) {
            section.problem("classes", format!("{class:?} has no letter or digit to look for"));
        }
        if classes[..position].contains(class) || *class == other {
            section
                .problem("classes", format!("{class:?} is there twice; every class, `other` included, once"));
        }
    }
    Rule::Keyword { classes, other }
}

fn read_breaks(section: &mut Section<'_>) -> Vec<i64> {
    let breaks = section.optional_integers("breaks");
    if breaks.is_none() && section.has("breaks") {
        return Vec::new();
    }
    let breaks = breaks.unwrap_or_default();
    if breaks.is_empty() {
        section.problem("breaks", "needs at least one year, the last of its stretch, as in [2009]");
    }
    if breaks.iter().any(|year| !(1800..=2200).contains(year)) {
        section.problem("breaks", "must be years from 1800 to 2200");
    }
    if breaks.windows(2).any(|pair| pair[0] >= pair[1]) {
        section.problem("breaks", "must be years in ascending order, each once");
    }
    breaks
}
