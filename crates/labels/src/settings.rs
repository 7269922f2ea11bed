//! The sections `[labels]` and `[[heads]]` of the configuration.

use marque_contracts::schema::HeadKind;
use marque_formats::LabelTable;
use marque_settings::{Reader, Section};
use serde_json::{Value, json};

use crate::{ColumnRule, NameMatching, Rule, TagSyntax};

/// Largest share of photos that may be held out, so that some are left to learn from.
const MOST_HELD_OUT: f64 = 0.5;

/// Highest `min_images` that makes any sense.
const MOST_IMAGES: usize = 1_000_000_000;

/// What decides over the label tables.
#[derive(Clone, PartialEq, Debug)]
pub struct Settings {
    /// How words are found in class names.
    pub matching: NameMatching,
    /// Where the splits come from.
    pub split: SplitSource,
    /// Share of the training photos held out for validation, used only where the data set has no validation
    /// photos of its own.
    pub validation: f64,
    /// Share of the photos held out for testing, used only where the data set has no labelled test photos of
    /// its own.
    pub test: f64,
    /// Seed of what is held out.
    pub seed: u64,
    /// What to do about duplicates in several splits.
    pub on_leak: OnLeak,
    /// Which photos count as duplicates.
    pub duplicates: Duplicates,
    /// The heads, in order.
    pub heads: Vec<HeadDefinition>,
}

/// Where the splits come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum SplitSource {
    /// The data set's own; what it lacks is held out of its training photos, duplicates together.
    #[default]
    Official,
    /// Drawn anew from all photos, each by itself.
    Stratified,
    /// Drawn anew from all photos, duplicates together.
    Grouped,
}

impl SplitSource {
    const ALL: [(&str, Self); 3] =
        [("official", Self::Official), ("stratified", Self::Stratified), ("grouped", Self::Grouped)];
}

/// What to do about duplicates in several splits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OnLeak {
    /// Say so.
    #[default]
    Report,
    /// Leave the photos out that would be trained on, and those for validation that are in the test split.
    DropFromTrain,
    /// Stop.
    Error,
}

impl OnLeak {
    const ALL: [(&str, Self); 3] =
        [("report", Self::Report), ("drop-from-train", Self::DropFromTrain), ("error", Self::Error)];
}

/// Which photos count as duplicates.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Duplicates {
    /// Those that look the same, byte for byte or nearly.
    #[default]
    Near,
    /// Those that are the same byte for byte.
    Identical,
}

impl Duplicates {
    const ALL: [(&str, Self); 2] = [("near", Self::Near), ("identical", Self::Identical)];
}

/// The word of a choice.
fn word<T: PartialEq>(choice: T, choices: &'static [(&'static str, T)]) -> &'static str {
    choices.iter().find(|(_, other)| *other == choice).map_or("", |(word, _)| word)
}

/// One head as declared.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HeadDefinition {
    /// Name: a column of the label table.
    pub name: String,
    /// How its classes come about.
    pub rule: HeadRule,
    /// Single-label or multi-label.
    pub kind: HeadKind,
    /// How several tags stand in one cell of its column.
    pub tag_syntax: TagSyntax,
}

/// How a head's classes come about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum HeadRule {
    /// From class names.
    ClassName {
        /// How.
        rule: Rule,
        /// How words are found in names; `None` for [`Settings::matching`].
        matching: Option<NameMatching>,
    },
    /// From a column of the data set's own.
    Column(ColumnRule),
}

impl Settings {
    /// Reads the sections `[labels]` and `[[heads]]`; whatever is wrong is noted in `reader`.
    pub fn read(reader: &mut Reader<'_>) -> Self {
        let mut settings = reader.section("labels", |section| Self {
            matching: section.choice("rules", NameMatching::default(), &NameMatching::ALL),
            split: section.choice("split", SplitSource::default(), &SplitSource::ALL),
            validation: section.number("validation", 0.1, 0.0..=MOST_HELD_OUT),
            test: section.number("test", 0.2, 0.0..=MOST_HELD_OUT),
            seed: section.seed("seed", 1),
            on_leak: section.choice("on_leak", OnLeak::default(), &OnLeak::ALL),
            duplicates: section.choice("duplicates", Duplicates::default(), &Duplicates::ALL),
            heads: Vec::new(),
        });
        let mut taken = Vec::new();
        settings.heads = reader.sections("heads", |section| HeadDefinition::read(section, &mut taken));
        if settings.heads.is_empty() {
            reader.report("heads", "declare at least one head, each under its own [[heads]]");
        }
        settings
    }

    /// The resolved settings as they enter the fingerprint.
    pub fn to_json(&self) -> Value {
        json!({
            "rules": self.matching.as_str(),
            "split": word(self.split, &SplitSource::ALL),
            "validation": self.validation,
            "test": self.test,
            "seed": self.seed,
            "on_leak": word(self.on_leak, &OnLeak::ALL),
            "duplicates": word(self.duplicates, &Duplicates::ALL),
            "heads": self.heads.iter().map(HeadDefinition::to_json).collect::<Vec<_>>(),
        })
    }
}

impl HeadDefinition {
    /// `taken` are the names of the heads before.
    fn read(section: &mut Section<'_>, taken: &mut Vec<String>) -> Self {
        let name = read_name(section, taken);
        let kinds = [("single", HeadKind::Single), ("tags", HeadKind::Tags)];
        let kind = section.choice("kind", HeadKind::default(), &kinds);
        let tags = kind == HeadKind::Tags;
        let rule = section.choice("rule", None, &RuleName::ALL);
        if rule.is_none() && !section.has("rule") {
            section.problem("rule", "is missing; one of \"make\", \"keyword\", \"year\", \"column\"");
        }
        if tags && matches!(rule, Some(RuleName::Make | RuleName::Year)) {
            section.problem("kind", "\"tags\" goes with rule = \"column\" and rule = \"keyword\" only");
        }
        let rule = match rule {
            Some(RuleName::Make) => {
                let min_images = section.count("min_images", 1000, 1..=MOST_IMAGES) as u64;
                let other = section.text("other", "Other");
                let matching = read_matching(section);
                HeadRule::ClassName { rule: Rule::Make { min_images, other }, matching }
            }
            Some(RuleName::Keyword) => {
                let rule = read_keywords(section, tags);
                HeadRule::ClassName { rule, matching: read_matching(section) }
            }
            Some(RuleName::Year) => {
                HeadRule::ClassName { rule: Rule::Year { breaks: read_breaks(section) }, matching: None }
            }
            Some(RuleName::Column) => HeadRule::Column(read_column(section, &name)),
            None => {
                // Which keys belong here is not known; taking all of them spares the user false alarms.
                section.count("min_images", 1, 1..=MOST_IMAGES);
                section.optional_integers("breaks");
                section.optional_texts("classes");
                for key in ["other", "match", "column", "delimiter", "none"] {
                    section.optional_text(key);
                }
                HeadRule::ClassName { rule: Rule::Year { breaks: Vec::new() }, matching: None }
            }
        };
        let tag_syntax = match (tags, &rule) {
            (true, HeadRule::Column(_)) => read_tag_syntax(section),
            _ => TagSyntax::default(),
        };
        Self { name, rule, kind, tag_syntax }
    }

    fn to_json(&self) -> Value {
        let mut json = match &self.rule {
            HeadRule::ClassName { rule: Rule::Make { min_images, other }, .. } => {
                json!({"rule": "make", "min_images": min_images, "other": other})
            }
            HeadRule::ClassName { rule: Rule::Keyword { classes, other }, .. } => {
                json!({"rule": "keyword", "classes": classes, "other": other})
            }
            HeadRule::ClassName { rule: Rule::Year { breaks }, .. } => {
                json!({"rule": "year", "breaks": breaks})
            }
            HeadRule::Column(rule) => json!({
                "rule": "column",
                "column": rule.column,
                "classes": rule.classes,
                "min_images": rule.min_images,
                "other": rule.other,
            }),
        };
        json["name"] = json!(self.name);
        if let HeadRule::ClassName { matching: Some(matching), .. } = &self.rule {
            json["match"] = json!(word(*matching, &MATCHING));
        }
        if self.kind == HeadKind::Tags {
            json["kind"] = json!(self.kind);
            json["delimiter"] = json!(self.tag_syntax.delimiter);
            json["none"] = json!(self.tag_syntax.none);
        }
        json
    }
}

/// How a head finds words in class names, where it does not follow `[labels] rules`.
const MATCHING: [(&str, NameMatching); 2] =
    [("word", NameMatching::Words), ("substring", NameMatching::Article)];

fn read_matching(section: &mut Section<'_>) -> Option<NameMatching> {
    section.choice("match", None, &MATCHING.map(|(word, matching)| (word, Some(matching))))
}

fn read_tag_syntax(section: &mut Section<'_>) -> TagSyntax {
    let usual = TagSyntax::default();
    let syntax = TagSyntax {
        delimiter: section.text("delimiter", &usual.delimiter),
        none: section.text("none", &usual.none),
    };
    if syntax.none.contains(&syntax.delimiter) {
        section.problem("none", format!("{:?} must not hold the delimiter", syntax.none));
    }
    syntax
}

fn read_column(section: &mut Section<'_>, head: &str) -> ColumnRule {
    let classes = section.optional_texts("classes");
    if classes.as_ref().is_some_and(Vec::is_empty) {
        section.problem("classes", "needs at least one class; without the key all values are classes");
    }
    let other = section.optional_text("other");
    let given = section.has("min_images");
    let min_images = section.count("min_images", 1, 1..=MOST_IMAGES) as u64;
    if given && classes.is_some() {
        section.problem("min_images", "goes without `classes` only: the classes listed are all there are");
    } else if min_images > 1 && other.is_none() {
        section.problem("min_images", "needs `other`, a class for the values with fewer photos");
    }
    once(section, classes.as_deref().unwrap_or_default(), other.as_deref());
    ColumnRule { column: section.text("column", head), classes, min_images, other }
}

/// Notes classes that are there twice.
fn once(section: &mut Section<'_>, classes: &[String], other: Option<&str>) {
    for (position, class) in classes.iter().enumerate() {
        if classes[..position].contains(class) || Some(class.as_str()) == other {
            section
                .problem("classes", format!("{class:?} is there twice; every class, `other` included, once"));
        }
    }
}

#[derive(Clone, Copy)]
enum RuleName {
    Make,
    Keyword,
    Year,
    Column,
}

impl RuleName {
    const ALL: [(&str, Option<Self>); 4] = [
        ("make", Some(Self::Make)),
        ("keyword", Some(Self::Keyword)),
        ("year", Some(Self::Year)),
        ("column", Some(Self::Column)),
    ];
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

/// With tags there is no `other`: a name without any of the keywords has no tag.
fn read_keywords(section: &mut Section<'_>, tags: bool) -> Rule {
    let classes = section.optional_texts("classes");
    let other = if tags { None } else { Some(section.text("other", "Other")) };
    if classes.as_ref().is_none_or(Vec::is_empty) && (classes.is_some() || !section.has("classes")) {
        section.problem("classes", "needs at least one keyword, as in [\"Coupe\", \"SUV\"]");
    }
    let classes = classes.unwrap_or_default();
    for class in classes.iter().filter(|class| !class.contains(char::is_alphanumeric)) {
        section.problem("classes", format!("{class:?} has no letter or digit to look for"));
    }
    once(section, &classes, other.as_deref());
    Rule::Keyword { classes, other: other.unwrap_or_default() }
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
